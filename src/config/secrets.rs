//! Secrets stand in files of their own; the config text only names them.
//!
//! A relative name is looked for first among systemd's credentials and then in the config folder. With
//! `LoadCredential=secrets:/etc/banto/secrets` the file `secrets/NAME` is the credential `secrets_NAME`
//! (systemd.exec(5): an id has no slash, and a folder's files get its id and an underscore). A key that looks like a secret itself is refused where it stands.

use std::fs::File;
use std::io::{self, Read};
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};

use banto_channel::ErrorKind::Config;
use banto_channel::{Error, Secret};
use sha2::{Digest, Sha256};

use super::error::ConfigError;

/// A credential is a line or a key file; more than this is the wrong file.
const BYTES_MAX: u64 = 64 * 1024;

/// Last words of a config key whose value would be a secret.
const SECRET_WORDS: [&str; 7] =
    ["secret", "password", "passwd", "passphrase", "token", "credential", "credentials"];

/// Keys that sound like one and hold none. Vendure's channel token is the public name of a channel: every storefront
/// sends it in the clear.
const NO_SECRETS: [&str; 1] = ["channel_token"];

/// What stands before `key` where that key is a credential (and not the name of a field).
const KEYS_TO_DOORS: [&str; 10] =
    ["access", "api", "app", "application", "auth", "client", "consumer", "license", "private", "service"];

/// Finds and reads the files that `*_file` keys name.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Secrets {
    dir: PathBuf,
    credentials: Option<PathBuf>,
}

/// A secret file that could be read.
#[derive(Debug)]
pub(super) struct Found {
    pub(super) path: PathBuf,
    pub(super) secret: Secret,
    /// SHA-256 of the content, to see a change without keeping the content.
    pub(super) print: [u8; 32],
    pub(super) everybody_may_read: bool,
}

impl Secrets {
    /// Looks in `credentials` (systemd's `$CREDENTIALS_DIRECTORY`) and then in `dir`.
    #[must_use]
    pub fn new(dir: &Path, credentials: Option<&Path>) -> Self {
        Self { dir: dir.to_owned(), credentials: credentials.map(Path::to_owned) }
    }

    /// The file that a `*_file` key's value means.
    #[must_use]
    pub fn path(&self, named: &str) -> PathBuf {
        let credential = |dir: &PathBuf| dir.join(named.replace('/', "_"));
        match self.credentials.as_ref().map(credential) {
            Some(path) if Path::new(named).is_relative() && path.exists() => path,
            // `join` keeps an absolute name as it is.
            _ => self.dir.join(named),
        }
    }

    /// Reads the secret in the file that `named` means; white space around it is dropped.
    ///
    /// Errors: the file is missing, not allowed, empty, not text or larger than 64 KiB; its path and a remedy are
    /// named, its content never.
    pub fn read(&self, named: &str) -> Result<Secret, ConfigError> {
        match self.find(named) {
            Ok(found) => Ok(found.secret),
            Err((message, remedy)) => {
                Err(ConfigError { file: self.path(named), line: None, key: String::new(), message, remedy })
            }
        }
    }

    /// As [`Secrets::read`], in the words of the seam, for a connector that is being made.
    ///
    /// Errors: of the kind `Config`, with the file's path and the remedy.
    pub fn for_connector(&self, named: &str) -> banto_channel::Result<Secret> {
        match self.find(named) {
            Ok(found) => Ok(found.secret),
            Err((message, remedy)) => Err(Error::new(Config, format!("{message}; {remedy}"))),
        }
    }

    /// As [`Secrets::read`], with what the checks want to know; errors are (message, remedy).
    pub(super) fn find(&self, named: &str) -> Result<Found, (String, String)> {
        let path = self.path(named);
        let shown = path.display();
        let (bytes, mode) = read_bytes(&path).map_err(|e| {
            let remedy = match e.kind() {
                io::ErrorKind::PermissionDenied => {
                    format!("make it the daemon's own: chown banto {shown} && chmod 600 {shown}")
                }
                _ => {
                    format!("create it, readable only by the daemon's user: install -m 600 /dev/null {shown}")
                }
            };
            (format!("the secret file {shown} cannot be read ({e})"), remedy)
        })?;
        let text = String::from_utf8(bytes)
            .map_err(|_| (format!("the secret file {shown} is not UTF-8 text"), String::new()))?;
        let secret = Secret::new(&text);
        if secret.is_empty() {
            return Err((format!("the secret file {shown} is empty"), "write the secret into it".into()));
        }
        let print = Sha256::digest(text.as_bytes()).into();
        Ok(Found { path, secret, print, everybody_may_read: mode & 0o007 != 0 })
    }
}

fn read_bytes(path: &Path) -> io::Result<(Vec<u8>, u32)> {
    let file = File::open(path)?;
    let meta = file.metadata()?;
    if !meta.is_file() {
        return Err(io::Error::new(io::ErrorKind::InvalidInput, "not a file"));
    }
    let mut bytes = Vec::new();
    if file.take(BYTES_MAX + 1).read_to_end(&mut bytes)? as u64 > BYTES_MAX {
        return Err(io::Error::new(io::ErrorKind::FileTooLarge, "larger than 64 KiB"));
    }
    Ok((bytes, meta.permissions().mode()))
}

/// Whether a key of this name would hold the secret itself.
pub(super) fn looks_secret(key: &str) -> bool {
    let key = key.to_ascii_lowercase();
    if NO_SECRETS.contains(&key.as_str()) {
        return false;
    }
    let mut words = key.rsplit(['_', '-']);
    match words.next() {
        Some("key") => words.next().is_none_or(|before| KEYS_TO_DOORS.contains(&before)),
        Some(last) => SECRET_WORDS.contains(&last) || ["apikey", "authtoken"].contains(&last),
        None => false,
    }
}

/// Whether an address carries `user:password@`.
pub(super) fn has_password(url: &str) -> bool {
    let Some((_, rest)) = url.split_once("://") else {
        return false;
    };
    let authority = rest.split(['/', '?', '#']).next().unwrap_or(rest);
    authority.rsplit_once('@').is_some_and(|(user, _)| user.contains(':'))
}

#[cfg(test)]
mod tests {
    #![expect(clippy::unwrap_used, reason = "a test that cannot go on should stop here")]

    use std::fs::{self, Permissions};

    use super::*;

    fn write(path: &Path, content: &[u8], mode: u32) {
        fs::write(path, content).unwrap();
        fs::set_permissions(path, Permissions::from_mode(mode)).unwrap();
    }

    #[test]
    fn systemds_credentials_come_before_the_config_folder() {
        let (dir, credentials) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
        fs::create_dir(dir.path().join("secrets")).unwrap();
        let in_folder = dir.path().join("secrets/smtp");
        write(&in_folder, b"from the folder\n", 0o600);
        let plain = Secrets::new(dir.path(), None);
        let both = Secrets::new(dir.path(), Some(credentials.path()));
        let read = |secrets: &Secrets, named: &str| secrets.read(named).unwrap().expose().to_owned();
        assert_eq!(read(&plain, "secrets/smtp"), "from the folder");
        assert_eq!(read(&both, "secrets/smtp"), "from the folder");
        write(&credentials.path().join("secrets_smtp"), b"from systemd\n", 0o400);
        write(&credentials.path().join("woo"), b"alone\n", 0o400);
        assert_eq!(read(&both, "secrets/smtp"), "from systemd");
        assert_eq!(read(&both, "woo"), "alone");
        assert_eq!(read(&both, in_folder.to_str().unwrap()), "from the folder");
    }

    #[test]
    fn what_cannot_be_read_names_the_file_and_the_remedy() {
        let dir = tempfile::tempdir().unwrap();
        let secrets = Secrets::new(dir.path(), None);
        let said = secrets.read("woo").unwrap_err().to_string();
        let shown = dir.path().join("woo").display().to_string();
        assert!(said.contains(&format!("install -m 600 /dev/null {shown}")), "{said}");
        for (content, complaint) in [
            (&b" \n"[..], "is empty"),
            (&b"\x83\x65"[..], "is not UTF-8 text"),
            (&[b'x'; 64 * 1024 + 1][..], "larger than 64 KiB"),
        ] {
            write(&dir.path().join("woo"), content, 0o600);
            let said = secrets.read("woo").unwrap_err().to_string();
            assert!(said.contains(complaint), "{said}");
        }
        let error = secrets.for_connector("nowhere").unwrap_err();
        assert!(error.kind == Config && error.message.contains("install -m 600"), "{error}");
        assert!(secrets.read(".").unwrap_err().to_string().contains("not a file"));
    }

    #[test]
    fn a_file_that_everybody_may_read_is_seen() {
        let dir = tempfile::tempdir().unwrap();
        let secrets = Secrets::new(dir.path(), None);
        for (mode, open) in [(0o600, false), (0o440, false), (0o604, true), (0o646, true)] {
            write(&dir.path().join("s"), b"x", mode);
            assert_eq!(secrets.find("s").unwrap().everybody_may_read, open, "{mode:o}");
        }
    }

    #[test]
    fn names_of_secrets_are_told_from_names_of_files() {
        for key in [
            "consumer_secret",
            "consumer_key",
            "password",
            "access_token",
            "apikey",
            "api-key",
            "Token",
            "key",
        ] {
            assert!(looks_secret(key), "{key}");
        }
        for key in ["consumer_secret_file", "url", "token_url", "ean_meta_key", "user", "password_file"] {
            assert!(!looks_secret(key), "{key}");
        }
        assert!(has_password("postgres://banto:pw@db/banto"));
        assert!(has_password("https://u:p@shop.example?x=1"));
        assert!(!has_password("postgres://banto@db/banto"));
        assert!(!has_password("https://shop.example/a:b@c"));
    }
}
