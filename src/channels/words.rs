//! What a marketplace answered, in plain words and with its remedy, in both languages.

use banto_channel::{Bilingual, Error, ErrorKind, Timestamp, both};
use jiff::tz::TimeZone;

use crate::domain::counted::counted;

/// What kind of help an error of a marketplace needs, in plain words, and then its own.
#[must_use]
pub fn trouble(error: &Error) -> Bilingual {
    remedy(error.kind).with(&own_words(error))
}

/// An error's own words; the English ends with the name of its kind.
#[must_use]
pub fn own_words(error: &Error) -> Bilingual {
    Bilingual { en: error.to_string(), ..error.words() }
}

/// What kind of help an error needs whose text was kept: it ends with the name of its kind.
#[must_use]
pub fn kept_trouble(text: &str) -> Option<Bilingual> {
    let name = text.strip_suffix(')')?.rsplit_once('(')?.1;
    let kinds = [
        ErrorKind::Config,
        ErrorKind::Auth,
        ErrorKind::RateLimited,
        ErrorKind::Unreachable,
        ErrorKind::Malformed,
        ErrorKind::Refused,
        ErrorKind::NotFound,
    ];
    kinds.into_iter().find(|kind| kind.name() == name).map(remedy)
}

fn remedy(kind: ErrorKind) -> Bilingual {
    match kind {
        ErrorKind::Config => both!("the channel's file must be changed", "設定を直してください"),
        ErrorKind::Auth => both!(
            "the marketplace does not accept the credentials, their scope, or this machine's address",
            "認証情報・権限・接続元IPのいずれかが受け付けられていません"
        ),
        ErrorKind::RateLimited => both!(
            "too many calls for now; try again later",
            "呼び出し回数の上限に達しています。時間をおいて再度お試しください"
        ),
        ErrorKind::Unreachable => both!(
            "it cannot be reached; check the address and the network",
            "接続できません。アドレスとネットワークを確認してください"
        ),
        ErrorKind::Malformed => both!(
            "it answers something else than it should; it may be under maintenance, or the address is another's",
            "想定外の応答です。メンテナンス中か、アドレスが違う可能性があります"
        ),
        ErrorKind::Refused | ErrorKind::NotFound => {
            both!("the marketplace refuses the call", "マーケットプレイスに拒否されました")
        }
        _ => both!("this may be a fault of banto", "banto の不具合の可能性があります"),
    }
}

/// That the marketplace takes the credentials; `server` is what it calls itself.
#[must_use]
pub fn accepted(server: &str) -> Bilingual {
    both!("{server} takes our credentials", "{server} の認証に成功しました")
}

/// Until when the credentials last, as far as the marketplace or the config says so.
#[must_use]
pub fn lifetime(expires: Timestamp, now: Timestamp, zone: &TimeZone) -> Bilingual {
    let left = (expires.as_secs() - now.as_secs()).div_euclid(86_400);
    let day = jiff::Timestamp::from_microsecond(expires.0)
        .map_or_else(|_| expires.0.to_string(), |at| at.to_zoned(zone.clone()).date().to_string());
    if left < 0 {
        return both!("the credentials ran out on {day}", "認証情報の有効期限（{day}）が切れています");
    }
    both!(
        "the credentials last until {day} ({days})",
        "認証情報の有効期限は{day}です（あと{left}日）",
        days = counted(left, "day", "days")
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn days_left_are_whole_days_in_the_shops_zone() {
        let (zone, now) = (TimeZone::fixed(jiff::tz::offset(9)), Timestamp::from_secs(1_795_255_200));
        let told = |seconds| lifetime(Timestamp::from_secs(now.as_secs() + seconds), now, &zone);
        assert_eq!(told(86_399).en, "the credentials last until 2026-11-22 (0 days)");
        assert_eq!(told(45 * 86_400).ja, "認証情報の有効期限は2027-01-05です（あと45日）");
        assert_eq!(told(-1).en, "the credentials ran out on 2026-11-21");
    }

    #[test]
    fn an_error_without_japanese_still_says_what_kind_of_help_it_needs() {
        let plain = trouble(&Error::new(ErrorKind::Auth, "no"));
        assert!(plain.en.ends_with("address: no (auth)"), "{plain:?}");
        assert_eq!(plain.ja, "認証情報・権限・接続元IPのいずれかが受け付けられていません: no");
        let told = trouble(&Error::told(ErrorKind::Config, both!("write url", "url を設定してください")));
        assert_eq!(told.ja, "設定を直してください: url を設定してください");
    }

    #[test]
    fn a_kept_error_tells_its_kind_by_its_end() {
        let said = |text: &str| kept_trouble(text).map(|words| words.en);
        let error = Error::new(ErrorKind::Unreachable, "HTTP 503 (busy)");
        assert!(said(&error.to_string()).unwrap_or_default().contains("cannot be reached"));
        assert_eq!(said("the disk is full"), None);
        assert_eq!(said("odd (thing)"), None);
    }
}
