//! The last good snapshot of every gateway, on disk, so that a worker can start without the control plane.
//!
//! A file is the whole snapshot, including private keys, sealed with the worker's key; the authentication tag
//! detects damage. The files are only a cache: a damaged one, or a damaged key, is set aside and logged, and the
//! control plane sends a new snapshot when it is reachable. Nothing here may keep a worker from starting.

use std::fs;
use std::io;
use std::path::{Path, PathBuf};

use tidegate_shared::id::GatewayId;
use tidegate_shared::private_file;
use tidegate_shared::seal::SealKey;
use tidegate_shared::snapshot::Snapshot;
use tracing::warn;

/// The purpose of the sealing. A new format gets a new number, so that older files are ignored rather than misread.
const PURPOSE: &[u8] = b"tidegate snapshot 2";

/// The extension of a damaged file that is kept for inspection.
const ASIDE: &str = "damaged";

/// The directory of sealed snapshots.
#[derive(Debug)]
pub(crate) struct LastGood {
    dir: PathBuf,
    /// `None` if there is no key and none can be created: then nothing is read or saved.
    key: Option<SealKey>,
}

impl LastGood {
    /// Opens the directory under `data_dir`, and creates it and its key on the first start. The caller holds the
    /// lock of `data_dir`, and has logged if the directory is not writable.
    pub(crate) fn open(data_dir: &Path) -> LastGood {
        let dir = data_dir.join("snapshots");
        if let Err(error) = private_file::create_dir(&dir) {
            tracing::debug!(%error, "no snapshot can be saved");
        }
        LastGood { dir, key: seal_key(&data_dir.join("seal.key")) }
    }

    /// Returns true if a data directory holds a snapshot, readable or not.
    pub(crate) fn is_kept_in(data_dir: &Path) -> bool {
        let Ok(mut entries) = fs::read_dir(data_dir.join("snapshots")) else { return false };
        entries.any(|entry| entry.is_ok_and(|entry| is_snapshot(&entry.path())))
    }

    /// Returns every readable snapshot. Damaged ones are set aside, and replace those that were set aside before.
    pub(crate) fn load(&self) -> Vec<Snapshot> {
        let Some(key) = &self.key else { return Vec::new() };
        let mut found = Vec::new();
        for path in self.files() {
            match read(key, &path) {
                Ok(snapshot) => found.push(snapshot),
                Err(error) => {
                    warn!(file = %path.display(), %error, "a saved snapshot is unusable; the control plane must send it again");
                    set_aside(&path);
                }
            }
        }
        found.sort_by_key(|snapshot| snapshot.gateway);
        found
    }

    fn files(&self) -> impl Iterator<Item = PathBuf> + use<> {
        let entries = fs::read_dir(&self.dir).into_iter().flatten();
        let paths = entries.filter_map(|entry| Some(entry.ok()?.path()));
        paths.filter(|path| is_snapshot(path))
    }

    pub(crate) fn save(&self, snapshot: &Snapshot) -> io::Result<()> {
        let key =
            self.key.as_ref().ok_or_else(|| io::Error::other("there is no key to seal the snapshot"))?;
        let plain = serde_json::to_vec(snapshot).map_err(io::Error::from)?;
        private_file::write(&self.path(snapshot.gateway), &key.seal(PURPOSE, &plain))?;
        // The new file replaces one that was damaged.
        let _ = fs::remove_file(self.path(snapshot.gateway).with_extension(ASIDE));
        Ok(())
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

fn read(key: &SealKey, path: &Path) -> io::Result<Snapshot> {
    let sealed = private_file::read(path)?;
    let plain = key.open(PURPOSE, sealed.expose()).map_err(io::Error::other)?;
    serde_json::from_slice(plain.expose()).map_err(io::Error::from)
}

/// Returns the key that snapshots are sealed with. A damaged key is replaced: the snapshots sealed with it are
/// lost, but are a cache.
fn seal_key(path: &Path) -> Option<SealKey> {
    if let Ok(Some(mode)) = private_file::mode_if_shared(path) {
        let mode = format!("{mode:04o}");
        warn!(file = %path.display(), mode, "the key of the saved snapshots was accessible to others; its mode is set to 0600");
        if let Err(error) = private_file::tighten(path) {
            warn!(%error, "the mode of a key cannot be set");
        }
    }
    let error = match SealKey::load_or_create(path) {
        Ok(key) => return Some(key),
        Err(error) => error,
    };
    if error.kind() != io::ErrorKind::InvalidData {
        warn!(%error, "there is no key for snapshots: none is read, and none is saved");
        return None;
    }
    warn!(%error, "the key of the saved snapshots is damaged and was replaced; the snapshots are lost until the control plane sends them again");
    set_aside(path);
    SealKey::load_or_create(path)
        .inspect_err(|error| warn!(%error, "a key for snapshots cannot be created"))
        .ok()
}

/// Sets a damaged file aside for inspection, in the place of an earlier one.
fn set_aside(path: &Path) {
    let aside = path.with_extension(ASIDE);
    let removed = match fs::symlink_metadata(&aside) {
        Ok(there) if there.is_dir() => fs::remove_dir_all(&aside),
        Ok(_) => fs::remove_file(&aside),
        Err(_) => Ok(()),
    };
    if let Err(error) = removed.and_then(|()| fs::rename(path, &aside)) {
        tracing::debug!(file = %path.display(), %error, "a damaged file cannot be set aside");
    }
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::PermissionsExt;

    use super::*;
    use tidegate_shared::id::Generation;
    use tidegate_shared::secret::Secret;
    use tidegate_shared::snapshot::{Certificate, Content};

    fn snapshot(number: u128) -> Snapshot {
        let key = Secret::new(b"a very private key".to_vec());
        let certificate = Certificate { name: "c".into(), chain: vec![vec![1]], key, staple: None };
        let content = Content { certificates: vec![certificate], ..Content::default() };
        let gateway = GatewayId(uuid::Uuid::from_u128(number));
        Snapshot { gateway, generation: Generation(3), content, affinity_key: Secret::new(vec![2; 32]) }
    }

    #[test]
    fn what_was_saved_comes_back_and_damage_is_set_aside() {
        let dir = tempfile::tempdir().unwrap();
        let last_good = LastGood::open(dir.path());
        assert!(!LastGood::is_kept_in(dir.path()));
        let (one, other) = (snapshot(7), snapshot(8));
        last_good.save(&one).unwrap();
        last_good.save(&other).unwrap();
        assert_eq!(LastGood::open(dir.path()).load(), [one.clone(), other.clone()]);

        let path = last_good.path(one.gateway);
        let mut bytes = fs::read(&path).unwrap();
        assert!(!bytes.windows(7).any(|window| window == b"private"), "the key lies open on disk");
        bytes[20] ^= 1;
        fs::write(&path, bytes).unwrap();
        assert_eq!(last_good.load(), std::slice::from_ref(&other));
        assert!(!path.exists() && path.with_extension(ASIDE).exists());
        fs::create_dir(&path).unwrap();
        assert_eq!(last_good.load(), std::slice::from_ref(&other), "a directory in its place");
        fs::create_dir(&path).unwrap();
        assert_eq!(last_good.load(), std::slice::from_ref(&other), "and another");
        assert!(path.with_extension(ASIDE).is_dir());

        fs::remove_dir(path.with_extension(ASIDE)).unwrap();
        last_good.save(&one).unwrap();
        assert_eq!(last_good.load(), [one.clone(), other]);
        last_good.remove(one.gateway).unwrap();
        last_good.remove(one.gateway).unwrap();
        assert!(!path.exists());
    }

    #[test]
    fn a_key_that_is_damaged_loose_or_not_to_be_had_is_no_reason_not_to_start() {
        let dir = tempfile::tempdir().unwrap();
        let one = snapshot(7);
        LastGood::open(dir.path()).save(&one).unwrap();
        let path = dir.path().join("seal.key");

        fs::set_permissions(&path, fs::Permissions::from_mode(0o644)).unwrap();
        assert_eq!(LastGood::open(dir.path()).load(), std::slice::from_ref(&one));
        assert_eq!(fs::metadata(&path).unwrap().permissions().mode() & 0o777, 0o600);

        let key = fs::read(&path).unwrap();
        fs::write(&path, &key[..10]).unwrap();
        let renewed = LastGood::open(dir.path());
        assert_eq!(renewed.load(), [], "sealed under the key that is lost");
        renewed.save(&one).unwrap();
        assert_eq!(LastGood::open(dir.path()).load(), std::slice::from_ref(&one));
        assert_eq!(fs::read(path.with_extension(ASIDE)).unwrap(), key[..10]);

        fs::remove_file(&path).unwrap();
        fs::create_dir(&path).unwrap();
        let without = LastGood::open(dir.path());
        assert!(LastGood::is_kept_in(dir.path()), "what is there is left alone");
        assert_eq!(without.load(), []);
        assert!(without.save(&one).is_err());
    }
}
