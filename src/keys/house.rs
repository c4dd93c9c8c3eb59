//! The house's key: 32 random bytes in a file beside the store. The secrets that banto hands out itself, of one-time codes
//! and of outgoing webhooks, are derived from it and a salt. The store, and so a backup, has the salts alone, and a
//! fingerprint by which it knows its key again.

use std::fmt;
use std::fs::{self, File, OpenOptions};
use std::io::{self, Read, Write};
use std::os::unix::fs::{OpenOptionsExt, PermissionsExt};
use std::path::{Path, PathBuf};

use banto_channel::{Bilingual, both};
use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use hmac::{Hmac, KeyInit, Mac};
use sha2::Sha256;

use super::secret_bytes;
use crate::config::Config;
use crate::store::{Store, StoreError};

/// What the key is called among the secrets, where somebody put it there.
const AMONG_SECRETS: &str = "secrets/house-key";
/// What it is called beside the store, where banto makes it.
const BESIDE_STORE: &str = "house.key";
const BYTES: usize = 32;
/// HMAC-SHA256 takes its key as one block, filled up with zeros (RFC 2104).
const BLOCK: usize = 64;
/// A longer file is something else.
const TEXT_MAX: u64 = 256;

/// The key itself. It does not show in logs.
#[derive(Clone)]
pub struct HouseKey([u8; BYTES]);

impl fmt::Debug for HouseKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("HouseKey(…)")
    }
}

impl HouseKey {
    /// The secret of a person's one-time codes: 160 bits, as RFC 4226 recommends.
    #[must_use]
    pub fn codes(&self, person: i64, salt: &str) -> [u8; 20] {
        let mut secret = [0; 20];
        secret.copy_from_slice(&self.derive("one-time codes", person, salt)[..20]);
        secret
    }

    /// The secret that signs what a webhook is told.
    #[must_use]
    pub fn webhook(&self, webhook: i64, salt: &str) -> [u8; 32] {
        self.derive("webhook", webhook, salt)
    }

    /// What the store knows the key by; it tells nothing of the key.
    #[must_use]
    pub fn fingerprint(&self) -> String {
        self.expand(b"fingerprint").iter().map(|byte| format!("{byte:02x}")).collect()
    }

    fn derive(&self, purpose: &str, id: i64, salt: &str) -> [u8; 32] {
        self.expand(format!("{purpose}\0{id}\0{salt}").as_bytes())
    }

    /// HKDF-Expand with SHA-256 to one block (RFC 5869, 2.3). The key is as random as what HKDF-Extract would give.
    fn expand(&self, info: &[u8]) -> [u8; 32] {
        let mut block = [0; BLOCK];
        block[..BYTES].copy_from_slice(&self.0);
        let mut mac = Hmac::<Sha256>::new(&block.into());
        mac.update(info);
        mac.update(&[1]);
        mac.finalize().into_bytes().into()
    }
}

/// Why the house's key is of no use, or not there.
#[derive(Debug)]
pub enum KeyFault {
    /// It is not there, and the store has secrets that were derived from it.
    Missing(PathBuf),
    /// It is not the one that the store's secrets were derived from.
    Other(PathBuf),
    /// It cannot be read, or not be made.
    Io(PathBuf, io::Error),
    /// Every user of the machine may read it.
    Exposed(PathBuf),
    /// It is not 32 bytes in base64.
    Malformed(PathBuf),
    /// The store does not answer.
    Store(StoreError),
}

impl KeyFault {
    /// What to tell whoever looks after the house: which file, and what to do.
    #[must_use]
    pub fn words(&self) -> Bilingual {
        match self {
            Self::Missing(path) => both!(
                "the house's key is missing: bring {path} back from its copy; without one see \"The house's key is \
                 lost\" in deploy/recovery.md",
                "店舗キーがありません。控えから {path} を戻してください。控えがない場合は deploy/recovery.md の \
                 「The house's key is lost」を参照してください",
                path = path.display()
            ),
            Self::Other(path) => both!(
                "{path} is not the key of this store: bring the right one back from its copy; without one see \"The \
                 house's key is lost\" in deploy/recovery.md",
                "{path} はこのデータベースの店舗キーではありません。控えから正しいキーを戻してください。控えがない場合は \
                 deploy/recovery.md の「The house's key is lost」を参照してください",
                path = path.display()
            ),
            Self::Io(path, why) => both!(
                "the house's key {path} cannot be read or made ({why}): let the daemon's user do it: chown banto {path} \
                 && chmod 600 {path}",
                "店舗キー {path} を読み書きできません（{why}）。chown banto {path} && chmod 600 {path} を実行してください",
                path = path.display()
            ),
            Self::Exposed(path) => both!(
                "every user of this machine may read the house's key: chmod 600 {path}",
                "店舗キーを誰でも読める状態です。chmod 600 {path} を実行してください",
                path = path.display()
            ),
            Self::Malformed(path) => both!(
                "{path} is not a key of a house, which is 44 letters of base64 (32 bytes): bring it back from its copy",
                "{path} は店舗キー（base64の44文字、32バイト）ではありません。控えから戻してください",
                path = path.display()
            ),
            Self::Store(why) => why.words(),
        }
    }
}

impl fmt::Display for KeyFault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.words().en)
    }
}

impl std::error::Error for KeyFault {}

impl From<StoreError> for KeyFault {
    fn from(error: StoreError) -> Self {
        Self::Store(error)
    }
}

/// The file of the house's key. It is read anew each time, so that one that comes back is good at once.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct KeyFile {
    path: PathBuf,
}

impl KeyFile {
    /// `secrets/house-key` among the secrets (also as systemd's credential) if it is there, else `house.key` beside the
    /// store.
    #[must_use]
    pub fn of(config: &Config) -> Self {
        let secret = config.secrets.path(AMONG_SECRETS);
        let path = if secret.exists() { secret } else { config.beside_store().join(BESIDE_STORE) };
        Self { path }
    }

    /// The key from which the store's secrets were derived.
    ///
    /// Errors: every [`KeyFault`].
    pub async fn read(&self, store: &Store) -> Result<HouseKey, KeyFault> {
        let key = load(&self.path)?.ok_or_else(|| KeyFault::Missing(self.path.clone()))?;
        match store.house_key().await? {
            Some(known) if known == key.fingerprint() => Ok(key),
            _ => Err(KeyFault::Other(self.path.clone())),
        }
    }

    /// The key for a new secret. A house that has none yet gets one; so does one without any secret that a key was needed
    /// for, which is how a house goes on whose key is lost.
    ///
    /// Errors: as [`KeyFile::read`].
    pub async fn read_or_make(&self, store: &Store) -> Result<HouseKey, KeyFault> {
        let key = match load(&self.path)? {
            Some(key) => key,
            None if store.needs_house_key().await? => return Err(KeyFault::Missing(self.path.clone())),
            None => make(&self.path)?,
        };
        match store.take_house_key(&key.fingerprint()).await? {
            true => Ok(key),
            false => Err(KeyFault::Other(self.path.clone())),
        }
    }

    /// Whether the secrets that the store needs can be derived.
    ///
    /// Errors: why they cannot, as [`KeyFile::read`].
    pub async fn suits(&self, store: &Store) -> Result<(), KeyFault> {
        if store.needs_house_key().await? { self.read(store).await.map(drop) } else { Ok(()) }
    }
}

fn load(path: &Path) -> Result<Option<HouseKey>, KeyFault> {
    let trouble = |error| KeyFault::Io(path.to_owned(), error);
    let file = match File::open(path) {
        Ok(file) => file,
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
        Err(error) => return Err(trouble(error)),
    };
    if file.metadata().map_err(trouble)?.permissions().mode() & 0o007 != 0 {
        return Err(KeyFault::Exposed(path.to_owned()));
    }
    let mut text = Vec::new();
    file.take(TEXT_MAX).read_to_end(&mut text).map_err(trouble)?;
    let bytes = STANDARD.decode(text.trim_ascii()).ok().and_then(|bytes| bytes.try_into().ok());
    bytes.map(|key| Some(HouseKey(key))).ok_or_else(|| KeyFault::Malformed(path.to_owned()))
}

/// Makes a key that lasts before anything is derived from it. It is written aside and then linked, which puts it there
/// whole or not at all, and never over another.
fn make(path: &Path) -> Result<HouseKey, KeyFault> {
    let key = HouseKey(secret_bytes());
    let text = format!("{}\n", STANDARD.encode(key.0));
    let aside = path.with_extension(format!("key.{}", super::Token::new().0));
    let written = || {
        let mut file = OpenOptions::new().write(true).create_new(true).mode(0o600).open(&aside)?;
        let linked = file
            .write_all(text.as_bytes())
            .and_then(|()| file.sync_all())
            .and_then(|()| fs::hard_link(&aside, path));
        fs::remove_file(&aside)?;
        linked?;
        File::open(path.parent().unwrap_or(Path::new("/")))?.sync_all()
    };
    match written() {
        Ok(()) => {
            tracing::info!(path = %path.display(), "the house has a key now: keep a copy of it apart from the backups");
            Ok(key)
        }
        // Another process was faster.
        Err(error) if error.kind() == io::ErrorKind::AlreadyExists => {
            load(path)?.ok_or_else(|| KeyFault::Missing(path.to_owned()))
        }
        Err(error) => Err(KeyFault::Io(path.to_owned(), error)),
    }
}

#[cfg(test)]
mod tests {
    use std::fs::Permissions;

    use super::*;

    fn write(path: &Path, text: &str, mode: u32) {
        fs::write(path, text).unwrap();
        fs::set_permissions(path, Permissions::from_mode(mode)).unwrap();
    }

    fn hex(bytes: &[u8]) -> String {
        bytes.iter().map(|byte| format!("{byte:02x}")).collect()
    }

    #[test]
    fn secrets_are_derived_as_rfc_5869_says() {
        // Its first test case: a pseudorandom key, and the first block of what it expands to.
        let key = "077709362c2e32df0ddc3f0dc47bba6390b6c73bb50f9c3122ec844ad7c2b3e5";
        let key: Vec<u8> =
            (0..BYTES).map(|n| u8::from_str_radix(&key[2 * n..2 * n + 2], 16).unwrap()).collect();
        let key = HouseKey(key.try_into().unwrap());
        let info: Vec<u8> = (0xf0..=0xf9).collect();
        assert_eq!(
            hex(&key.expand(&info)),
            "3cb25f25faacd57a90434f64d0362f2a2d2d0a90cf1a5a4c5db02d56ecc4c5bf"
        );
    }

    #[test]
    fn each_secret_is_its_own() {
        let (key, other) = (HouseKey([7; BYTES]), HouseKey([8; BYTES]));
        let codes = key.codes(1, "salt");
        assert_eq!(codes, key.codes(1, "salt"));
        let all = [
            hex(&codes),
            hex(&key.codes(2, "salt")),
            hex(&key.codes(1, "pepper")),
            hex(&other.codes(1, "salt")),
            hex(&key.webhook(1, "salt")[..20]),
            key.fingerprint()[..40].to_owned(),
        ];
        let different: std::collections::BTreeSet<_> = all.iter().collect();
        assert_eq!(different.len(), all.len(), "{all:?}");
        assert_eq!(format!("{key:?}"), "HouseKey(…)");
    }

    #[test]
    fn a_key_is_made_once_and_for_its_owner_alone() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("house.key");
        assert!(load(&path).unwrap().is_none());
        let made = make(&path).unwrap();
        assert_eq!(fs::metadata(&path).unwrap().permissions().mode() & 0o777, 0o600);
        assert_eq!(fs::read_to_string(&path).unwrap().trim().len(), 44);
        for again in [make(&path).unwrap(), load(&path).unwrap().unwrap()] {
            assert_eq!(again.fingerprint(), made.fingerprint());
        }
    }

    #[test]
    fn a_key_that_is_of_no_use_is_told_with_its_path_and_a_remedy() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("house.key");
        let key = STANDARD.encode([9; BYTES]);
        let told = |text: &str, mode: u32| {
            write(&path, text, mode);
            load(&path).unwrap_err().to_string()
        };
        for mode in [0o604, 0o644, 0o666] {
            let said = told(&key, mode);
            assert!(said.contains(&format!("chmod 600 {}", path.display())), "{mode:o}: {said}");
        }
        let short = STANDARD.encode([9; BYTES - 1]);
        for text in ["", "\n", "rubbish", &short, &key.repeat(2), &"A".repeat(4096)] {
            let said = told(text, 0o600);
            assert!(said.contains(&path.display().to_string()) && said.contains("44 letters"), "{said}");
            assert!(text.trim().is_empty() || !said.contains(text), "the content is not told: {said}");
        }
        for mode in [0o400, 0o600, 0o440] {
            write(&path, &format!(" {key}\n"), mode);
            assert!(load(&path).unwrap().is_some(), "{mode:o}");
        }
        let said = load(folder.path()).unwrap_err().to_string();
        assert!(said.contains("cannot be read") || said.contains("chmod 600"), "{said}");
        let said = make(&folder.path().join("nowhere/house.key")).unwrap_err().to_string();
        assert!(said.contains("nowhere/house.key") && said.contains("chown banto"), "{said}");
    }
}
