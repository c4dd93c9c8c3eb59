#![expect(clippy::unwrap_used, reason = "tests")]

use proptest::prelude::*;

use super::*;
use crate::mail::sink::{decode_words, header_value};

fn rendered() -> Rendered {
    Rendered {
        subject: "【番頭商店】ご注文ありがとうございます（ご注文番号：A-1001）".to_owned(),
        text: "髙﨑 様\n\n.先頭の点\n".to_owned(),
        html: "<p>髙﨑 様</p>\n".to_owned(),
    }
}

fn envelope() -> Envelope {
    Envelope {
        from: mailbox_of("番頭商店 ①号店", "shop@shop.example"),
        reply_to: Some(mailbox_of("Support, \"Team\"", "help@shop.example")),
        to: mailbox_of("髙﨑 久美子🍵", "kumiko@example.jp"),
        message_id: message_id(MailKind::Received, "A-1001", 1, "shop.example"),
        date: Timestamp::from_secs(1_795_299_000),
        language: "ja".to_owned(),
        extra: vec![("X-Banto-Order".to_owned(), "A-1001".to_owned())],
    }
}

fn mailbox_of(name: &str, address: &str) -> Mailbox {
    Mailbox { name: name.to_owned(), address: address.to_owned() }
}

fn header_of(mail: &Outgoing, name: &str) -> String {
    decode_words(&header_value(&mail.bytes, name).unwrap())
}

/// The names of the headers, in their order.
fn names(mail: &Outgoing) -> Vec<String> {
    let text = String::from_utf8(mail.bytes.clone()).unwrap();
    let (head, _) = text.split_once("\r\n\r\n").unwrap();
    head.split("\r\n")
        .filter(|line| !line.starts_with([' ', '\t']))
        .map(|line| line.split_once(':').unwrap().0.to_owned())
        .collect()
}

#[test]
fn a_mail_has_the_headers_that_it_needs() {
    let mail = message(&rendered(), &envelope()).unwrap();
    assert_eq!(header_of(&mail, "Subject"), rendered().subject);
    assert_eq!(header_of(&mail, "From"), "番頭商店 ①号店 <shop@shop.example>");
    assert_eq!(header_of(&mail, "To"), "髙﨑 久美子🍵 <kumiko@example.jp>");
    assert!(header_of(&mail, "Reply-To").ends_with("<help@shop.example>"));
    assert_eq!(header_of(&mail, "Date"), "Sat, 21 Nov 2026 22:10:00 +0000");
    assert_eq!(header_of(&mail, "Message-ID"), envelope().message_id);
    assert_eq!(header_of(&mail, "Auto-Submitted"), "auto-generated");
    assert_eq!(header_of(&mail, "Content-Language"), "ja");
    assert_eq!(header_of(&mail, "X-Banto-Order"), "A-1001");
    assert!(header_of(&mail, "Content-Type").starts_with("multipart/alternative;"));
    assert!(mail.bytes.is_ascii());
    assert_eq!((mail.from.as_str(), mail.to.as_str()), ("shop@shop.example", "kumiko@example.jp"));
}

#[test]
fn the_same_mail_has_the_same_octets() {
    assert_eq!(message(&rendered(), &envelope()), message(&rendered(), &envelope()));
}

#[test]
fn a_mail_without_html_is_plain_text() {
    let mut plain = rendered();
    plain.html.clear();
    let mail = message(&plain, &envelope()).unwrap();
    assert_eq!(header_of(&mail, "Content-Type"), "text/plain; charset=utf-8");
}

#[test]
fn nothing_can_add_a_header() {
    let honest = message(&rendered(), &envelope()).unwrap();
    let evil = "x\r\nBcc: victim@example.com\r\n\r\nbody\n\rX: y\u{85}\u{2028}z";
    let mut subject = rendered();
    subject.subject = evil.to_owned();
    let mut named = envelope();
    named.from.name = evil.to_owned();
    named.to.name = evil.to_owned();
    named.reply_to = Some(mailbox_of(evil, "help@shop.example"));
    for mail in [message(&subject, &envelope()).unwrap(), message(&rendered(), &named).unwrap()] {
        assert_eq!(names(&mail), names(&honest));
    }
}

#[test]
fn what_cannot_stand_in_a_mail_is_refused() {
    let with = |change: &dyn Fn(&mut Envelope)| {
        let mut envelope = envelope();
        change(&mut envelope);
        message(&rendered(), &envelope).unwrap_err()
    };
    for address in [
        "",
        "nobody",
        "@example.com",
        "a@",
        "a b@example.com",
        "a@exam ple.com",
        "a@example.com\r\nRCPT TO:<b@example.com>",
        "a@example.com>\r\nDATA",
        "<a@example.com>",
        "\"a\r\nb\"@example.com",
        "a@-example-.com",
    ] {
        assert!(
            matches!(with(&|e| e.to.address = address.to_owned()), ComposeError::Address { role: "to", .. }),
            "{address:?}"
        );
    }
    for id in ["", "a@b", "<a>", "<a@b", "<a@b>\r\nX: y", "<a b@c>", "<a@b@c>", "<ä@b>"] {
        assert_eq!(with(&|e| e.message_id = id.to_owned()), ComposeError::MessageId(id.to_owned()));
    }
    for (name, value) in [("X-A", "b\r\nBcc: c"), ("X A", "b"), ("X-A:", "b"), ("", "b"), ("X-Ä", "b")] {
        assert_eq!(
            with(&|e| e.extra = vec![(name.to_owned(), value.to_owned())]),
            ComposeError::Header(name.to_owned())
        );
    }
    for micros in [-1, i64::MAX] {
        assert_eq!(with(&|e| e.date = Timestamp(micros)), ComposeError::Date(Timestamp(micros)));
    }
}

#[test]
fn only_whole_line_ends_and_tabs_are_left_of_control_characters() {
    assert_eq!(clean_text("a\nb\r\nc\rd\r\r\ne\t\0\u{85}\u{1b}f"), "a\r\nb\r\nc\r\nd\r\n\r\ne\tf");
}

#[test]
fn message_ids_are_stable_and_told_apart() {
    let id = |order: &str, revision| message_id(MailKind::Shipped, order, revision, "shop.example");
    assert_eq!(id("A-1001", 2), "<shipped.A-1001.2.d1a87b2af20303ad@shop.example>");
    assert_eq!(id("A-1001", 2), id("A-1001", 2));
    let different = [
        id("A-1001", 2),
        id("A-1001", 1),
        id("A-100", 2),
        id("A/1001", 2),
        id("A1001", 2),
        id("注文1001", 2),
        message_id(MailKind::Paid, "A-1001", 2, "shop.example"),
    ];
    let unique: std::collections::BTreeSet<&String> = different.iter().collect();
    assert_eq!(unique.len(), different.len());
    for id in &different {
        assert!(checked_id(id).is_ok(), "{id}");
    }
    assert!(checked_id(&id("a\r\nb> <c@d", 1)).is_ok());
    assert!(checked_id(&message_id(MailKind::Paid, "", 1, "")).is_ok());
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(300))]

    #[test]
    fn any_text_gives_lines_that_servers_take(
        subject in "\\PC{0,300}",
        name in any::<String>(),
        text in any::<String>(),
        run in 0..4000_usize,
    ) {
        let rendered = Rendered {
            subject: subject.clone(),
            text: format!("{text}\r.\r\n{}", "a".repeat(run)),
            html: format!("<p>{text}</p>{}", "あ".repeat(run)),
        };
        let mut envelope = envelope();
        envelope.to.name = name;
        let mail = message(&rendered, &envelope).unwrap();
        prop_assert!(mail.bytes.is_ascii());
        prop_assert_eq!(names(&mail).len(), names(&message(&self::rendered(), &self::envelope()).unwrap()).len());
        let text = String::from_utf8(mail.bytes).unwrap();
        for line in text.split("\r\n") {
            prop_assert!(line.len() <= 998, "{} octets", line.len());
            prop_assert!(!line.contains(['\r', '\n', '\0']));
        }
    }
}
