//! People who use the screen: what they may do, what their names and passwords must be, how long a login lasts.

use std::fmt;
use std::time::Duration;

use banto_channel::{Bilingual, Timestamp, both};
use unicode_normalization::UnicodeNormalization;

/// What somebody may do.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Role {
    /// Everything, users included.
    Owner,
    /// The daily work.
    Staff,
    /// Looking.
    ReadOnly,
}

impl Role {
    /// All of them, the mightiest first.
    pub const ALL: [Self; 3] = [Self::Owner, Self::Staff, Self::ReadOnly];

    /// How the store writes it.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Owner => "owner",
            Self::Staff => "staff",
            Self::ReadOnly => "read_only",
        }
    }

    /// The role of that name.
    #[must_use]
    pub fn from_name(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|role| role.name() == name)
    }

    /// What people call it.
    #[must_use]
    pub fn title(self) -> Bilingual {
        match self {
            Self::Owner => both!("Owner", "管理者"),
            Self::Staff => both!("Staff", "スタッフ"),
            Self::ReadOnly => both!("Read-only", "閲覧のみ"),
        }
    }
}

/// Who did something, as ledger, timeline and audit keep it (`user:aki`, `channel:honten`), for people. What is no such
/// word, as it is.
#[must_use]
pub fn actor_in_words(actor: &str) -> Bilingual {
    let as_it_is = |name: &str| Bilingual { en: name.to_owned(), ja: name.to_owned() };
    match actor.split_once(':') {
        Some(("user", name)) => as_it_is(name),
        Some(("channel", name)) => both!("{name} (channel)", "{name}（チャネル）"),
        Some(("api", name)) => both!("{name} (program)", "{name}（連携プログラム）"),
        Some(("cli", name)) => both!("{name} (command line)", "{name}（コマンド）"),
        _ if actor == "daemon" => both!("banto (by itself)", "banto（自動）"),
        _ => as_it_is(actor),
    }
}

/// In which language somebody reads.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Language {
    /// 日本語.
    #[default]
    Ja,
    /// English.
    En,
}

impl Language {
    /// Its tag: `ja`, `en`.
    #[must_use]
    pub const fn tag(self) -> &'static str {
        match self {
            Self::Ja => "ja",
            Self::En => "en",
        }
    }

    /// The language of that tag.
    #[must_use]
    pub fn from_tag(tag: &str) -> Option<Self> {
        [Self::Ja, Self::En].into_iter().find(|language| language.tag() == tag)
    }

    /// A text in this language.
    #[must_use]
    pub fn say(self, text: &Bilingual) -> String {
        match self {
            Self::Ja => text.ja.clone(),
            Self::En => text.en.clone(),
        }
    }
}

/// A login ends when nothing was asked for this long.
pub const SESSION_IDLE: Duration = Duration::from_secs(12 * 3600);
/// A login ends after this long, whatever was asked.
pub const SESSION_LONGEST: Duration = Duration::from_secs(30 * 86_400);

/// Fewest characters of a password.
pub const PASSWORD_MIN: usize = 10;
/// Most bytes of a password: what is hashed is no way to keep the machine busy.
pub const PASSWORD_MAX: usize = 512;
/// Most characters of a name.
pub const NAME_MAX: usize = 60;

/// Why something cannot be done to a person, or by one.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum PersonFault {
    /// It is no name to log in with.
    LoginName,
    /// The name that people see is empty or too long.
    FullName,
    /// Somebody else has it.
    NameTaken(String),
    /// The password is too short.
    PasswordShort,
    /// The password is too long.
    PasswordLong,
    /// The password is the name.
    PasswordIsName,
    /// Nobody would be left who may do everything.
    LastOwner,
    /// Somebody else changed the person meanwhile.
    Changed,
    /// There is nobody of that key or name.
    Nobody,
    /// The person is not to log in.
    Disabled,
    /// The one-time code is wrong, or was used before.
    OneTimeCode,
    /// The code for the set-up is wrong.
    SetupCode,
    /// There is an owner already.
    SetUpAlready,
}

impl PersonFault {
    /// What to tell whoever asked.
    #[must_use]
    pub fn words(&self) -> Bilingual {
        match self {
            Self::LoginName => both!(
                "A login name has 2 to 32 of the characters a-z, 0-9, dot, hyphen and underscore, and begins with a letter",
                "ログイン名は英字で始まる2〜32文字（英小文字・数字・ . - _ ）にしてください"
            ),
            Self::FullName => {
                both!(
                    "The name is empty or longer than {NAME_MAX} characters",
                    "氏名は1〜{NAME_MAX}文字で入力してください"
                )
            }
            Self::NameTaken(name) => {
                both!("Somebody is called {name} already", "ログイン名「{name}」はすでに使われています")
            }
            Self::PasswordShort => both!(
                "The password needs at least {PASSWORD_MIN} characters",
                "パスワードは{PASSWORD_MIN}文字以上にしてください"
            ),
            Self::PasswordLong => both!("The password is too long", "パスワードが長すぎます"),
            Self::PasswordIsName => {
                both!("The password must not be the name", "ログイン名と同じパスワードは使えません")
            }
            Self::LastOwner => both!(
                "This is the last owner; make somebody else an owner first",
                "最後の管理者です。先に別の利用者を管理者にしてください"
            ),
            Self::Changed => both!(
                "Somebody else has changed this user meanwhile; look again",
                "他の人がこの利用者を変更しました。最新の内容を確認してください"
            ),
            Self::Nobody => both!("There is no such user", "その利用者は存在しません"),
            Self::Disabled => both!("This user is disabled", "この利用者は無効になっています"),
            Self::OneTimeCode => both!(
                "The one-time code is wrong, or was used before; wait for the next one",
                "確認コードが違うか、すでに使われています。次のコードをお待ちください"
            ),
            Self::SetupCode => both!(
                "The set-up code is wrong; the daemon's log has it, and `banto users setup-code` makes one",
                "セットアップコードが違います。デーモンのログか `banto users setup-code` で確認してください"
            ),
            Self::SetUpAlready => {
                both!("There is an owner already; log in", "すでに管理者がいます。ログインしてください")
            }
        }
    }
}

impl fmt::Display for PersonFault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.words().en)
    }
}

impl std::error::Error for PersonFault {}

/// A name to log in with, as it is stored: narrow characters in lower case, however they were typed.
///
/// Errors: [`PersonFault::LoginName`].
pub fn login_name(typed: &str) -> Result<String, PersonFault> {
    let name = typed.trim().nfkc().collect::<String>().to_lowercase();
    let is_fit = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit() || matches!(c, '.' | '-' | '_');
    let is_good = (2..=32).contains(&name.len())
        && name.starts_with(|c: char| c.is_ascii_lowercase())
        && name.chars().all(is_fit);
    if is_good { Ok(name) } else { Err(PersonFault::LoginName) }
}

/// The name that people see, without blanks around it and without line breaks.
///
/// Errors: [`PersonFault::FullName`].
pub fn full_name(typed: &str) -> Result<String, PersonFault> {
    let name: String = typed.trim().chars().map(|c| if c.is_control() { ' ' } else { c }).collect();
    if (1..=NAME_MAX).contains(&name.chars().count()) { Ok(name) } else { Err(PersonFault::FullName) }
}

/// A password as it is hashed: the same characters, whether an input method typed them wide or narrow.
#[must_use]
pub fn plain_password(typed: &str) -> String {
    typed.nfkc().collect()
}

/// Whether a password may be chosen.
///
/// Errors: what is wrong with it.
pub fn fit_password(typed: &str, name: &str) -> Result<(), PersonFault> {
    let password = plain_password(typed);
    if password.len() > PASSWORD_MAX {
        return Err(PersonFault::PasswordLong);
    }
    if password.chars().count() < PASSWORD_MIN {
        return Err(PersonFault::PasswordShort);
    }
    if password.to_lowercase() == name {
        return Err(PersonFault::PasswordIsName);
    }
    Ok(())
}

/// Whether a login still counts.
#[must_use]
pub fn session_lasts(seen_at: Timestamp, expires_at: Timestamp, now: Timestamp) -> bool {
    now < expires_at && now.since(seen_at) < SESSION_IDLE
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_login_name_is_the_same_however_it_was_typed() {
        for typed in ["aki", " Aki ", "ＡＫＩ"] {
            assert_eq!(login_name(typed).as_deref(), Ok("aki"), "{typed}");
        }
        for typed in ["", "a", "1a", "あき", "a b", "<b>", "a/../b", &"a".repeat(33)] {
            assert_eq!(login_name(typed), Err(PersonFault::LoginName), "{typed}");
        }
    }

    #[test]
    fn a_password_is_long_enough_and_not_the_name() {
        assert_eq!(fit_password("short", "aki"), Err(PersonFault::PasswordShort));
        assert_eq!(fit_password("yamada.hanako", "yamada.hanako"), Err(PersonFault::PasswordIsName));
        assert_eq!(fit_password(&"x".repeat(513), "aki"), Err(PersonFault::PasswordLong));
        assert_eq!(fit_password("茶屋の番頭は早起きである", "aki"), Ok(()));
        assert_eq!(plain_password("ＰＡＳＳ１２"), "PASS12");
    }

    #[test]
    fn a_login_ends_when_it_is_idle_and_when_it_is_old() {
        let (begun, hour) = (Timestamp::from_secs(1_795_255_200), Duration::from_secs(3600));
        let expires = begun.plus(SESSION_LONGEST);
        assert!(session_lasts(begun, expires, begun.plus(hour * 11)));
        assert!(!session_lasts(begun, expires, begun.plus(hour * 12)));
        assert!(!session_lasts(expires.minus(hour), expires, expires));
        assert!(session_lasts(begun, expires, begun.minus(hour)), "a clock set back logs nobody out");
    }

    #[test]
    fn whoever_did_it_is_named_in_words() {
        for (actor, en, ja) in [
            ("user:aki", "aki", "aki"),
            ("channel:yahoo", "yahoo (channel)", "yahoo（チャネル）"),
            ("api:erp", "erp (program)", "erp（連携プログラム）"),
            ("cli:hanako", "hanako (command line)", "hanako（コマンド）"),
            ("daemon", "banto (by itself)", "banto（自動）"),
            ("demo:clerk", "demo:clerk", "demo:clerk"),
            ("", "", ""),
        ] {
            assert_eq!(actor_in_words(actor), Bilingual { en: en.to_owned(), ja: ja.to_owned() }, "{actor}");
        }
    }

    #[test]
    fn an_empty_name_is_no_name() {
        assert_eq!(full_name("  "), Err(PersonFault::FullName));
        assert_eq!(full_name(" 山田\n花子 ").as_deref(), Ok("山田 花子"));
    }

    #[test]
    fn roles_and_languages_have_names() {
        for role in Role::ALL {
            assert_eq!(Role::from_name(role.name()), Some(role));
        }
        assert_eq!(Language::from_tag("en"), Some(Language::En));
        assert_eq!((Role::from_name("root"), Language::from_tag("fr")), (None, None));
    }
}
