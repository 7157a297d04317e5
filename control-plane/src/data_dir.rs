//! The content of a data directory, which one process opens at a time.
//!
//! `tidegate worker token` may run at the same time as the first start of a control plane. Without a lock each
//! would create an authority, and the key of one could be stored with the certificate of the other.

use std::fs::{File, OpenOptions};
use std::io;
use std::os::unix::fs::OpenOptionsExt;
use std::path::Path;

use tidegate_shared::private_file;
use tokio::task::spawn_blocking;

use crate::admin_token::AdminToken;
use crate::clock::Millis;
use crate::pki::Authorities;
use crate::start_error::StartError;
use crate::store::{Schema, Store};

/// An opened data directory.
#[derive(Debug)]
pub(crate) struct DataDir {
    /// The certificate authorities.
    pub(crate) authorities: Authorities,
    pub(crate) token: AdminToken,
    /// The database.
    pub(crate) store: Store,
}

impl DataDir {
    /// Opens the directory and creates missing files, under the lock.
    ///
    /// # Errors
    /// If a file cannot be read, created or used.
    pub(crate) async fn open(path: &Path, schema: Schema) -> Result<DataDir, StartError> {
        private_file::create_dir(path)?;
        let _lock = lock(path).await?;
        let authorities = Authorities::load_or_create(path, Millis::now())?;
        let token = AdminToken::load_or_create(path)?;
        let store = Store::open(path, schema).await?;
        Ok(DataDir { authorities, token, store })
    }
}

/// Acquires the lock, which is released when the file is closed, even if the process dies.
pub(crate) async fn lock(data_dir: &Path) -> io::Result<File> {
    let path = data_dir.join("init.lock");
    let lock = move || {
        let file = OpenOptions::new().create(true).append(true).mode(0o600).open(&path)?;
        file.lock()?;
        Ok(file)
    };
    spawn_blocking(lock).await.map_err(io::Error::other)?
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::sync::Arc;
    use tokio_util::task::TaskTracker;

    #[tokio::test(flavor = "multi_thread", worker_threads = 4)]
    async fn those_who_open_it_first_at_once_find_the_same() {
        let dir = Arc::new(tempfile::tempdir().unwrap());
        let tracker = TaskTracker::new();
        let open = |_| {
            let dir = dir.clone();
            tracker.spawn(async move {
                let opened = DataDir::open(dir.path(), Schema::Current).await.unwrap();
                opened.store.close().await;
                opened.authorities.pem()
            })
        };
        let opened: Vec<_> = (0..8).map(open).collect();
        let again = DataDir::open(dir.path(), Schema::Migrate).await.unwrap();
        for pem in opened {
            assert_eq!(pem.await.unwrap(), again.authorities.pem());
        }
    }
}
