//! The language in which a person is told what to do: Japanese where the terminal's locale says so, else English.

use banto_channel::ErrorKind;

/// Whether the locale of the terminal is Japanese (POSIX: `LC_ALL` before `LC_MESSAGES` before `LANG`).
pub(super) fn japanese() -> bool {
    ["LC_ALL", "LC_MESSAGES", "LANG"]
        .iter()
        .filter_map(|name| std::env::var(name).ok())
        .find(|value| !value.is_empty())
        .is_some_and(|value| value.starts_with("ja"))
}

/// One text in the language of the terminal.
pub(super) fn pick<'a>(ja: &'a str, en: &'a str) -> &'a str {
    if japanese() { ja } else { en }
}

/// What kind of help an error of a marketplace needs, in plain words; its own words come after it.
pub(super) fn remedy(kind: ErrorKind) -> &'static str {
    match kind {
        ErrorKind::Config => pick("設定を直してください", "the channel's file must be changed"),
        ErrorKind::Auth => pick(
            "認証情報・権限・接続元IPのいずれかが受け付けられていません",
            "the marketplace does not accept the credentials, their scope, or this machine's address",
        ),
        ErrorKind::RateLimited => pick(
            "呼び出し回数の上限に達しています。時間をおいて再度お試しください",
            "too many calls for now; try again later",
        ),
        ErrorKind::Unreachable => pick(
            "接続できません。アドレスとネットワークを確認してください",
            "it cannot be reached; check the address and the network",
        ),
        ErrorKind::Malformed => pick(
            "想定外の応答です。メンテナンス中か、アドレスが違う可能性があります",
            "it answers something else than it should; it may be under maintenance, or the address is another's",
        ),
        ErrorKind::Refused | ErrorKind::NotFound => {
            pick("マーケットプレイスに拒否されました", "the marketplace refuses the call")
        }
        _ => pick("banto の不具合の可能性があります", "this may be a fault of banto"),
    }
}
