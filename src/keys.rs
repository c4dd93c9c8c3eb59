//! Passwords, session tokens and one-time codes: how they are made and compared.

pub mod house;

use std::fmt;
use std::sync::LazyLock;

use anyhow::anyhow;
use argon2::password_hash::phc::PasswordHash;
use argon2::password_hash::{PasswordHasher, PasswordVerifier};
use argon2::{Algorithm, Argon2, Params, Version};
use banto_channel::Timestamp;
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use sha2::{Digest, Sha256};
use tokio::sync::Semaphore;
use totp_rs::{Algorithm as TotpAlgorithm, Builder, Secret as TotpSecret, Totp};

use crate::domain::people::plain_password;

/// Memory of one hash in KiB, passes, lanes: the least that OWASP's Password Storage Cheat Sheet asks of argon2id.
const COST: (u32, u32, u32) = (19 * 1024, 2, 1);

/// Hashes at once: each takes 19 MiB, and a burst of logins must not take the daemon's memory.
static AT_ONCE: Semaphore = Semaphore::const_new(2);

/// What an unknown name's password is compared with, so that it takes as long as a known one's.
static NOBODY: LazyLock<String> = LazyLock::new(|| hash(&Token::new().0).unwrap_or_default());

fn argon2() -> anyhow::Result<Argon2<'static>> {
    let (memory, passes, lanes) = COST;
    let params = Params::new(memory, passes, lanes, None).map_err(|e| anyhow!("argon2: {e}"))?;
    Ok(Argon2::new(Algorithm::Argon2id, Version::V0x13, params))
}

/// A password's hash as a PHC string. Takes some 30 ms of one processor: not for an async task, see [`hash_password`].
///
/// Errors: the system gives no random numbers.
pub fn hash(password: &str) -> anyhow::Result<String> {
    let password = plain_password(password);
    let hash: PasswordHash =
        argon2()?.hash_password(password.as_bytes()).map_err(|e| anyhow!("argon2: {e}"))?;
    Ok(hash.to_string())
}

fn is_of(password: &str, hash: &str) -> bool {
    let (Ok(argon2), Ok(hash)) = (argon2(), PasswordHash::new(hash)) else { return false };
    argon2.verify_password(plain_password(password).as_bytes(), &hash).is_ok()
}

/// As [`hash`], beside the async tasks and not too many at once.
///
/// Errors: as [`hash`].
pub async fn hash_password(password: String) -> anyhow::Result<String> {
    let _turn = AT_ONCE.acquire().await?;
    tokio::task::spawn_blocking(move || hash(&password)).await?
}

/// Whether the password is that of the hash; without one it takes as long and is not.
pub async fn is_password(password: String, stored: Option<String>) -> bool {
    let Ok(_turn) = AT_ONCE.acquire().await else { return false };
    let compare = move || {
        let is_right = is_of(&password, stored.as_ref().unwrap_or(&NOBODY));
        is_right && stored.is_some()
    };
    tokio::task::spawn_blocking(compare).await.unwrap_or(false)
}

/// A secret of 256 random bits, as text. It does not show in logs.
#[derive(Clone, PartialEq, Eq)]
pub struct Token(pub String);

impl fmt::Debug for Token {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Token(…)")
    }
}

impl Default for Token {
    fn default() -> Self {
        Self::new()
    }
}

impl Token {
    /// A new one.
    #[must_use]
    pub fn new() -> Self {
        Self(URL_SAFE_NO_PAD.encode(secret_bytes::<32>()))
    }

    /// What the store keeps of it.
    #[must_use]
    pub fn digest(&self) -> String {
        digest(&self.0)
    }
}

/// SHA-256 in hex: enough for secrets that are random, and nothing for passwords.
#[must_use]
pub fn digest(secret: &str) -> String {
    Sha256::digest(secret.as_bytes()).iter().map(|byte| format!("{byte:02x}")).collect()
}

/// Whether two secrets are the same, in a time that tells nothing about where they differ: their hashes are compared.
#[must_use]
pub fn is_same(one: &str, other: &str) -> bool {
    Sha256::digest(one.as_bytes()) == Sha256::digest(other.as_bytes())
}

/// A code of 80 random bits that a person can read and type: `k7d2-9m4x-…`, without letters that look alike.
#[must_use]
pub fn readable_code() -> String {
    const LETTERS: &[u8; 32] = b"abcdefghjkmnpqrstuvwxyz023456789";
    let letters: Vec<char> =
        secret_bytes::<16>().iter().map(|byte| char::from(LETTERS[usize::from(byte % 32)])).collect();
    letters.chunks(4).map(|four| four.iter().collect::<String>()).collect::<Vec<_>>().join("-")
}

/// One-time codes of an app on somebody's phone (RFC 6238: SHA-1, six digits, 30 seconds, which every app knows).
#[derive(Clone, Debug)]
pub struct OneTime(Totp);

impl OneTime {
    /// With this secret ([`house::HouseKey::codes`]).
    ///
    /// Errors: the shop's name or the person's cannot stand in an address.
    pub fn new(secret: [u8; 20], shop: &str, name: &str) -> anyhow::Result<Self> {
        Self::of(TotpSecret::from(secret), shop, name)
    }

    /// As an app has it, into which a secret was typed; for tests of those who ask for codes.
    ///
    /// Errors: it is not base32, or shorter than 128 bits.
    pub fn typed(secret: &str, shop: &str, name: &str) -> anyhow::Result<Self> {
        Self::of(TotpSecret::try_from_base32(secret).map_err(|e| anyhow!("totp: {e:?}"))?, shop, name)
    }

    fn of(secret: TotpSecret, shop: &str, name: &str) -> anyhow::Result<Self> {
        // A colon divides issuer and account in the address.
        let issuer = format!("banto {}", shop.replace(':', " "));
        let totp = Builder::new()
            .with_algorithm(TotpAlgorithm::SHA1)
            .with_secret(secret)
            .with_account_name(name)
            .with_issuer(Some(issuer))
            .build();
        Ok(Self(totp.map_err(|e| anyhow!("totp: {e}"))?))
    }

    /// The secret in base32, to type it into an app.
    #[must_use]
    pub fn secret(&self) -> String {
        self.0.secret().to_base32()
    }

    /// The address that an app reads from a QR code.
    ///
    /// Errors: a name that cannot stand in it.
    pub fn address(&self) -> anyhow::Result<String> {
        self.0.to_url().map_err(|e| anyhow!("totp: {e}"))
    }

    /// The time step of a code, if it is that of now, the one before or the one after.
    #[must_use]
    pub fn step(&self, code: &str, now: Timestamp) -> Option<i64> {
        let code: String = plain_password(code).chars().filter(|c| !c.is_whitespace()).collect();
        let step = self.0.check(&code, u64::try_from(now.as_secs()).ok()?)?;
        i64::try_from(step).ok()
    }

    /// The code of a time; for tests of those who ask for one.
    #[must_use]
    pub fn code(&self, at: Timestamp) -> String {
        self.0.generate(at.as_secs().unsigned_abs()).to_string()
    }
}

/// Bytes that nobody can guess.
#[expect(clippy::disallowed_methods, reason = "a secret is the one thing that no seed may repeat")]
fn secret_bytes<const N: usize>() -> [u8; N]
where
    rand::distr::StandardUniform: rand::distr::Distribution<[u8; N]>,
{
    rand::random()
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;

    #[tokio::test]
    async fn a_password_is_that_of_its_hash_alone() {
        let stored = hash_password("correct horse 12".to_owned()).await.unwrap();
        assert!(stored.starts_with("$argon2id$v=19$m=19456,t=2,p=1$"), "{stored}");
        let is =
            async |typed: &str, stored: Option<&String>| is_password(typed.to_owned(), stored.cloned()).await;
        assert!(is("correct horse 12", Some(&stored)).await);
        assert!(is("ｃｏｒｒｅｃｔ horse １２", Some(&stored)).await, "an input method may type wide");
        assert!(!is("correct horse 13", Some(&stored)).await);
        assert!(!is("correct horse 12", None).await);
        assert!(!is("x", Some(&"$argon2id$broken".to_owned())).await);
    }

    #[test]
    fn no_two_tokens_are_the_same_and_none_is_shown() {
        let (one, other) = (Token::new(), Token::new());
        assert_ne!(one, other);
        assert_eq!((one.0.len(), one.digest().len()), (43, 64));
        assert_eq!(format!("{one:?}"), "Token(…)");
        assert!(is_same(&one.0, &one.0.clone()) && !is_same(&one.0, &other.0));
        let code = readable_code();
        assert_eq!((code.len(), code.matches('-').count()), (19, 3), "{code}");
    }

    #[test]
    fn a_code_counts_for_a_minute_and_a_half() {
        let totp = OneTime::new(*b"12345678901234567890", "茶屋: 本店", "aki").unwrap();
        let (now, step) = (Timestamp::from_secs(1_795_255_215), Duration::from_secs(30));
        let code = totp.code(now);
        assert_eq!(totp.step(&code, now), Some(1_795_255_200 / 30));
        assert_eq!(totp.step(&code, now.plus(step)), Some(1_795_255_200 / 30));
        assert_eq!(totp.step(&code, now.plus(step * 2)), None);
        let spaced = format!(" {} {}", &code[..3], &code[3..]);
        assert!(totp.step(&spaced, now).is_some());
        let again = OneTime::typed(&totp.secret(), "茶屋", "aki").unwrap();
        assert_eq!(again.code(now), code);
        assert!(totp.address().unwrap().starts_with("otpauth://totp/"), "{:?}", totp.address());
    }
}
