//! The last good snapshot of every gateway, on disk, so that a worker can start when the control plane is away.
//!
//! A file is the whole snapshot, private keys included, sealed under the worker's key: its tag is the checksum. One
//! that was damaged is set aside with a word in the log; the control plane sends a fresh one when it is there.

use std::fs;
use std::io;
use std::path::{Path, PathBuf};

use tidegate_shared::id::GatewayId;
use tidegate_shared::private_file;
use tidegate_shared::seal::SealKey;
use tidegate_shared::snapshot::Snapshot;

/// Raised when the format of snapshots changes: older files are then ignored rather than misread.
const PURPOSE: &[u8] = b"tidegate snapshot 1";

/// The directory of sealed snapshots.
#[derive(Debug)]
pub(crate) struct LastGood {
    dir: PathBuf,
    key: SealKey,
}

impl LastGood {
    /// Opens the directory under `data_dir`, making it and its key on the first start.
    pub(crate) fn open(data_dir: &Path) -> io::Result<LastGood> {
        let dir = data_dir.join("snapshots");
        private_file::create_dir(&dir)?;
        Ok(LastGood { dir, key: SealKey::load_or_create(&data_dir.join("seal.key"))? })
    }

    /// Whether a data directory holds a snapshot, readable or not.
    pub(crate) fn is_kept_in(data_dir: &Path) -> bool {
        let Ok(mut entries) = fs::read_dir(data_dir.join("snapshots")) else { return false };
        entries.any(|entry| entry.is_ok_and(|entry| is_snapshot(&entry.path())))
    }

    /// Every snapshot that can be read.
    pub(crate) fn load(&self) -> io::Result<Vec<Snapshot>> {
        let mut found = Vec::new();
        for entry in fs::read_dir(&self.dir)? {
            let path = entry?.path();
            if !is_snapshot(&path) {
                continue;
            }
            match self.read(&path) {
                Ok(snapshot) => found.push(snapshot),
                Err(error) => tracing::warn!(file = %path.display(), %error, "a saved snapshot is unusable"),
            }
        }
        found.sort_by_key(|snapshot| snapshot.gateway);
        Ok(found)
    }

    fn read(&self, path: &Path) -> io::Result<Snapshot> {
        let sealed = private_file::read(path)?;
        let plain = self.key.open(PURPOSE, sealed.expose()).map_err(io::Error::other)?;
        serde_json::from_slice(plain.expose()).map_err(io::Error::from)
    }

    pub(crate) fn save(&self, snapshot: &Snapshot) -> io::Result<()> {
        let plain = serde_json::to_vec(snapshot).map_err(io::Error::from)?;
        private_file::write(&self.path(snapshot.gateway), &self.key.seal(PURPOSE, &plain))
    }

    pub(crate) fn remove(&self, gateway: GatewayId) -> io::Result<()> {
        match fs::remove_file(self.path(gateway)) {
            Err(error) if error.kind() != io::ErrorKind::NotFound => Err(error),
            _ => Ok(()),
        }
    }

    fn path(&self, gateway: GatewayId) -> PathBuf {
        self.dir.join(format!("{gateway}.sealed"))
    }
}

fn is_snapshot(path: &Path) -> bool {
    path.extension().is_some_and(|extension| extension == "sealed")
}

#[cfg(test)]
mod tests {
    use super::*;
    use tidegate_shared::id::Generation;
    use tidegate_shared::secret::Secret;
    use tidegate_shared::snapshot::{Certificate, Content};

    #[test]
    fn what_was_saved_comes_back_and_damage_is_noticed() {
        let dir = tempfile::tempdir().unwrap();
        let last_good = LastGood::open(dir.path()).unwrap();
        let key = Secret::new(b"a very private key".to_vec());
        let certificate = Certificate { name: "c".into(), chain: vec![vec![1]], key, staple: None };
        let content = Content { certificates: vec![certificate], ..Content::default() };
        let gateway = GatewayId(uuid::Uuid::from_u128(7));
        let affinity_key = Secret::new(vec![2; 32]);
        let snapshot = Snapshot { gateway, generation: Generation(3), content, affinity_key };
        last_good.save(&snapshot).unwrap();
        assert_eq!(LastGood::open(dir.path()).unwrap().load().unwrap(), [snapshot]);

        let path = last_good.path(gateway);
        let mut bytes = fs::read(&path).unwrap();
        assert!(!bytes.windows(7).any(|window| window == b"private"), "the key lies open on disk");
        bytes[20] ^= 1;
        fs::write(&path, bytes).unwrap();
        assert_eq!(last_good.load().unwrap(), []);

        last_good.remove(gateway).unwrap();
        last_good.remove(gateway).unwrap();
        assert!(!path.exists());
    }
}
