//! Against our own sink; the faults of a real server are played in `tests/suite/smtp.rs`.
#![expect(clippy::unwrap_used, reason = "tests")]

use tokio::io::{AsyncBufReadExt, AsyncReadExt, AsyncWriteExt, BufReader};
use tokio::net::TcpListener;

use super::*;
use crate::mail::sink::{SinkRates, SmtpSink};

fn mail(n: usize) -> Outgoing {
    Outgoing {
        from: "shop@shop.example".to_owned(),
        to: format!("buyer{n}@example.com"),
        bytes: format!("Message-ID: <{n}@shop.example>\r\nSubject: {n}\r\n\r\n.line\r\n").into_bytes(),
    }
}

fn smtp(sink: &SmtpSink, connections: usize) -> Smtp {
    let mut config = SmtpConfig::new("127.0.0.1", sink.addr.port(), TlsMode::None);
    config.connections = connections;
    config.timeout = Duration::from_secs(5);
    config.answer_timeout = Duration::from_secs(5);
    Smtp::new(&config).unwrap()
}

#[tokio::test]
async fn mails_arrive_whole_and_once_over_kept_connections() {
    let sink = SmtpSink::start(1, SinkRates::default()).await.unwrap();
    let smtp = smtp(&sink, 3);
    let mails: Vec<Outgoing> = (0..40).map(mail).collect();
    let verdicts = smtp.send_all(&mails).await;
    assert!(verdicts.iter().all(|v| matches!(v, Verdict::Accepted { .. })), "{verdicts:?}");
    assert_eq!(smtp.kept_list().len(), 3);
    let received = sink.received();
    assert_eq!((received.len(), sink.duplicates()), (40, 0));
    let seventh = received.iter().find(|m| m.subject == "7").unwrap();
    assert_eq!(seventh.bytes, mails[7].bytes);
    assert_eq!(seventh.to, ["buyer7@example.com"]);
    smtp.close().await;
    assert_eq!(smtp.kept_list().len(), 0);
}

#[tokio::test]
async fn under_every_fault_the_verdict_tells_what_the_server_has() {
    let rates =
        SinkRates { rcpt_4xx: 100, data_4xx: 100, drop_at_data: 100, drop_before_dot: 50, lost_answer: 100 };
    for seed in 0..5 {
        let sink = SmtpSink::start(seed, rates).await.unwrap();
        let smtp = smtp(&sink, 4);
        let mails: Vec<Outgoing> = (0..60).map(mail).collect();
        let verdicts = smtp.send_all(&mails).await;
        let stored = sink.by_message_id();
        for (n, verdict) in verdicts.iter().enumerate() {
            let copies = stored.get(&format!("<{n}@shop.example>")).copied().unwrap_or(0);
            match verdict {
                Verdict::Accepted { .. } => assert_eq!(copies, 1, "seed {seed}, mail {n}"),
                Verdict::Temporary { .. } => assert_eq!(copies, 0, "seed {seed}, mail {n}: {verdict}"),
                other => assert!(matches!(other, Verdict::Unknown { .. }), "seed {seed}: {other}"),
            }
        }
        assert_eq!(sink.duplicates(), 0, "seed {seed}");
        let unknown = verdicts.iter().filter(|v| matches!(v, Verdict::Unknown { .. })).count();
        let temporary = verdicts.iter().filter(|v| matches!(v, Verdict::Temporary { .. })).count();
        let lost = sink.received().iter().filter(|mail| !mail.answered).count();
        assert!(unknown >= lost && lost > 0 && temporary > 5, "seed {seed}: {unknown} {lost} {temporary}");
    }
}

#[tokio::test]
async fn a_connection_that_went_stale_is_replaced_without_loss_or_copy() {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let port = listener.local_addr().unwrap().port();
    // Each connection takes one mail and closes when the next one begins.
    let server = tokio::spawn(async move {
        let mut taken = 0;
        for _ in 0..2 {
            let (tcp, _) = listener.accept().await.unwrap();
            let mut stream = BufReader::new(tcp);
            stream.get_mut().write_all(b"220 hi\r\n").await.unwrap();
            let mut mails = 0;
            let mut line = String::new();
            while stream.read_line(&mut line).await.unwrap() > 0 {
                let answer = match line.get(..4) {
                    Some("MAIL") if mails == 1 => break,
                    Some("DATA") => "354 go\r\n",
                    Some("EHLO" | "MAIL" | "RCPT") => "250 ok\r\n",
                    _ if line == ".\r\n" => {
                        mails += 1;
                        taken += 1;
                        "250 kept\r\n"
                    }
                    _ => "",
                };
                stream.get_mut().write_all(answer.as_bytes()).await.unwrap();
                line.clear();
                if taken == 2 {
                    return taken;
                }
            }
        }
        taken
    });
    let mut config = SmtpConfig::new("127.0.0.1", port, TlsMode::None);
    config.connections = 1;
    config.timeout = Duration::from_secs(5);
    let smtp = Smtp::new(&config).unwrap();
    for n in 0..2 {
        let verdict = smtp.send(&mail(n)).await;
        assert!(matches!(verdict, Verdict::Accepted { .. }), "{verdict}");
    }
    assert_eq!(server.await.unwrap(), 2);
}

/// Offers PIPELINING, answers nothing before MAIL, RCPT and DATA are all there, and returns what comes after.
async fn answers_three_at_once(listener: &TcpListener, answers: &str) -> String {
    let offers = "250-hi\r\n250-pipelining\r\n250 8BITMIME\r\n";
    let (tcp, _) = listener.accept().await.unwrap();
    let mut stream = BufReader::new(tcp);
    let mut commands = String::new();
    for said in ["220 hi\r\n", offers, offers, "", ""] {
        stream.get_mut().write_all(said.as_bytes()).await.unwrap();
        stream.read_line(&mut commands).await.unwrap();
    }
    let verbs: Vec<&str> = commands.lines().filter_map(|line| line.get(..4)).collect();
    assert_eq!(verbs, ["EHLO", "EHLO", "MAIL", "RCPT", "DATA"]);
    stream.get_mut().write_all(answers.as_bytes()).await.unwrap();
    if answers.starts_with("421") {
        return String::new();
    }
    let mut rest = String::new();
    stream.read_to_string(&mut rest).await.unwrap();
    rest
}

#[tokio::test]
async fn a_server_that_takes_many_commands_at_once_gets_them_so_and_each_refusal_is_told() {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let mut config = SmtpConfig::new("127.0.0.1", listener.local_addr().unwrap().port(), TlsMode::None);
    config.timeout = Duration::from_secs(2);
    let refused = |code, stage| Verdict::Permanent { code: Some(code), text: "no".to_owned(), stage };
    let later = |code, stage, text: &str| Verdict::Temporary {
        code: Some(code),
        text: text.to_owned(),
        stage,
        retry_after: None,
    };
    for (answers, verdict, rest) in [
        ("250 ok\r\n550 no\r\n503 RCPT first\r\n", refused(550, Stage::Recipient), "RSET\r\n"),
        (
            "550 no\r\n503 MAIL first\r\n503 MAIL first\r\n",
            Verdict::SenderRefused { code: 550, text: "no".to_owned() },
            "RSET\r\n",
        ),
        ("250 ok\r\n250 ok\r\n451 full\r\n", later(451, Stage::Data, "full"), "RSET\r\n"),
        // It waits for a content: it gets none, and nothing that it could take for one.
        ("250 ok\r\n550 no\r\n354 go\r\n", refused(550, Stage::Recipient), ""),
        ("421 closing\r\n", later(421, Stage::Sender, "closing"), ""),
    ] {
        let smtp = Smtp::new(&config).unwrap();
        let letter = mail(1);
        let (got, after) = tokio::join!(smtp.send(&letter), answers_three_at_once(&listener, answers));
        assert_eq!((got, after.as_str()), (verdict, rest), "{answers}");
        assert_eq!(smtp.kept_list().len(), 0, "{answers}");
    }
}

#[tokio::test]
async fn without_a_server_all_mails_are_temporary_and_few_tries_are_made() {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let port = listener.local_addr().unwrap().port();
    drop(listener);
    let mut config = SmtpConfig::new("127.0.0.1", port, TlsMode::None);
    config.connections = 2;
    let smtp = Smtp::new(&config).unwrap();
    let mails: Vec<Outgoing> = (0..50).map(mail).collect();
    let verdicts = smtp.send_all(&mails).await;
    assert_eq!(verdicts.len(), 50);
    for verdict in &verdicts {
        assert!(matches!(verdict, Verdict::Temporary { stage: Stage::Connect, .. }), "{verdict}");
    }
    assert!(matches!(smtp.probe().await, Err(Verdict::Temporary { .. })));
}

#[tokio::test]
async fn a_bad_address_is_refused_before_anything_is_sent() {
    let sink = SmtpSink::start(1, SinkRates::default()).await.unwrap();
    let smtp = smtp(&sink, 1);
    for address in ["nobody", "a@b\r\nQUIT", "a b@example.com", ""] {
        let mut bad = mail(1);
        bad.to = address.to_owned();
        let verdict = smtp.send(&bad).await;
        assert!(
            matches!(verdict, Verdict::Permanent { code: None, stage: Stage::Check, .. }),
            "{address:?}: {verdict}"
        );
    }
    assert_eq!(smtp.kept_list().len(), 0);
}

#[test]
fn configurations_that_cannot_work_are_refused() {
    let base = SmtpConfig::new("mail.example.com", 587, TlsMode::StartTls);
    let error = |change: &dyn Fn(&mut SmtpConfig)| {
        let mut config = base.clone();
        change(&mut config);
        Smtp::new(&config).unwrap_err().to_string()
    };
    assert!(error(&|c| c.tls = TlsMode::None).contains("this machine only"));
    assert!(error(&|c| c.username = "shop".to_owned()).contains("no password"));
    assert!(error(&|c| c.hello_name = "a b\r\n".to_owned()).contains("not a host name"));
    assert!(error(&|c| c.ca_file = Some("no/such.pem".into())).contains("no/such.pem"));
    let empty = tempfile::NamedTempFile::new().unwrap();
    assert!(error(&|c| c.ca_file = Some(empty.path().to_owned())).contains("no certificate in it"));
    for host in ["localhost", "127.0.0.1", "::1", "[::1]"] {
        assert!(Smtp::new(&SmtpConfig::new(host, 25, TlsMode::None)).is_ok(), "{host}");
    }
}

#[test]
fn the_password_shows_nowhere() {
    let mut config = SmtpConfig::new("127.0.0.1", 25, TlsMode::None);
    config.username = "shop".to_owned();
    config.password = Some(Secret::new("s3cret-word"));
    let smtp = Smtp::new(&config).unwrap();
    assert!(!format!("{smtp:?} {config:?}").contains("s3cret"));
    let plain = BASE64.encode("\0shop\0s3cret-word");
    let said = smtp
        .dial
        .readable(&format!("5.7.8 bad password s3cret-word\r\n{plain} {}", BASE64.encode("s3cret-word")));
    assert_eq!(said, "5.7.8 bad password …  … …");
}
