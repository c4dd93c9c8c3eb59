//! Files of the config folder that the screen writes: whole or not at all.

use std::fs::{self, OpenOptions};
use std::io::{self, Write};
use std::os::unix::fs::OpenOptionsExt;
use std::path::{Path, PathBuf};

use banto_channel::both;

use super::Fault;

/// Writes a file in one step: whoever reads it meanwhile sees the old text or the new one. Its folder is made.
///
/// Errors: the system's; the old text is still there.
pub(super) fn replace(path: &Path, content: &[u8], mode: u32) -> io::Result<()> {
    let folder = path.parent().unwrap_or(Path::new("."));
    fs::create_dir_all(folder)?;
    let new = beside(path);
    let written = write(&new, content, mode).and_then(|()| fs::rename(&new, path));
    if written.is_err() {
        let _ = fs::remove_file(&new);
        return written;
    }
    // The new name is safe on disk when its folder is.
    fs::File::open(folder)?.sync_all()
}

/// As [`replace`], for a file that is not there yet.
///
/// Errors: the system's; [`io::ErrorKind::AlreadyExists`] where there is one, which stays as it is.
pub(super) fn create(path: &Path, content: &[u8], mode: u32) -> io::Result<()> {
    let folder = path.parent().unwrap_or(Path::new("."));
    fs::create_dir_all(folder)?;
    let new = beside(path);
    // A second name for the whole file, which must not be taken: a rename would take it.
    let made = write(&new, content, mode).and_then(|()| fs::hard_link(&new, path));
    let _ = fs::remove_file(&new);
    made?;
    fs::File::open(folder)?.sync_all()
}

/// A name that nobody reads: those of templates and channels do not begin with a dot.
fn beside(path: &Path) -> PathBuf {
    let name = path.file_name().unwrap_or_default().to_string_lossy();
    path.with_file_name(format!(".{name}.{}", std::process::id()))
}

fn write(path: &Path, content: &[u8], mode: u32) -> io::Result<()> {
    let _ = fs::remove_file(path);
    let mut file = OpenOptions::new().write(true).create_new(true).mode(mode).open(path)?;
    file.write_all(content)?;
    file.sync_all()
}

/// That a file cannot be written, and what to do about it.
pub(super) fn fault(path: &Path, error: &io::Error) -> Fault {
    let shown = path.display();
    let folder = path.parent().unwrap_or(path).display();
    let why = match error.kind() {
        io::ErrorKind::ReadOnlyFilesystem => both!(
            "{shown} cannot be written: the service sees its config folder read-only. Change the file by hand, or allow it \
             with `systemctl edit banto`: [Service] ReadWritePaths={folder}, then restart banto. Nothing was changed",
            "{shown} に書き込めません。設定フォルダーが読み取り専用です。手作業で変更するか、`systemctl edit banto` で [Service] ReadWritePaths={folder} を追加して再起動してください。何も変更されていません"
        ),
        io::ErrorKind::PermissionDenied => both!(
            "{shown} cannot be written: banto's user may not. Let it: chown banto {folder}. Nothing was changed",
            "{shown} に書き込む権限がありません。chown banto {folder} で許可してください。何も変更されていません"
        ),
        _ => both!(
            "{shown} cannot be written ({error}). Nothing was changed",
            "{shown} に書き込めません（{error}）。何も変更されていません"
        ),
    };
    Fault::refused(why)
}

#[cfg(test)]
mod tests {
    #![expect(clippy::unwrap_used, reason = "a test that cannot go on should stop here")]

    use std::os::unix::fs::PermissionsExt;

    use super::*;

    #[test]
    fn a_file_is_replaced_whole_with_its_mode_and_leaves_nothing_beside_it() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("new/secret");
        for content in ["one", "two, longer"] {
            replace(&path, content.as_bytes(), 0o600).unwrap();
            assert_eq!(fs::read_to_string(&path).unwrap(), content);
            assert_eq!(fs::metadata(&path).unwrap().permissions().mode() & 0o777, 0o600);
        }
        assert_eq!(fs::read_dir(path.parent().unwrap()).unwrap().count(), 1);
    }

    #[test]
    fn a_file_that_is_there_is_not_made_anew() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("channels/honten.toml");
        create(&path, b"first", 0o640).unwrap();
        assert_eq!(fs::metadata(&path).unwrap().permissions().mode() & 0o777, 0o640);
        assert_eq!(create(&path, b"second", 0o640).unwrap_err().kind(), io::ErrorKind::AlreadyExists);
        assert_eq!(fs::read_to_string(&path).unwrap(), "first");
        assert_eq!(fs::read_dir(path.parent().unwrap()).unwrap().count(), 1);
    }

    #[test]
    fn what_cannot_be_written_leaves_the_old_text_and_names_the_remedy() {
        let dir = tempfile::tempdir().unwrap();
        // A folder where the file should be: no user, not even root, can rename over it.
        let path = dir.path().join("file");
        fs::create_dir(&path).unwrap();
        let error = replace(&path, b"x", 0o600).unwrap_err();
        assert_eq!(fs::read_dir(dir.path()).unwrap().count(), 1, "no half-written file is left");
        assert!(fault(&path, &error).why.en.contains("Nothing was changed"));
        let denied = io::Error::from(io::ErrorKind::PermissionDenied);
        assert!(fault(&path, &denied).why.en.contains("chown banto"));
    }
}
