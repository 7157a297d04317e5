//! File systems that a test mounts. Only root can mount.

use std::path::{Path, PathBuf};

use tidegate_harness::run;

/// A mounted file system; unmounted on drop.
pub(super) struct Mount(PathBuf);

impl Mount {
    /// Mounts an empty file system in memory at a directory. `size` is a size of `mount`, such as `24m`. Returns `None`
    /// if this user may not mount.
    pub(super) async fn tmpfs(directory: &Path, size: &str) -> Option<Mount> {
        let options = format!("size={size},mode=700");
        Mount::at(directory, &["-t", "tmpfs", "-o", &options, "tmpfs"]).await
    }

    /// Mounts a directory read-only at its own place. Returns `None` if this user may not mount.
    pub(super) async fn read_only(directory: &Path) -> Option<Mount> {
        let source = directory.to_str().expect("the test can be set up");
        let mount = Mount::at(directory, &["--bind", source]).await?;
        let remounted = run("mount", &["-o", "remount,bind,ro", source], &[]).await;
        assert!(remounted.status.success(), "{}", String::from_utf8_lossy(&remounted.stderr));
        Some(mount)
    }

    async fn at(directory: &Path, arguments: &[&str]) -> Option<Mount> {
        let target = directory.to_str().expect("the test can be set up");
        let mounted = run("mount", &[arguments, &[target]].concat(), &[]).await;
        if !mounted.status.success() {
            let why = String::from_utf8_lossy(&mounted.stderr);
            println!("skipped: a file system could not be mounted, which takes root: {}", why.trim());
            return None;
        }
        Some(Mount(directory.to_owned()))
    }

    /// The directory at which the file system is mounted.
    pub(super) fn path(&self) -> &Path {
        &self.0
    }
}

impl Drop for Mount {
    fn drop(&mut self) {
        // A lazy unmount, because the processes under test may still have open files there.
        let _ = std::process::Command::new("umount").arg("-l").arg(&self.0).status();
    }
}
