#![expect(clippy::unwrap_used, reason = "tests")]

use std::time::Duration;

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;

use super::*;

/// Says everything at once, as a pipelining client may, and returns all answers.
async fn talk(sink: &SmtpSink, said: &str) -> String {
    let mut tcp = TcpStream::connect(sink.addr).await.unwrap();
    tcp.write_all(said.as_bytes()).await.unwrap();
    let mut answers = Vec::new();
    // A reset after a lost answer is an error here, and what came before it counts.
    let _ = tokio::time::timeout(Duration::from_secs(5), tcp.read_to_end(&mut answers)).await;
    String::from_utf8(answers).unwrap()
}

fn codes(answers: &str) -> Vec<&str> {
    answers.lines().filter(|line| line.get(3..4) == Some(" ")).map(|line| &line[..3]).collect()
}

const MAIL: &str = "MAIL FROM:<a@x.example> BODY=8BITMIME\r\nRCPT TO:<b@y.example>\r\nDATA\r\n\
    Message-ID: <1@x>\r\nSubject: =?utf-8?b?44GC?=\r\n =?utf-8?q?_b=41?= c\r\n\r\n..dot\r\nend\r\n.\r\n";

#[tokio::test]
async fn it_keeps_what_it_receives() {
    let sink = SmtpSink::start(1, SinkRates::default()).await.unwrap();
    let said = format!("EHLO me\r\nAUTH PLAIN AGEAYg==\r\n{MAIL}{MAIL}QUIT\r\n");
    let answers = talk(&sink, &said).await;
    assert_eq!(
        codes(&answers),
        ["220", "250", "235", "250", "250", "354", "250", "250", "250", "354", "250", "221"]
    );
    let mails = sink.received();
    assert_eq!(mails.len(), 2);
    assert_eq!(mails[0].from, "a@x.example");
    assert_eq!(mails[0].to, ["b@y.example"]);
    assert_eq!(mails[0].message_id, "<1@x>");
    assert_eq!(mails[0].subject, "あ bA c");
    assert!(mails[0].bytes.ends_with(b"\r\n\r\n.dot\r\nend\r\n"));
    assert_eq!(sink.by_message_id()["<1@x>"], 2);
    assert_eq!(sink.duplicates(), 1);
    assert_eq!(sink.take().len(), 2);
    assert_eq!((sink.received().len(), sink.count()), (0, 2));
}

#[tokio::test]
async fn it_holds_clients_to_the_order_of_commands() {
    let sink = SmtpSink::start(1, SinkRates::default()).await.unwrap();
    let said = "RCPT TO:<b@y>\r\nDATA\r\nMAIL FROM:<a@x>\r\nRSET\r\nRCPT TO:<b@y>\r\nAUTH LOGIN\r\nYQ==\r\nYg==\r\nAUTH CRAM-MD5\r\nwhat\r\nNOOP\r\nQUIT\r\n";
    let answers = talk(&sink, said).await;
    assert_eq!(
        codes(&answers),
        ["220", "503", "503", "250", "250", "503", "334", "334", "235", "504", "500", "250", "221"]
    );
}

#[tokio::test]
async fn it_plays_each_fault() {
    let all = |rates: SinkRates| async move {
        let sink = SmtpSink::start(1, rates).await.unwrap();
        let answers = talk(&sink, &format!("EHLO me\r\n{MAIL}QUIT\r\n")).await;
        let ends: Vec<String> = codes(&answers).into_iter().skip(2).map(str::to_owned).collect();
        (ends.join(" "), sink.count(), sink.received().pop().map(|mail| mail.answered))
    };
    let calm = SinkRates::default();
    let (answers, count, _) = all(SinkRates { rcpt_4xx: 1000, ..calm }).await;
    assert!(answers.starts_with("250 451 503"), "{answers}");
    assert_eq!(count, 0);
    assert_eq!(all(SinkRates { data_4xx: 1000, ..calm }).await, ("250 250 354 451 221".to_owned(), 0, None));
    assert_eq!(all(SinkRates { drop_at_data: 1000, ..calm }).await, ("250 250".to_owned(), 0, None));
    assert_eq!(all(SinkRates { drop_before_dot: 1000, ..calm }).await, ("250 250 354".to_owned(), 0, None));
    let (answers, count, answered) = all(SinkRates { lost_answer: 1000, ..calm }).await;
    assert!(!answers.contains("354 250"), "{answers}");
    assert_eq!((count, answered), (1, Some(false)));
}

#[test]
fn the_same_seed_plays_the_same_faults() {
    let faults = |seed| {
        let shared = Shared(Mutex::new(State {
            rng: StdRng::seed_from_u64(seed),
            rates: SinkRates {
                rcpt_4xx: 200,
                data_4xx: 100,
                drop_at_data: 100,
                drop_before_dot: 100,
                lost_answer: 100,
            },
            mails: Vec::new(),
            count: 0,
            played: 0,
        }));
        (0..200).map(|_| shared.fault()).collect::<Vec<_>>()
    };
    assert_eq!(faults(7), faults(7));
    assert_ne!(faults(7), faults(8));
    let played = faults(7).iter().flatten().count();
    assert!((90..150).contains(&played), "{played} of 200 at a rate of 0.6");
}

#[tokio::test]
async fn it_closes_its_connections_when_it_stops() {
    let sink = SmtpSink::start(1, SinkRates::default()).await.unwrap();
    let mut tcp = TcpStream::connect(sink.addr).await.unwrap();
    let mut greeting = [0; 3];
    tcp.read_exact(&mut greeting).await.unwrap();
    sink.stop();
    let mut rest = Vec::new();
    let ended = tokio::time::timeout(Duration::from_secs(5), tcp.read_to_end(&mut rest)).await;
    assert!(ended.is_ok());
}
