//! Mails against a real SMTP server that is not ours: aiosmtpd with faults, `tests/mail/aiosmtpd_faults.py`.
//!
//! `BANTO_TEST_SMTP` holds the line of JSON that the script prints; without it each test says that it is skipped.
//! Every test has a server of its own.

use std::io::{Read as _, Write as _};
use std::net::TcpStream;
use std::path::PathBuf;
use std::time::{Duration, Instant};

use banto::mail::{
    Envelope, MailKind, Mailbox, Outgoing, Rendered, Smtp, SmtpConfig, Stage, Templates, TlsMode, Verdict,
    message, message_id, sample,
};
use banto_channel::{Secret, Timestamp};
use serde_json::{Value, json};

const PASSWORD: &str = "s3cret-word";

/// The control port of the Python server.
struct Control {
    host: String,
    port: u16,
    ca_file: PathBuf,
}

impl Control {
    fn find() -> Option<Self> {
        let Ok(place) = std::env::var("BANTO_TEST_SMTP") else {
            eprintln!("SKIP: BANTO_TEST_SMTP is not set; tests/run starts the server");
            return None;
        };
        let place: Value = serde_json::from_str(&place).unwrap();
        Some(Self {
            host: place["host"].as_str().unwrap().to_owned(),
            port: place["control"].as_u64().unwrap().try_into().unwrap(),
            ca_file: place["ca"].as_str().unwrap().into(),
        })
    }

    fn call(&self, method: &str, target: &str, body: &str) -> Value {
        let mut tcp = TcpStream::connect((self.host.as_str(), self.port)).unwrap();
        let length = body.len();
        write!(tcp, "{method} {target} HTTP/1.1\r\nContent-Length: {length}\r\n\r\n{body}").unwrap();
        let mut answer = String::new();
        tcp.read_to_string(&mut answer).unwrap();
        let (_, body) = answer.split_once("\r\n\r\n").unwrap();
        serde_json::from_str(body).unwrap()
    }
}

/// A mail server of one test.
struct Server {
    control: Control,
    port: u16,
}

impl Server {
    /// A server with these options, if there is one to be had.
    fn with(options: Value) -> Option<Self> {
        let control = Control::find()?;
        let answer = control.call("POST", "/listen", &options.to_string());
        let port = answer["port"].as_u64().unwrap().try_into().unwrap();
        Some(Self { control, port })
    }

    /// A server with STARTTLS and AUTH that plays these faults.
    fn faulty(faults: Value) -> Option<Self> {
        Self::with(json!({"tls": "starttls", "auth": true, "faults": faults}))
    }

    fn config(&self, tls: TlsMode) -> SmtpConfig {
        let mut config = SmtpConfig::new("127.0.0.1", self.port, tls);
        config.username = "shop".to_owned();
        config.password = Some(Secret::new(PASSWORD));
        config.ca_file = Some(self.control.ca_file.clone());
        config.connections = 1;
        config.timeout = Duration::from_secs(5);
        config.answer_timeout = Duration::from_secs(5);
        config
    }

    fn smtp(&self) -> Smtp {
        Smtp::new(&self.config(TlsMode::StartTls)).unwrap()
    }

    fn mails(&self) -> Vec<Value> {
        let mails = self.control.call("GET", &format!("/mails?port={}", self.port), "");
        mails.as_array().unwrap().clone()
    }

    fn connections(&self) -> u64 {
        let stats = self.control.call("GET", &format!("/stats?port={}", self.port), "");
        stats["connections"].as_u64().unwrap()
    }
}

fn rendered() -> Rendered {
    Rendered {
        subject: "【番頭商店】ご注文ありがとうございます".to_owned(),
        text: "髙﨑 様\n".to_owned(),
        html: "<p>髙﨑 様</p>\n".to_owned(),
    }
}

fn envelope(n: usize) -> Envelope {
    let mailbox = |name: &str, address: &str| Mailbox { name: name.to_owned(), address: address.to_owned() };
    Envelope {
        from: mailbox("番頭商店", "shop@shop.example"),
        reply_to: Some(mailbox("Help, \"desk\" (番頭)", "help@shop.example")),
        to: mailbox("髙﨑 久美子①🍵", "kumiko@example.jp"),
        message_id: message_id(MailKind::Received, &n.to_string(), 1, "shop.example"),
        date: Timestamp::from_secs(1_795_299_000),
        language: "ja".to_owned(),
        extra: Vec::new(),
    }
}

fn mail(n: usize) -> Outgoing {
    message(&rendered(), &envelope(n)).unwrap()
}

fn accepted(verdict: &Verdict) -> bool {
    matches!(verdict, Verdict::Accepted { .. })
}

fn temporary_at(verdict: &Verdict) -> Option<Stage> {
    match verdict {
        Verdict::Temporary { stage, .. } => Some(*stage),
        _ => None,
    }
}

#[tokio::test]
async fn every_mail_is_read_as_written_by_another_library() {
    let Some(server) = Server::faulty(json!({})) else { return };
    let smtp = server.smtp();
    let templates = Templates::load(None).unwrap();
    let mut sent = Vec::new();
    for language in ["ja", "en"] {
        for kind in MailKind::ALL {
            let order = sample::full(kind, language);
            sent.push(templates.render(None, language, kind, &order).unwrap());
        }
    }
    for n in 0..160 {
        let mut long = rendered();
        long.subject = format!("{}【髙﨑】{} A-1001 🍵🎁 tea", "a ".repeat(n % 40), "ご注文 ".repeat(n / 4));
        long.subject = long.subject.chars().take(240).collect::<String>().trim().to_owned();
        sent.push(long);
    }
    for (n, rendered) in sent.iter().enumerate() {
        let verdict = smtp.send(&message(rendered, &envelope(n)).unwrap()).await;
        assert!(accepted(&verdict), "{verdict}");
    }
    let mails = server.mails();
    assert_eq!((mails.len(), server.connections()), (sent.len(), 1));
    for (n, (mail, rendered)) in mails.iter().zip(&sent).enumerate() {
        assert_eq!(mail["defects"], json!([]));
        assert_eq!(mail["subject"], rendered.subject.as_str());
        assert_eq!(mail["text"].as_str().unwrap().trim_end(), rendered.text.trim_end());
        assert_eq!(mail["html"].as_str().unwrap().trim_end(), rendered.html.trim_end());
        assert_eq!(mail["type"], "multipart/alternative");
        assert_eq!(mail["from_header"], json!([["番頭商店", "shop@shop.example"]]));
        assert_eq!(mail["to_header"], json!([["髙﨑 久美子①🍵", "kumiko@example.jp"]]));
        assert_eq!(mail["reply_to"], json!([["Help, \"desk\" (番頭)", "help@shop.example"]]));
        assert_eq!(mail["message_id"], envelope(n).message_id.as_str());
        assert_eq!(mail["auto_submitted"], "auto-generated");
        assert_eq!(mail["date"], "2026-11-21T22:10:00+00:00");
        assert!(mail["longest_line"].as_u64().unwrap() <= 998);
        assert_eq!((&mail["tls"], &mail["auth"]), (&json!(true), &json!(true)));
    }
}

#[tokio::test]
async fn names_cannot_add_headers_for_another_library_either() {
    let Some(server) = Server::faulty(json!({})) else { return };
    let smtp = server.smtp();
    let mut evil = envelope(1);
    evil.to.name = "x\r\nBcc: victim@example.com\r\n\r\nbody".to_owned();
    let mut rendered = rendered();
    rendered.subject = "x\r\nBcc: victim@example.com =?utf-8?q?=0D=0ABcc:?=".to_owned();
    evil.from.name = "=?utf-8?q?=0D=0ABcc:?= \"<x@example.com>,".to_owned();
    rendered.text = "a\r\n.\r\nMAIL FROM:<evil@example.com>\r\n\r.\rb\n.\n..\n".to_owned();
    for mail in [mail(0), message(&rendered, &evil).unwrap()] {
        let verdict = smtp.send(&mail).await;
        assert!(accepted(&verdict), "{verdict}");
    }
    let mails = server.mails();
    assert_eq!(mails.len(), 2);
    assert_eq!(mails[0]["headers"], mails[1]["headers"]);
    assert_eq!(mails[1]["to"], json!(["kumiko@example.jp"]));
    assert_eq!(mails[1]["to_header"][0][1], "kumiko@example.jp");
    assert_eq!(
        mails[1]["from_header"],
        json!([["=?utf-8?q?=0D=0ABcc:?= \"<x@example.com>,", "shop@shop.example"]])
    );
    assert_eq!(mails[1]["subject"], "x  Bcc: victim@example.com = ?utf-8?q?=0D=0ABcc:?=");
    let text = mails[1]["text"].as_str().unwrap().trim_end();
    assert_eq!(text, "a\n.\nMAIL FROM:<evil@example.com>\n\n.\nb\n.\n..");
}

#[tokio::test]
async fn implicit_tls_and_login_work() {
    let Some(server) = Server::with(json!({"tls": "implicit", "auth": true})) else { return };
    let smtp = Smtp::new(&server.config(TlsMode::Implicit)).unwrap();
    assert_eq!(smtp.probe().await, Ok(()));
    for n in 0..3 {
        let verdict = smtp.send(&mail(n)).await;
        assert!(accepted(&verdict), "{verdict}");
    }
    assert_eq!(server.mails().len(), 3);
    assert_eq!(server.mails()[0]["tls"], true);
    assert_eq!(server.connections(), 2);
}

#[tokio::test]
async fn temporary_refusals_are_temporary_and_keep_the_connection() {
    for (fault, stage, connections) in [
        ("connect_421", Stage::Greeting, 2),
        ("auth_454", Stage::Login, 2),
        ("mail_451", Stage::Sender, 1),
        ("rcpt_450", Stage::Recipient, 1),
        ("answer_451", Stage::Answer, 1),
    ] {
        let Some(server) = Server::faulty(json!({fault: 1})) else { return };
        let smtp = server.smtp();
        let verdict = smtp.send(&mail(1)).await;
        assert_eq!(temporary_at(&verdict), Some(stage), "{fault}: {verdict}");
        assert!(server.mails().is_empty(), "{fault}");
        let verdict = smtp.send(&mail(1)).await;
        assert!(accepted(&verdict), "{fault}: {verdict}");
        assert_eq!((server.mails().len(), server.connections()), (1, connections), "{fault}");
    }
}

#[tokio::test]
async fn a_greylisting_server_is_asked_again_when_it_says() {
    let Some(server) = Server::faulty(json!({"greylist": true})) else { return };
    let smtp = server.smtp();
    let verdict = smtp.send(&mail(1)).await;
    let Verdict::Temporary { code, stage, retry_after, .. } = verdict else {
        panic!("{verdict}");
    };
    assert_eq!((code, stage), (Some(451), Stage::Recipient));
    assert_eq!(retry_after, Some(Duration::from_secs(300)));
    assert!(accepted(&smtp.send(&mail(1)).await));
}

#[tokio::test]
async fn permanent_refusals_are_of_the_one_mail() {
    for (fault, code, stage) in [("rcpt_550", 550, Stage::Recipient), ("answer_554", 554, Stage::Answer)] {
        let Some(server) = Server::faulty(json!({fault: 1})) else { return };
        let smtp = server.smtp();
        let verdicts = smtp.send_all(&[mail(1), mail(2)]).await;
        let Verdict::Permanent { code: said, stage: at, .. } = &verdicts[0] else {
            panic!("{fault}: {}", verdicts[0]);
        };
        assert_eq!((*said, *at), (Some(code), stage), "{fault}");
        assert!(accepted(&verdicts[1]), "{fault}: {}", verdicts[1]);
        assert_eq!((server.mails().len(), server.connections()), (1, 1), "{fault}");
    }
}

#[tokio::test]
async fn a_refused_sender_is_no_fault_of_the_mail() {
    let Some(server) = Server::faulty(json!({"mail_553": 2})) else { return };
    let smtp = server.smtp();
    let verdict = smtp.send(&mail(1)).await;
    let Verdict::SenderRefused { code: 553, text } = &verdict else { panic!("{verdict}") };
    assert!(text.contains("not owned by user"), "{text}");
    assert!(matches!(smtp.probe_sender("shop@shop.example").await, Err(Verdict::SenderRefused { .. })));
    let verdict = smtp.send(&mail(1)).await;
    assert!(accepted(&verdict), "{verdict}");
    assert_eq!(server.mails().len(), 1);
}

#[tokio::test]
async fn what_the_merchant_must_mend_stops_all_mails() {
    let starttls = json!({"tls": "starttls", "auth": true});
    let refused = json!({"tls": "starttls", "auth": true, "faults": {"auth_535": 9}});
    let login_wanted = json!({"tls": "starttls", "auth": false, "faults": {"mail_530": 9}});
    let other_name = json!({"tls": "starttls", "auth": true, "certificate": "other"});
    let other_name_implicit = json!({"tls": "implicit", "auth": true, "certificate": "other"});
    let plain = json!({"tls": "none", "auth": false});
    let no_login = json!({"tls": "starttls", "auth": false});
    type Change = fn(&mut SmtpConfig);
    let cases: [(Value, Change, &str); 8] = [
        (refused, |_| {}, "535 5.7.8 wrong password …"),
        (starttls.clone(), |c| c.password = Some(Secret::new("another")), "535 5.7.8 wrong password …"),
        (login_wanted, |c| c.username.clear(), "530 5.7.0"),
        (other_name, |_| {}, "certificate"),
        (other_name_implicit, |c| c.tls = TlsMode::Implicit, "certificate"),
        (starttls, |c| c.ca_file = None, "certificate"),
        (plain, |_| {}, "does not offer STARTTLS"),
        (no_login, |_| {}, "offers neither AUTH PLAIN nor AUTH LOGIN"),
    ];
    for (options, change, words) in cases {
        let Some(server) = Server::with(options) else { return };
        let mut config = server.config(TlsMode::StartTls);
        change(&mut config);
        let smtp = Smtp::new(&config).unwrap();
        let verdicts = smtp.send_all(&[mail(1), mail(2), mail(3)]).await;
        for verdict in &verdicts {
            let Verdict::Stopped { reason } = verdict else {
                panic!("{words}: {verdict}");
            };
            assert!(reason.contains(words), "{words}: {reason}");
            assert!(!reason.contains(PASSWORD) && !reason.contains("another"), "{reason}");
        }
        assert!(server.mails().is_empty(), "{words}");
        assert!(server.connections() <= 1, "{words}: tried again without any hope");
    }
}

#[tokio::test]
async fn clear_text_behind_starttls_is_not_taken_for_answers() {
    let Some(server) = Server::faulty(json!({"inject": true})) else { return };
    let verdict = server.smtp().send(&mail(1)).await;
    assert_eq!(temporary_at(&verdict), Some(Stage::Tls), "{verdict}");
    assert!(server.mails().is_empty());
}

#[tokio::test]
async fn what_is_lost_before_the_dot_is_temporary() {
    let Some(server) = Server::faulty(json!({"data_drop": 1})) else { return };
    let smtp = server.smtp();
    let verdict = smtp.send(&mail(1)).await;
    assert_eq!(temporary_at(&verdict), Some(Stage::Data), "{verdict}");
    assert!(accepted(&smtp.send(&mail(1)).await));
    assert_eq!(server.mails().len(), 1);

    // Large enough that its end cannot be in flight when the server goes.
    let Some(server) = Server::faulty(json!({"content_drop": 1})) else { return };
    let smtp = server.smtp();
    let mut large = rendered();
    large.text = "0123456789abcdef\n".repeat(900_000);
    let verdict = smtp.send(&message(&large, &envelope(1)).unwrap()).await;
    assert_eq!(temporary_at(&verdict), Some(Stage::Content), "{verdict}");
    assert!(accepted(&smtp.send(&mail(1)).await));
    assert_eq!(server.mails().len(), 1);
}

#[tokio::test]
async fn what_is_lost_after_the_dot_is_unknown_and_never_repeated() {
    for (fault, stored) in [("answer_drop", 0), ("answer_lost", 1), ("answer_stall", 1)] {
        let Some(server) = Server::faulty(json!({"rcpt_550": 1, fault: 2, "stall_s": 3})) else { return };
        let mut config = server.config(TlsMode::StartTls);
        config.answer_timeout = Duration::from_millis(500);
        let smtp = Smtp::new(&config).unwrap();
        // Leaves a kept connection behind, for the first of the lost answers; the second comes on a new one.
        assert!(matches!(smtp.send(&mail(0)).await, Verdict::Permanent { .. }), "{fault}");
        for (n, connections) in [(1, 1), (2, 2)] {
            let verdict = smtp.send(&mail(n)).await;
            assert!(matches!(verdict, Verdict::Unknown { .. }), "{fault}: {verdict}");
            assert_eq!((server.mails().len(), server.connections()), (stored * n, connections), "{fault}");
        }
        assert!(accepted(&smtp.send(&mail(3)).await), "{fault}");
        assert_eq!((server.mails().len(), server.connections()), (stored * 2 + 1, 3), "{fault}");
    }
}

#[tokio::test]
async fn a_slow_server_is_given_up_in_time() {
    let Some(server) = Server::faulty(json!({"mail_stall": 1, "stall_s": 4})) else { return };
    let mut config = server.config(TlsMode::StartTls);
    config.timeout = Duration::from_millis(800);
    let smtp = Smtp::new(&config).unwrap();
    let began = Instant::now();
    let verdict = smtp.send(&mail(1)).await;
    assert_eq!(temporary_at(&verdict), Some(Stage::Sender), "{verdict}");
    assert!(began.elapsed() < Duration::from_secs(3));
    assert!(server.mails().is_empty());
}

#[tokio::test]
async fn a_connection_that_the_server_closed_is_replaced() {
    let Some(server) = Server::with(json!({"tls": "starttls", "auth": true, "timeout": 0.5})) else { return };
    let smtp = server.smtp();
    assert!(accepted(&smtp.send(&mail(1)).await));
    tokio::time::sleep(Duration::from_millis(1200)).await;
    let verdict = smtp.send(&mail(2)).await;
    assert!(accepted(&verdict), "{verdict}");
    assert_eq!((server.mails().len(), server.connections()), (2, 2));
}

#[tokio::test]
async fn addresses_beyond_ascii_go_where_smtputf8_is_offered_and_nowhere_else() {
    let mut international = envelope(1);
    international.to.address = "久美子@例え.example".to_owned();
    let mail = message(&rendered(), &international).unwrap();
    let Some(server) = Server::with(json!({"tls": "starttls", "auth": true, "smtputf8": true})) else {
        return;
    };
    let verdict = server.smtp().send(&mail).await;
    assert!(accepted(&verdict), "{verdict}");
    assert_eq!(server.mails()[0]["to"], json!(["久美子@例え.example"]));
    let Some(server) = Server::with(json!({"tls": "starttls", "auth": true, "smtputf8": false})) else {
        return;
    };
    let verdict = server.smtp().send(&mail).await;
    let Verdict::Permanent { code: None, text, stage: Stage::Check } = &verdict else {
        panic!("{verdict}");
    };
    assert!(text.contains("SMTPUTF8"), "{text}");
}

#[tokio::test]
async fn under_a_storm_of_faults_the_verdicts_tell_what_the_server_has() {
    let faults = json!({
        "connect_421": 2, "auth_454": 2, "mail_451": 5, "rcpt_450": 5, "rcpt_550": 5, "answer_451": 5,
        "answer_554": 5, "data_drop": 5, "answer_drop": 5, "answer_lost": 5,
    });
    let Some(server) = Server::faulty(faults) else { return };
    let mut config = server.config(TlsMode::StartTls);
    config.connections = 8;
    let smtp = Smtp::new(&config).unwrap();
    let mails: Vec<Outgoing> = (0..200).map(mail).collect();
    let verdicts = smtp.send_all(&mails).await;
    let stored = server.mails();
    let mut unknown = 0;
    for (n, verdict) in verdicts.iter().enumerate() {
        let id = envelope(n).message_id;
        let copies = stored.iter().filter(|mail| mail["message_id"] == id.as_str()).count();
        match verdict {
            Verdict::Accepted { .. } => assert_eq!(copies, 1, "mail {n}"),
            Verdict::Unknown { .. } => {
                unknown += 1;
                assert!(copies <= 1, "mail {n}");
            }
            other => assert_eq!(copies, 0, "mail {n}: {other}"),
        }
    }
    assert_eq!(unknown, 10);
    assert!(verdicts.iter().filter(|v| accepted(v)).count() >= 150);
}
