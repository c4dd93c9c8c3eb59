//! The folder: every touch of the file system stands here.
//!
//! There is no HTTP in this connector. The calls block for as long as a disk takes, which is fine because each of them
//! moves one file or reads one of bounded size; on a network share that hangs, this channel hangs and no other.
//!
//! ```text
//! orders/            files come in here
//! orders/reading/    the one that is being read; moved here first, so that nobody can replace it meanwhile
//! orders/done/       00000007-<hash>-<name>: read and committed; also the register of what was read
//! orders/bad/        what cannot be read at all, each with a .why.txt
//! offers/            exports of what is offered; the newest one counts
//! stock/ shipments/ cancels/    files go out here
//! ```

use std::ffi::OsString;
use std::fs::{self, File};
use std::io::{self, Read as _, Write as _};
use std::path::{Path, PathBuf};
use std::time::UNIX_EPOCH;

use banto_channel::{Bilingual, Error, ErrorKind, Result, Timestamp, both};
use sha2::{Digest, Sha256};

/// Where files come in.
pub(crate) const ORDERS: &str = "orders";
const READING: &str = "orders/reading";
const DONE: &str = "orders/done";
/// Where files lie that cannot be read at all.
pub(crate) const BAD: &str = "orders/bad";

/// A folder that is not there may come back in so long.
const SHARE_AWAY: std::time::Duration = std::time::Duration::from_secs(30);

/// Characters of the content's hash in names and cursors: 128 bits.
const HASH_LENGTH: usize = 32;

/// A file that lies in a folder.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Entry {
    pub(crate) path: PathBuf,
    pub(crate) name: OsString,
    pub(crate) size: u64,
    /// When it last changed, by the file system's clock.
    pub(crate) modified: Timestamp,
}

impl Entry {
    /// Its name for people and for names made of it.
    pub(crate) fn shown(&self) -> String {
        self.name.to_string_lossy().into_owned()
    }

    /// Whether the name is one of a table that is there whole: no temporary file, no other kind.
    pub(crate) fn is_table(&self) -> bool {
        let name = self.shown().to_ascii_lowercase();
        !name.starts_with(['.', '~']) && [".csv", ".tsv", ".txt"].iter().any(|end| name.ends_with(end))
    }
}

/// A file that was taken up for reading.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Numbered {
    /// Its place in the order of reading, from 1 on.
    pub(crate) number: u64,
    /// Hash of its content, where the name says it (in `done/`).
    pub(crate) hash: Option<String>,
    /// The name under which it came.
    pub(crate) name: String,
    pub(crate) path: PathBuf,
}

/// What lies in a file.
pub(crate) enum Content {
    Bytes {
        bytes: Vec<u8>,
        hash: String,
    },
    /// Above the limit; not read.
    TooLarge {
        size: u64,
    },
}

impl Content {
    /// What tells it from others.
    pub(crate) fn hash(&self) -> String {
        match self {
            Self::Bytes { hash, .. } => hash.clone(),
            Self::TooLarge { size } => format!("too-large-{size}"),
        }
    }
}

/// The hash of a content, as it stands in names.
pub(crate) fn hash(bytes: &[u8]) -> String {
    let digest = Sha256::digest(bytes);
    let mut text: String = digest.iter().map(|byte| format!("{byte:02x}")).collect();
    text.truncate(HASH_LENGTH);
    text
}

/// The folder of one channel.
#[derive(Clone, Debug)]
pub(crate) struct Folder {
    root: PathBuf,
}

impl Folder {
    pub(crate) const fn new(root: PathBuf) -> Self {
        Self { root }
    }

    /// Errors: [`ErrorKind::Unreachable`] unless the folder and its `orders/` are there.
    pub(crate) fn is_there(&self) -> Result<()> {
        match fs::metadata(self.root.join(ORDERS)) {
            Ok(found) if found.is_dir() => Ok(()),
            Ok(_) => Err(Error::told(
                ErrorKind::Config,
                both!(
                    "{root}/orders is a file; it must be a folder",
                    "{root}/orders がファイルです。フォルダーにしてください",
                    root = self.root.display()
                ),
            )),
            Err(e) => Err(told(("looking for", "確認"), &self.root.join(ORDERS), &e)),
        }
    }

    /// Files in one of the subfolders, neither links nor folders; none if it is not there.
    pub(crate) fn list(&self, subfolder: &str) -> Result<Vec<Entry>> {
        let path = self.root.join(subfolder);
        let failed = |e: io::Error| told(("reading", "読み込み"), &path, &e);
        let found = match fs::read_dir(&path) {
            Err(e) if e.kind() == io::ErrorKind::NotFound && subfolder != ORDERS => return Ok(Vec::new()),
            other => other.map_err(failed)?,
        };
        let mut entries = Vec::new();
        for entry in found {
            let entry = entry.map_err(failed)?;
            // A file that was taken away since is none.
            let Ok(meta) = entry.metadata() else { continue };
            if meta.is_file() {
                let since = meta.modified().ok().and_then(|at| at.duration_since(UNIX_EPOCH).ok());
                entries.push(Entry {
                    path: entry.path(),
                    name: entry.file_name(),
                    size: meta.len(),
                    modified: Timestamp::default().plus(since.unwrap_or_default()),
                });
            }
        }
        Ok(entries)
    }

    /// Files that came in whole or in part, oldest first.
    pub(crate) fn incoming(&self) -> Result<Vec<Entry>> {
        let mut files = self.list(ORDERS)?;
        files.retain(Entry::is_table);
        files.sort_by(|a, b| (a.modified, &a.name).cmp(&(b.modified, &b.name)));
        Ok(files)
    }

    /// Files that are being read: one, unless somebody put others there.
    pub(crate) fn reading(&self) -> Result<Vec<Numbered>> {
        Ok(self.list(READING)?.into_iter().filter_map(|entry| numbered(entry, false)).collect())
    }

    /// Files that were taken up, in the order of reading; those in `done/` have their hash.
    pub(crate) fn numbered(&self) -> Result<Vec<Numbered>> {
        let mut files = self.reading()?;
        files.extend(self.list(DONE)?.into_iter().filter_map(|entry| numbered(entry, true)));
        files.sort_by_key(|file| file.number);
        Ok(files)
    }

    /// Takes a file up: moves it to where nobody replaces it.
    pub(crate) fn take_up(&self, path: &Path, name: &str, number: u64) -> Result<Numbered> {
        let to = self.make(READING)?.join(format!("{number:08}-{}", short(name)));
        move_file(path, &to)?;
        Ok(Numbered { number, hash: None, name: name.to_owned(), path: to })
    }

    /// Lays a file that was read among the others. Its name registers its content.
    pub(crate) fn lay_down(&self, file: &Numbered, hash: &str) -> Result<()> {
        let to = self.make(DONE)?.join(format!("{:08}-{hash}-{}", file.number, short(&file.name)));
        move_file(&file.path, &to)
    }

    /// Lays a file aside whose content was read before under another name.
    pub(crate) fn lay_aside(&self, file: &Numbered, hash: &str) -> Result<()> {
        let to = self.make(DONE)?.join(format!("again-{hash}-{}", short(&file.name)));
        move_file(&file.path, &to)
    }

    /// Moves a file that cannot be read to `bad/`, with the reason beside it in both languages.
    pub(crate) fn reject(&self, file: &Numbered, why: &Bilingual) -> Result<()> {
        let bad = self.make(BAD)?;
        let name = format!("{:08}-{}", file.number, short(&file.name));
        write(&bad.join(format!("{name}.why.txt")), format!("{}\n{}\n", why.en, why.ja).as_bytes())?;
        move_file(&file.path, &bad.join(name))
    }

    /// A file's content, up to so many bytes.
    pub(crate) fn read(&self, path: &Path, most: u64) -> Result<Content> {
        let failed = |e: io::Error| told(("reading", "読み込み"), path, &e);
        let mut file = File::open(path).map_err(failed)?;
        let size = file.metadata().map_err(failed)?.len();
        if size > most {
            return Ok(Content::TooLarge { size });
        }
        let mut bytes = Vec::new();
        // One more than the limit, for a file that grows meanwhile.
        (&mut file).take(most + 1).read_to_end(&mut bytes).map_err(failed)?;
        if bytes.len() as u64 > most {
            return Ok(Content::TooLarge { size: bytes.len() as u64 });
        }
        let hash = hash(&bytes);
        Ok(Content::Bytes { bytes, hash })
    }

    /// A file of ours, if it is there.
    pub(crate) fn read_own(&self, subfolder: &str, name: &str) -> Result<Option<Vec<u8>>> {
        let path = self.root.join(subfolder).join(name);
        match fs::read(&path) {
            Ok(bytes) => Ok(Some(bytes)),
            Err(e) if e.kind() == io::ErrorKind::NotFound => Ok(None),
            Err(e) => Err(told(("reading", "読み込み"), &path, &e)),
        }
    }

    /// Writes a file that is there whole or not at all, and stays there when the power fails.
    pub(crate) fn put(&self, subfolder: &str, name: &str, bytes: &[u8]) -> Result<()> {
        write(&self.make(subfolder)?.join(name), bytes)
    }

    /// Proves that files can be made and taken away in a subfolder.
    pub(crate) fn try_writing(&self, subfolder: &str) -> Result<()> {
        let path = self.make(subfolder)?.join(".banto-check");
        write(&path, b"")?;
        fs::remove_file(&path).map_err(|e| told(("removing", "削除"), &path, &e))
    }

    /// A subfolder, made if it is not there. The folder itself is never made: an empty one in place of a share that is
    /// not mounted would swallow what is written.
    fn make(&self, subfolder: &str) -> Result<PathBuf> {
        self.is_there()?;
        let path = self.root.join(subfolder);
        match fs::create_dir_all(&path) {
            Ok(()) => Ok(path),
            Err(e) => Err(told(("making the folder", "フォルダーの作成"), &path, &e)),
        }
    }
}

/// Names are cut so that what is put before them fits into what file systems allow (255 bytes).
fn short(name: &str) -> String {
    let skip = name.chars().count().saturating_sub(60);
    name.chars().skip(skip).collect()
}

fn numbered(entry: Entry, hashed: bool) -> Option<Numbered> {
    let shown = entry.shown();
    let (number, rest) = shown.split_once('-')?;
    let number = number.parse().ok()?;
    let (hash, name) = match hashed {
        true => rest.split_once('-').map(|(hash, name)| (Some(hash.to_owned()), name))?,
        false => (None, rest),
    };
    Some(Numbered { number, hash, name: name.to_owned(), path: entry.path })
}

fn move_file(from: &Path, to: &Path) -> Result<()> {
    fs::rename(from, to).map_err(|e| told(("moving", "移動"), from, &e))?;
    to.parent().map_or(Ok(()), sync_folder)
}

fn write(path: &Path, bytes: &[u8]) -> Result<()> {
    let failed = |e: io::Error| told(("writing", "書き込み"), path, &e);
    let mut name = OsString::from(".");
    name.push(path.file_name().unwrap_or_default());
    name.push(".tmp");
    let temporary = path.with_file_name(name);
    let mut file = File::create(&temporary).map_err(failed)?;
    file.write_all(bytes).and_then(|()| file.sync_all()).map_err(failed)?;
    drop(file);
    fs::rename(&temporary, path).map_err(failed)?;
    path.parent().map_or(Ok(()), sync_folder)
}

/// A rename is safe from a power cut once the folder is on the disk. Some network file systems cannot do that, and
/// say so by `EINVAL` or "not supported"; they have their own idea of what is safe.
fn sync_folder(folder: &Path) -> Result<()> {
    match File::open(folder).and_then(|folder| folder.sync_all()) {
        Err(e) if !matches!(e.kind(), io::ErrorKind::InvalidInput | io::ErrorKind::Unsupported) => {
            Err(told(("securing", "書き込みの確定"), folder, &e))
        }
        _ => Ok(()),
    }
}

/// What a fault of the file system means, and the remedy.
pub(crate) fn told((en, ja): (&str, &str), path: &Path, fault: &io::Error) -> Error {
    let path = path.display();
    let (kind, remedy) = match fault.kind() {
        io::ErrorKind::PermissionDenied | io::ErrorKind::ReadOnlyFilesystem => (
            ErrorKind::Auth,
            both!(
                "the user that banto runs as must own the folder or be in its group with the right to read and write \
                 (chown, chmod g+rwx; ReadWritePaths= in the systemd unit)",
                "bantoの実行ユーザーをフォルダーの所有者にするか、読み書きできるグループに入れてください（chown、\
                 chmod g+rwx、systemdユニットの ReadWritePaths=）"
            ),
        ),
        io::ErrorKind::NotFound | io::ErrorKind::NotADirectory => (
            ErrorKind::Unreachable,
            both!(
                "if it is a network share, mount it; if it is new, make it: mkdir -p <folder>/orders",
                "ネットワーク共有ならマウントし、新規なら作成してください: mkdir -p <フォルダー>/orders"
            ),
        ),
        io::ErrorKind::StorageFull | io::ErrorKind::QuotaExceeded => (
            ErrorKind::Unreachable,
            both!("the disk is full; make room", "ディスクの空きがありません。空き容量を確保してください"),
        ),
        _ => (
            ErrorKind::Unreachable,
            both!(
                "look at the disk or the network share",
                "ディスクまたはネットワーク共有を確認してください"
            ),
        ),
    };
    let words = Bilingual {
        en: format!("{en} {path}: {fault}; {}", remedy.en),
        ja: format!("{path} の{ja}: {fault}。{}", remedy.ja),
    };
    let error = Error::told(kind, words);
    if kind == ErrorKind::Unreachable { error.after(SHARE_AWAY) } else { error }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn faults_of_the_file_system_mean_something() {
        for (fault, kind, remedy) in [
            (io::ErrorKind::PermissionDenied, ErrorKind::Auth, "chmod"),
            (io::ErrorKind::ReadOnlyFilesystem, ErrorKind::Auth, "chmod"),
            (io::ErrorKind::NotFound, ErrorKind::Unreachable, "mount it"),
            (io::ErrorKind::StorageFull, ErrorKind::Unreachable, "make room"),
            (io::ErrorKind::TimedOut, ErrorKind::Unreachable, "network share"),
        ] {
            let error = told(("reading", "読み込み"), Path::new("/srv/shop"), &io::Error::from(fault));
            assert_eq!(error.kind, kind);
            assert_eq!(error.retry_after.is_some(), kind == ErrorKind::Unreachable);
            assert!(error.message.contains(remedy) && error.message.contains("/srv/shop"), "{error}");
        }
    }

    #[test]
    fn temporary_files_and_other_kinds_are_no_tables() {
        let entry = |name: &str| Entry {
            path: PathBuf::new(),
            name: name.into(),
            size: 1,
            modified: Timestamp::default(),
        };
        for name in ["a.csv", "注文.CSV", "a.tsv", "a.txt"] {
            assert!(entry(name).is_table(), "{name}");
        }
        for name in [".a.csv", "~a.csv", "a.csv.tmp", "a.csv.part", "a.csv.filepart", "a.xlsx", "a"] {
            assert!(!entry(name).is_table(), "{name}");
        }
    }

    #[test]
    fn long_names_stay_within_what_file_systems_allow() {
        let name = "髙".repeat(80) + ".csv";
        assert!(short(&name).len() + 42 < 255 && short(&name).ends_with(".csv"));
    }
}
