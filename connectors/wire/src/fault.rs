//! What can go wrong in one try, in words for the merchant.

use std::error::Error as StdError;
use std::io;
use std::time::Duration;

use banto_channel::{Bilingual, Error, ErrorKind, both};
use rustls::CertificateError;

use crate::client::CONNECT_TIMEOUT;
use crate::reach::OutOfReach;

/// Why a try brought no answer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Cause {
    /// Nothing was sent, for it would have gone where it must not.
    OutOfReach(OutOfReach),
    Dns,
    Refused,
    ConnectTimeout,
    Certificate,
    Tls,
    /// Any other reason why there was no connection.
    NoConnection,
    /// Sent, and no complete answer in time.
    Timeout,
    /// Sent, and the connection ended before the answer.
    Closed,
    /// The answer began and did not end.
    Torn,
    TooLarge,
    Redirects,
}

/// One failed try. `detail` comes from outside and is not yet redacted.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Fault {
    pub cause: Cause,
    pub detail: String,
}

/// What was tried, for the message.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Tried<'a> {
    /// Verb, host and path.
    pub what: &'a str,
    /// Host and port.
    pub host: &'a str,
    pub tries: u32,
    pub elapsed: Duration,
    pub timeout: Duration,
    pub idempotent: bool,
}

impl Fault {
    pub fn new(cause: Cause, detail: impl Into<String>) -> Self {
        Self { cause, detail: detail.into() }
    }

    /// From an error before the head of an answer came.
    pub fn of_send(error: &reqwest::Error) -> Self {
        let cause = if !error.is_connect() {
            if error.is_timeout() { Cause::Timeout } else { Cause::Closed }
        } else if let Some(why) = find::<OutOfReach>(error) {
            Cause::OutOfReach(*why)
        } else if error.is_dns() {
            Cause::Dns
        } else if let Some(tls) = find::<rustls::Error>(error) {
            if let rustls::Error::InvalidCertificate(why) = tls {
                return Self::new(Cause::Certificate, certificate_words(why));
            }
            Cause::Tls
        } else if error.is_timeout() {
            Cause::ConnectTimeout
        } else if find::<io::Error>(error).is_some_and(|e| e.kind() == io::ErrorKind::ConnectionRefused) {
            Cause::Refused
        } else {
            Cause::NoConnection
        };
        Self::new(cause, innermost(error))
    }

    /// From an error while the body of an answer of `status` was read, `got` bytes into it.
    pub fn of_body(error: &reqwest::Error, status: u16, got: usize) -> Self {
        if error.is_timeout() {
            Self::new(Cause::Timeout, format!("HTTP {status} and {got} bytes had come"))
        } else {
            Self::new(Cause::Torn, format!("HTTP {status}, after {got} bytes"))
        }
    }

    pub const fn kind(&self) -> ErrorKind {
        match self.cause {
            Cause::OutOfReach(_) => ErrorKind::Config,
            Cause::Torn | Cause::TooLarge | Cause::Redirects => ErrorKind::Malformed,
            _ => ErrorKind::Unreachable,
        }
    }

    /// The message that reaches the merchant.
    pub fn error(&self, tried: &Tried<'_>) -> Error {
        let what = tried.what;
        let mut message = both!("{what}", "{what} の呼び出し").with(&self.words(tried));
        if tried.tries > 1 {
            message = message.then(both!(
                "Tried {tries} times in {span}.",
                "{span}の間に{tries}回試しました。",
                tries = tried.tries,
                span = words(tried.elapsed)
            ));
        }
        let maybe_done = matches!(self.cause, Cause::Timeout | Cause::Closed | Cause::Torn);
        if maybe_done && !tried.idempotent {
            message = message.then(both!(
                "It is not known whether it was carried out; it was not sent again, because twice could do harm.",
                "実行されたかどうかは不明です。二重になると困るため、再送していません。"
            ));
        }
        Error::told(self.kind(), message)
    }

    /// The finding and, where there is one, the remedy.
    pub fn words(&self, tried: &Tried<'_>) -> Bilingual {
        let (host, detail) = (tried.host, &self.detail);
        match self.cause {
            Cause::OutOfReach(why) => why.words(host),
            Cause::Certificate | Cause::Tls => self.of_security(host),
            Cause::Dns => both!(
                "no address is known for {host} (DNS: {detail}). Check the spelling of the address, and that this \
                 machine reaches its name server.",
                "{host} のアドレスが見つかりません（DNS: {detail}）。アドレスの綴りと、このサーバーからDNSサーバーに\
                 接続できることを確認してください。"
            ),
            Cause::Refused => both!(
                "{host} refused the connection. Check the address and its port, and that the shop is running.",
                "{host} に接続を拒否されました。アドレスとポート、ショップが稼働していることを確認してください。"
            ),
            Cause::ConnectTimeout => both!(
                "{host} did not take the connection within {limit}. The shop may be down, or a firewall in between.",
                "{host} に{limit}以内に接続できませんでした。ショップが停止しているか、途中のファイアウォールに遮られている\
                 可能性があります。",
                limit = words(CONNECT_TIMEOUT)
            ),
            Cause::NoConnection => {
                both!("no connection to {host}: {detail}.", "{host} に接続できません: {detail}。")
            }
            Cause::Timeout => both!(
                "{host} gave no complete answer within {limit} ({detail}).",
                "{host} から{limit}以内に応答が揃いませんでした（{detail}）。",
                limit = words(tried.timeout)
            ),
            Cause::Closed => both!(
                "{host} closed the connection before it answered ({detail}).",
                "{host} が応答の前に接続を切りました（{detail}）。"
            ),
            Cause::Torn => both!(
                "the answer of {host} broke off ({detail}).",
                "{host} の応答が途中で途切れました（{detail}）。"
            ),
            Cause::TooLarge => both!(
                "the answer of {host} is above the size limit of {detail}; it was not read to its end.",
                "{host} の応答がサイズの上限（{detail}）を超えたため、最後まで読み取っていません。"
            ),
            Cause::Redirects => both!(
                "{host} redirects without end ({detail}).",
                "{host} のリダイレクトが終わりません（{detail}）。"
            ),
        }
    }

    /// No connection that both sides trust.
    fn of_security(&self, host: &str) -> Bilingual {
        let detail = &self.detail;
        match self.cause {
            Cause::Certificate => both!(
                "the certificate of {host} is not accepted: {detail}. Nothing was sent. It has to be put right at the \
                 shop.",
                "{host} の証明書を信頼できません: {detail}。何も送信していません。ショップ側で直す必要があります。"
            ),
            _ => both!(
                "no secure connection to {host}: {detail}. Check that the address should begin with https:// and has the \
                 right port.",
                "{host} に安全な接続ができません: {detail}。アドレスが https:// で始まり、ポートが正しいことを確認してください。"
            ),
        }
    }
}

fn certificate_words(why: &CertificateError) -> String {
    match why {
        CertificateError::Expired | CertificateError::ExpiredContext { .. } => "it has expired".to_owned(),
        CertificateError::NotValidYet | CertificateError::NotValidYetContext { .. } => {
            "it is not valid yet, or the clock of this machine is wrong".to_owned()
        }
        CertificateError::NotValidForName | CertificateError::NotValidForNameContext { .. } => {
            "it was issued for another name".to_owned()
        }
        CertificateError::UnknownIssuer => {
            "its issuer is not known to this machine (a self-signed certificate, a missing intermediate one, or no \
             ca-certificates package here)"
                .to_owned()
        }
        CertificateError::Revoked => "it has been revoked".to_owned(),
        other => format!("a browser would not trust it either ({other})"),
    }
}

/// The first error of type `T` below `error`; looks into `io::Error`s, which hide theirs from `source`.
fn find<'a, T: StdError + 'static>(error: &'a (dyn StdError + 'static)) -> Option<&'a T> {
    let mut next = Some(error);
    while let Some(e) = next {
        if let Some(found) = e.downcast_ref::<T>() {
            return Some(found);
        }
        let inner = e.downcast_ref::<io::Error>().and_then(io::Error::get_ref);
        if let Some(found) = inner.and_then(|i| find::<T>(i)) {
            return Some(found);
        }
        next = e.source();
    }
    None
}

/// What the deepest error says. The outer ones name reqwest's and hyper's own parts, and reqwest's the address.
fn innermost(error: &(dyn StdError + 'static)) -> String {
    let mut last = error;
    while let Some(e) = last.source() {
        last = e;
    }
    last.to_string()
}

/// A span as people say it.
pub(crate) fn words(span: Duration) -> String {
    match span.as_secs() {
        0..10 => format!("{:.1} s", span.as_secs_f64()),
        s @ 10..120 => format!("{s} s"),
        s @ 120..7_200 => format!("{} min", s.div_ceil(60)),
        s => format!("{} h", s.div_ceil(3600)),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const TRIED: Tried<'_> = Tried {
        what: "POST shop.example/orders",
        host: "shop.example:443",
        tries: 1,
        elapsed: Duration::from_secs(1),
        timeout: Duration::from_secs(30),
        idempotent: false,
    };

    #[test]
    fn a_lost_answer_to_an_unrepeatable_call_says_that_nobody_knows() {
        let text = Fault::new(Cause::Closed, "reset").error(&TRIED).message;
        assert!(text.contains("not known whether it was carried out"), "{text}");
        let text = Fault::new(Cause::Closed, "reset").error(&Tried { idempotent: true, ..TRIED }).message;
        assert!(!text.contains("not known"), "{text}");
        let text = Fault::new(Cause::Refused, "").error(&TRIED).message;
        assert!(!text.contains("not known"), "nothing was sent: {text}");
    }

    #[test]
    fn the_number_of_tries_is_told() {
        let text = Fault::new(Cause::Dns, "no such name").error(&Tried { tries: 4, ..TRIED }).message;
        assert!(text.contains("Tried 4 times in 1.0 s."), "{text}");
    }

    #[test]
    fn a_tls_error_is_found_inside_an_io_error() {
        let hidden = io::Error::new(io::ErrorKind::InvalidData, rustls::Error::DecryptError);
        assert_eq!(find::<rustls::Error>(&hidden), Some(&rustls::Error::DecryptError));
        assert_eq!(find::<rustls::Error>(&io::Error::other("none")), None);
    }

    #[test]
    fn spans_are_told_in_the_unit_that_fits() {
        let told = [400, 59_000, 121_000, 7_300_000].map(|ms| words(Duration::from_millis(ms)));
        assert_eq!(told, ["0.4 s", "59 s", "3 min", "3 h"]);
    }
}
