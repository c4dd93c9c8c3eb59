//! Where messages may go: the address that a program or the owner registers to be told at.

use std::net::IpAddr;
use std::time::Duration;

use axum::http::Uri;
use banto_channel::{Bilingual, both};
use banto_wire::Reach;

/// Longest address.
const URL_MAX: usize = 500;
/// How long a name may take to be looked up.
const LOOK_UP_LIMIT: Duration = Duration::from_secs(3);

/// Whether messages may go to this address: `https`, or `http` to this machine, and nowhere out of reach. A name that
/// cannot be looked up now is taken: where it leads is judged again with each message.
///
/// Errors: what is wrong with it.
pub(in crate::web) async fn check(url: &str, reach: Reach) -> Result<(), Bilingual> {
    let host = host(url)?;
    match tokio::time::timeout(LOOK_UP_LIMIT, reach.check_host(&host)).await {
        Ok(Err(why)) => Err(why.words(&host)),
        Ok(Ok(())) | Err(_) => Ok(()),
    }
}

/// The host of an address that is written as it must be.
fn host(url: &str) -> Result<String, Bilingual> {
    // Two programs read the address: what they could read differently is left out.
    if url.len() > URL_MAX || !url.chars().all(|c| c.is_ascii_graphic()) || url.contains(['\\', '@', '#']) {
        return Err(both!(
            "an address is https:// and then up to {URL_MAX} letters, without a login, \\ and #",
            "送信先は https:// で始まる{URL_MAX}文字以内の半角のアドレスです（ログイン情報、\\、# は使えません）"
        ));
    }
    let uri: Uri = url.parse().map_err(|_| {
        both!(
            "this is not an address such as https://warehouse.example/banto",
            "送信先は https://warehouse.example/banto のようなアドレスで入力してください"
        )
    })?;
    let host = uri.host().unwrap_or_default();
    let plain = host.trim_matches(['[', ']']);
    let name = plain.rsplit('.').next().unwrap_or_default();
    if plain.is_empty() || (name.is_empty() && !plain.contains(':')) {
        return Err(both!("the address names no host", "送信先にホスト名がありません"));
    }
    let is_here = plain == "localhost" || plain.parse().is_ok_and(|ip: IpAddr| ip.is_loopback());
    match uri.scheme_str() {
        Some("https") => Ok(host.to_owned()),
        Some("http") if is_here => Ok(host.to_owned()),
        Some("http") => Err(both!(
            "http:// is for this machine's loopback only; take https://",
            "http:// はこのサーバー自身に限ります。https:// のアドレスを入力してください"
        )),
        _ => Err(both!("the address begins with https://", "送信先は https:// で始まるアドレスです")),
    }
}

#[cfg(test)]
#[expect(clippy::unwrap_used, reason = "tests")]
mod tests {
    use super::*;

    const PUBLIC: Reach = Reach::Public { unless: "[web] webhooks_private = true" };

    #[test]
    fn messages_go_by_https_or_stay_on_this_machine() {
        for (good, at) in [
            ("https://warehouse.example/banto?x=1", "warehouse.example"),
            ("https://192.168.1.5:8443/hook", "192.168.1.5"),
            ("http://127.0.0.1:9000/", "127.0.0.1"),
            ("http://[::1]:9000/x", "[::1]"),
            ("http://localhost/x", "localhost"),
        ] {
            assert_eq!(host(good).as_deref(), Ok(at), "{good}");
        }
        for bad in [
            "http://warehouse.example/",
            "http://10.0.0.1/",
            "http://localhost.evil.example/",
            "http://127.0.0.1@evil.example/",
            "http://127.0.0.1\\@evil.example/",
            "ftp://warehouse.example/",
            "/hook",
            "https://",
            "https://a b/",
            "",
        ] {
            assert!(host(bad).is_err(), "{bad}");
        }
    }

    #[tokio::test]
    async fn nothing_goes_into_the_house_unless_the_config_says_so() {
        for (inside, address) in [
            ("http://127.0.0.1:9000/", "127.0.0.1"),
            ("http://[::1]:9000/", "::1"),
            ("https://10.0.0.7/hook", "10.0.0.7"),
            ("https://[fd00::7]/hook", "fd00::7"),
            ("https://[::ffff:10.0.0.7]/hook", "::ffff:10.0.0.7"),
            ("https://localhost/hook", "localhost"),
            // What few people would read as an address, a look-up does.
            ("https://2130706433/hook", "127.0.0.1"),
        ] {
            let why = check(inside, PUBLIC).await.unwrap_err();
            for words in [&why.en, &why.ja] {
                assert!(words.contains(address) && words.contains("webhooks_private = true"), "{words}");
            }
            assert_eq!(check(inside, Reach::House).await, Ok(()), "{inside}");
        }
        for reach in [PUBLIC, Reach::House] {
            for metadata in ["https://169.254.169.254/latest", "https://[fe80::1]/", "https://0.0.0.0/"] {
                assert!(check(metadata, reach).await.is_err(), "{metadata}");
            }
            assert_eq!(check("https://93.184.215.14/hook", reach).await, Ok(()));
        }
    }
}
