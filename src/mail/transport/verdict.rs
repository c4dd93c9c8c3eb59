//! What became of a mail, and how that is read from what happened on the wire.

use std::fmt;
use std::time::Duration;

/// How far a mail had come.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Stage {
    /// Looking up and reaching the server.
    Connect,
    /// The server's greeting and EHLO.
    Greeting,
    /// STARTTLS or the TLS handshake.
    Tls,
    /// AUTH.
    Login,
    /// The mail itself, before anything is sent: its addresses and what the server must be able to do.
    Check,
    /// MAIL FROM.
    Sender,
    /// RCPT TO.
    Recipient,
    /// DATA, before the content.
    Data,
    /// The content, before its final dot.
    Content,
    /// After the final dot may have gone out.
    Answer,
}

impl Stage {
    /// Whether it concerns the server and not this one mail.
    #[must_use]
    pub const fn is_of_server(self) -> bool {
        matches!(self, Self::Connect | Self::Greeting | Self::Tls | Self::Login)
    }
}

impl fmt::Display for Stage {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Connect => "connecting",
            Self::Greeting => "the greeting",
            Self::Tls => "starting TLS",
            Self::Login => "logging in",
            Self::Check => "checking the mail",
            Self::Sender => "naming the sender",
            Self::Recipient => "naming the recipient",
            Self::Data => "asking to send the content",
            Self::Content => "sending the content",
            Self::Answer => "waiting for the answer to the content",
        })
    }
}

/// What became of one mail.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Verdict {
    /// The server took it.
    Accepted {
        /// Its words, which often hold its own id of the mail.
        answer: String,
    },
    /// This mail will never be taken as it is (5xx, or an address that is none).
    Permanent {
        /// The server's code; none if the mail was refused before it was asked.
        code: Option<u16>,
        /// Why.
        text: String,
        /// Where.
        stage: Stage,
    },
    /// Not taken now, and certainly not taken: it may be sent again (4xx, or no connection).
    Temporary {
        /// The server's code; none if the connection failed.
        code: Option<u16>,
        /// Why.
        text: String,
        /// Where.
        stage: Stage,
        /// When to come back, if the server said so.
        retry_after: Option<Duration>,
    },
    /// The final dot may have gone out and no answer came: the server may have taken it or not. Never to be
    /// repeated blindly.
    Unknown {
        /// What happened.
        text: String,
    },
    /// The server takes nothing from this sender (5xx to MAIL FROM: not registered there, or against its policy): not
    /// this mail's fault, so it is to be kept as it is until a person mends the sender.
    SenderRefused {
        /// The server's code.
        code: u16,
        /// Why.
        text: String,
    },
    /// The server will take no mail at all as it is configured here (password, certificate, STARTTLS): not
    /// this mail's fault, so it is to be kept as it is until a person mends the configuration.
    Stopped {
        /// What to mend.
        reason: String,
    },
}

impl Verdict {
    /// Whether it is about the server, so that the next mail would fare the same.
    #[must_use]
    pub const fn is_of_server(&self) -> bool {
        match self {
            Self::Stopped { .. } => true,
            Self::Temporary { stage, .. } => stage.is_of_server(),
            Self::Accepted { .. }
            | Self::Permanent { .. }
            | Self::Unknown { .. }
            | Self::SenderRefused { .. } => false,
        }
    }
}

impl fmt::Display for Verdict {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let coded = |code: &Option<u16>| code.map(|code| format!("{code} ")).unwrap_or_default();
        match self {
            Self::Accepted { answer } => write!(f, "accepted: {answer}"),
            Self::Permanent { code, text, stage } => {
                write!(f, "refused for good, {stage}: {}{text}", coded(code))
            }
            Self::Temporary { code, text, stage, .. } => {
                write!(f, "not taken now, {stage}: {}{text}", coded(code))
            }
            Self::Unknown { text } => write!(f, "unknown whether taken: {text}"),
            Self::SenderRefused { code, text } => {
                write!(f, "the mail server refuses the sender: {code} {text}")
            }
            Self::Stopped { reason } => write!(f, "the mail server refuses us: {reason}"),
        }
    }
}

/// Why a step of the dialogue did not succeed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Failure {
    /// The server answered 4xx or 5xx.
    Refused { stage: Stage, code: u16, text: String },
    /// No answer that can be read: connection gone, time over, or nonsense.
    Lost { stage: Stage, text: String },
    /// It can never work as configured.
    Misconfigured { stage: Stage, text: String },
    /// This mail asks for something that the server cannot do.
    Unfit { text: String },
}

/// "Authentication required", "mechanism too weak", "credentials invalid", "encryption required": said at any
/// stage, they are about us and not about the mail (RFC 4954 §6).
const ABOUT_US: [u16; 4] = [530, 534, 535, 538];

/// Answers to MAIL FROM that are about the one mail all the same: it is too large, or its parameters (what its content
/// and addresses need) are not known (RFC 5321 §4.2.2, §4.1.1.11).
const ABOUT_THE_MAIL: [u16; 2] = [552, 555];

impl Failure {
    /// Whether an idle connection had simply gone stale: nothing of the mail had been taken, and the same may
    /// succeed on a new connection.
    pub(super) fn is_stale(&self) -> bool {
        match self {
            Self::Lost { stage, .. } => *stage < Stage::Content,
            Self::Refused { stage, code, .. } => *code == 421 && *stage == Stage::Sender,
            Self::Misconfigured { .. } | Self::Unfit { .. } => false,
        }
    }

    /// Whether the connection is still good for the next mail.
    pub(super) fn keeps_connection(&self) -> bool {
        match self {
            Self::Refused { code, .. } => *code != 421,
            Self::Unfit { .. } => true,
            Self::Lost { .. } | Self::Misconfigured { .. } => false,
        }
    }

    pub(super) fn into_verdict(self) -> Verdict {
        match self {
            Self::Unfit { text } => Verdict::Permanent { code: None, text, stage: Stage::Check },
            Self::Misconfigured { stage, text } => Verdict::Stopped { reason: format!("{stage}: {text}") },
            Self::Lost { stage: Stage::Answer, text } => Verdict::Unknown { text },
            Self::Lost { stage, text } => Verdict::Temporary { code: None, text, stage, retry_after: None },
            Self::Refused { stage, code, text } if code < 500 => {
                Verdict::Temporary { code: Some(code), retry_after: named_wait(&text), text, stage }
            }
            Self::Refused { stage, code, text } if stage.is_of_server() || ABOUT_US.contains(&code) => {
                Verdict::Stopped { reason: format!("{stage}: {code} {text}") }
            }
            Self::Refused { stage: Stage::Sender, code, text } if !ABOUT_THE_MAIL.contains(&code) => {
                Verdict::SenderRefused { code, text }
            }
            Self::Refused { stage, code, text } => Verdict::Permanent { code: Some(code), text, stage },
        }
    }
}

/// The wait that a greylisting server names in its words: "try again in 300 seconds", "retry in 5 minutes".
/// More than a day is taken for something else.
fn named_wait(text: &str) -> Option<Duration> {
    const DAY: u64 = 86_400;
    let words: Vec<String> = text
        .split(|c: char| !c.is_ascii_alphanumeric())
        .filter(|word| !word.is_empty())
        .map(str::to_ascii_lowercase)
        .collect();
    words.windows(2).find_map(|pair| {
        let [number, unit] = pair else { return None };
        let number: u64 = number.parse().ok()?;
        let unit = match unit.as_str() {
            "s" | "sec" | "secs" | "second" | "seconds" => 1,
            "m" | "min" | "mins" | "minute" | "minutes" => 60,
            "h" | "hour" | "hours" => 3600,
            _ => return None,
        };
        number.checked_mul(unit).filter(|secs| (1..=DAY).contains(secs)).map(Duration::from_secs)
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn refused(stage: Stage, code: u16) -> Verdict {
        Failure::Refused { stage, code, text: "words".to_owned() }.into_verdict()
    }

    #[test]
    fn a_lost_connection_is_unknown_only_after_the_dot() {
        for stage in [
            Stage::Connect,
            Stage::Greeting,
            Stage::Tls,
            Stage::Login,
            Stage::Sender,
            Stage::Recipient,
            Stage::Data,
            Stage::Content,
            Stage::Answer,
        ] {
            let verdict = Failure::Lost { stage, text: "gone".to_owned() }.into_verdict();
            assert_eq!(matches!(verdict, Verdict::Unknown { .. }), stage == Stage::Answer, "{stage:?}");
            assert_eq!(matches!(verdict, Verdict::Temporary { .. }), stage != Stage::Answer, "{stage:?}");
        }
    }

    #[test]
    fn what_is_about_us_stops_the_queue_and_what_is_about_the_mail_does_not() {
        for (stage, code) in [
            (Stage::Greeting, 554),
            (Stage::Tls, 502),
            (Stage::Login, 535),
            (Stage::Sender, 530),
            (Stage::Recipient, 530),
        ] {
            assert!(matches!(refused(stage, code), Verdict::Stopped { .. }), "{stage:?} {code}");
        }
        for code in [501, 503, 550, 553, 554] {
            assert!(matches!(refused(Stage::Sender, code), Verdict::SenderRefused { .. }), "{code}");
        }
        for (stage, code) in [
            (Stage::Sender, 552),
            (Stage::Sender, 555),
            (Stage::Recipient, 550),
            (Stage::Data, 554),
            (Stage::Answer, 554),
        ] {
            assert!(matches!(refused(stage, code), Verdict::Permanent { .. }), "{stage:?} {code}");
        }
        for (stage, code) in [(Stage::Greeting, 421), (Stage::Login, 454), (Stage::Answer, 451)] {
            assert!(matches!(refused(stage, code), Verdict::Temporary { .. }), "{stage:?} {code}");
        }
    }

    #[test]
    fn only_what_happened_before_the_content_may_be_tried_on_a_new_connection() {
        let lost = |stage| Failure::Lost { stage, text: String::new() };
        assert!(lost(Stage::Sender).is_stale());
        assert!(lost(Stage::Data).is_stale());
        assert!(!lost(Stage::Content).is_stale());
        assert!(!lost(Stage::Answer).is_stale());
    }

    #[test]
    fn a_named_wait_is_read_from_the_words() {
        for (words, secs) in [
            ("4.7.1 Greylisted, please try again in 300 seconds", Some(300)),
            ("4.7.1 try again in 5 minutes", Some(300)),
            ("greylisted for 1 hour", Some(3600)),
            ("4.2.1 mailbox busy", None),
            ("see https://example.com/45 m", Some(2700)),
            ("wait 0 seconds", None),
            ("wait 99999999999999999999 seconds", None),
            ("wait 400 hours", None),
        ] {
            assert_eq!(named_wait(words), secs.map(Duration::from_secs), "{words}");
        }
    }
}
