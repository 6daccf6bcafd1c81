//! Replacing a file in one step.

use std::fs::{self, File, OpenOptions};
use std::io::{self, ErrorKind, Write};
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU32, Ordering};

/// Makes `bytes` the content of the file at `path`, which keeps its permissions. Whatever happens
/// on the way, the file is the one from before or the new one; after a return without error the new
/// one survives a loss of power.
///
/// The bytes go to a file of another name in the same folder, are forced to the disk, and only then
/// take the name; then the folder, which holds the name, is forced to the disk. Without the first
/// force the name could survive a loss of power and the bytes not.
pub(super) fn replace(path: &Path, bytes: &[u8]) -> io::Result<()> {
    // A link is followed: the file that it names is replaced, in that file's folder.
    let path = match fs::canonicalize(path) {
        Ok(real) => real,
        Err(e) if e.kind() == ErrorKind::NotFound => path.to_path_buf(),
        Err(e) => return Err(e),
    };
    let name = path.file_name().ok_or_else(|| io::Error::from(ErrorKind::InvalidInput))?;
    let folder = match path.parent() {
        Some(folder) if !folder.as_os_str().is_empty() => folder,
        _ => Path::new("."),
    };
    // The process and a counter: two savers at once do not meet in one file.
    static NEXT: AtomicU32 = AtomicU32::new(0);
    let number = NEXT.fetch_add(1, Ordering::Relaxed);
    let mut temporary = std::ffi::OsString::from(".");
    temporary.push(name);
    temporary.push(format!(".{}-{number}.tmp", std::process::id()));

    let temporary = Temporary(folder.join(temporary));
    // A file that a dead process of the same number has left is overwritten.
    let mut file = OpenOptions::new().write(true).create(true).truncate(true).open(&temporary.0)?;
    file.write_all(bytes)?;
    if let Ok(before) = fs::metadata(&path) {
        file.set_permissions(before.permissions())?;
    }
    file.sync_all()?;
    drop(file);
    fs::rename(&temporary.0, &path)?;
    sync_folder(folder)
}

/// Only Unix can force a folder; elsewhere the rename itself is all there is.
fn sync_folder(folder: &Path) -> io::Result<()> {
    if cfg!(unix) { File::open(folder)?.sync_all() } else { Ok(()) }
}

/// Removes the file on drop; after the rename there is none of this name.
struct Temporary(PathBuf);

impl Drop for Temporary {
    fn drop(&mut self) {
        let _ = fs::remove_file(&self.0);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::test_dir::TestDir;

    fn names(dir: &TestDir) -> Vec<std::ffi::OsString> {
        fs::read_dir(dir.path()).unwrap().map(|e| e.unwrap().file_name()).collect()
    }

    #[test]
    fn a_file_is_made_and_replaced_and_nothing_is_left_behind() {
        let dir = TestDir::new();
        let path = dir.path().join("file");
        for bytes in [&b"one"[..], b"two and more", b""] {
            replace(&path, bytes).unwrap();
            assert_eq!(fs::read(&path).unwrap(), bytes);
        }
        assert_eq!(names(&dir), ["file"]);
    }

    #[test]
    fn a_failure_leaves_the_old_file_and_nothing_else() {
        let dir = TestDir::new();
        // A folder of that name cannot be replaced by a file.
        let path = dir.path().join("folder");
        fs::create_dir(&path).unwrap();
        fs::write(path.join("inside"), "kept").unwrap();
        assert!(replace(&path, b"bytes").is_err());
        assert_eq!(names(&dir), ["folder"]);
        assert_eq!(fs::read(path.join("inside")).unwrap(), b"kept");
        let nowhere = dir.path().join("nowhere").join("file");
        assert_eq!(replace(&nowhere, b"bytes").unwrap_err().kind(), ErrorKind::NotFound);
        assert!(replace(Path::new("/"), b"bytes").is_err());
    }

    /// A reader that comes at any time sees one of the two contents whole.
    #[test]
    fn readers_never_see_a_mixture() {
        let dir = TestDir::new();
        let path = dir.path().join("file");
        let contents = [vec![1u8; 100_000], vec![2u8; 50_000]];
        replace(&path, &contents[0]).unwrap();
        std::thread::scope(|scope| {
            for content in &contents {
                let path = &path;
                scope.spawn(move || (0..20).for_each(|_| replace(path, content).unwrap()));
            }
            for _ in 0..50 {
                let seen = fs::read(&path).unwrap();
                assert!(contents.contains(&seen));
            }
        });
        assert_eq!(names(&dir), ["file"]);
    }

    #[cfg(unix)]
    #[test]
    fn permissions_and_links_stay() {
        use std::os::unix::fs::{PermissionsExt, symlink};
        let dir = TestDir::new();
        let (path, link) = (dir.path().join("file"), dir.path().join("link"));
        fs::write(&path, "old").unwrap();
        fs::set_permissions(&path, fs::Permissions::from_mode(0o640)).unwrap();
        symlink(&path, &link).unwrap();
        replace(&link, b"new").unwrap();
        assert_eq!(fs::read(&path).unwrap(), b"new");
        assert_eq!(fs::metadata(&path).unwrap().permissions().mode() & 0o777, 0o640);
        assert!(fs::symlink_metadata(&link).unwrap().is_symlink());
    }
}
