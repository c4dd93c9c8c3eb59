#![expect(clippy::unwrap_used, reason = "tests")]

use std::fs;

use tempfile::TempDir;

use super::*;
use crate::mail::sample;

fn write(dir: &TempDir, files: &[(&str, &str)]) {
    for (name, text) in files {
        let path = dir.path().join(name);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(path, text).unwrap();
    }
}

fn dir(files: &[(&str, &str)]) -> TempDir {
    let dir = tempfile::tempdir().unwrap();
    write(&dir, files);
    dir
}

fn error(files: &[(&str, &str)]) -> String {
    let dir = dir(files);
    let error = Templates::load(Some(dir.path())).unwrap_err().to_string();
    error.replace(&dir.path().display().to_string(), "mails")
}

#[test]
fn every_mail_reads_as_it_should() {
    let templates = Templates::load(None).unwrap();
    for language in ["ja", "en"] {
        for kind in MailKind::ALL {
            for (name, order) in
                [("full", sample::full(kind, language)), ("bare", sample::bare(kind, language))]
            {
                let mail = templates.render(None, language, kind, &order).unwrap();
                let name = format!("{language}-{}-{name}", kind.name());
                insta::assert_snapshot!(name.clone(), format!("{}\n\n{}", mail.subject, mail.text));
                insta::assert_snapshot!(format!("{name}.html"), mail.html);
            }
        }
    }
}

#[test]
fn html_is_escaped_and_plain_text_is_not() {
    let templates = Templates::load(None).unwrap();
    for language in ["ja", "en"] {
        let order = sample::full(MailKind::Received, language);
        let mail = templates.render(None, language, MailKind::Received, &order).unwrap();
        assert!(mail.text.contains("Tea & Whisk set"), "{}", mail.text);
        assert!(mail.text.contains("<限定>"));
        assert!(mail.text.contains("5 < 6 & 7"));
        assert!(mail.html.contains("Tea &amp; Whisk set"), "{}", mail.html);
        assert!(mail.html.contains("&lt;限定&gt;"));
        assert!(!mail.html.contains("<限定>"));
        for text in ["髙﨑", "①", "🍵"] {
            assert!(mail.text.contains(text) && mail.html.contains(text), "{text}");
        }
    }
}

#[test]
fn a_subject_stays_one_line() {
    let dir = dir(&[("ja/paid.subject", "{{ note }}\n\n入金\u{2028}確認\r\nBcc: x@example.com\n")]);
    let templates = Templates::load(Some(dir.path())).unwrap();
    let mut order = sample::full(MailKind::Paid, "ja");
    order.note = "a\r\nBcc: y@example.com\0\u{85}b".to_owned();
    let mail = templates.render(None, "ja", MailKind::Paid, &order).unwrap();
    assert_eq!(mail.subject, "a Bcc: y@example.com b 入金 確認 Bcc: x@example.com");
}

#[test]
fn files_lie_over_the_shipped_ones_and_sets_over_both() {
    let dir = dir(&[
        ("ja/paid.txt", "家 {{ number }}\n{% include \"_footer.txt\" %}\n"),
        ("ja/_footer.txt", "家の署名\n"),
        ("gift/ja/_footer.txt", "ギフトの署名\n"),
        ("gift/ja/README.md", "not a template"),
        ("gift/ja/paid.txt~", "an editor's copy {{"),
        (".git/config", "not ours"),
    ]);
    let templates = Templates::load(Some(dir.path())).unwrap();
    let order = sample::full(MailKind::Paid, "ja");
    let text = |set: Option<&str>, kind| {
        let order = sample::full(kind, "ja");
        templates.render(set, "ja", kind, &order).unwrap().text
    };
    assert_eq!(text(None, MailKind::Paid), "家 A-1001\n家の署名\n");
    assert_eq!(text(Some("gift"), MailKind::Paid), "家 A-1001\nギフトの署名\n");
    assert_eq!(text(Some("unknown"), MailKind::Paid), text(None, MailKind::Paid));
    // A shipped mail that the set does not have itself ends with the set's footer all the same.
    assert!(text(Some("gift"), MailKind::Received).ends_with("ギフトの署名\n"));
    assert!(templates.has_set("gift") && !templates.has_set("ja") && !templates.has_set(""));
    let english = templates.render(Some("gift"), "en", MailKind::Paid, &order);
    assert!(english.unwrap().text.starts_with("Dear"));
}

#[test]
fn the_language_falls_back_from_the_order_to_the_shop() {
    let dir =
        dir(&[("fr/paid.subject", "Payé\n"), ("fr/paid.txt", "Merci\n"), ("fr/paid.html", "<p>Merci</p>\n")]);
    let templates = Templates::load(Some(dir.path())).unwrap();
    let language = |kind, wanted: &[&str]| templates.language(None, kind, wanted);
    assert_eq!(language(MailKind::Paid, &["ja-JP", "en"]), Some("ja"));
    assert_eq!(language(MailKind::Paid, &["EN_gb"]), Some("en"));
    assert_eq!(language(MailKind::Paid, &["", "de", "ja"]), Some("ja"));
    assert_eq!(language(MailKind::Paid, &["fr-CA", "ja"]), Some("fr"));
    assert_eq!(language(MailKind::Shipped, &["fr-CA", "ja"]), Some("ja"));
    assert_eq!(language(MailKind::Paid, &["de"]), None);
    let order = sample::full(MailKind::Shipped, "fr");
    let missing = templates.render(None, "fr", MailKind::Shipped, &order).unwrap_err();
    assert_eq!(
        missing.to_string(),
        "there is no shipped mail in \"fr\"; add fr/shipped.subject, .txt and .html, or choose another language"
    );
}

#[test]
fn what_is_wrong_is_named_with_file_line_and_remedy() {
    let errors = [
        error(&[("ja/paid.txt", "one\ntwo {{ order.numbr }}\n")]),
        error(&[("ja/paid.txt", "one\n\n{{ totals.gross }}\n")]),
        error(&[("ja/paid.txt", "one\n{% if number %}\n")]),
        error(&[("ja/paid.txt", "{{ number | shout }}\n")]),
        error(&[("ja/paid.txt", "{% include \"_foter.txt\" %}\n")]),
        error(&[("ja/paid.html", "<p>\n{% include \"_footer.txt\" %}\n")]),
        error(&[("ja/_footer.txt", "a\nb\nc {{ parcel.tracking }}\n")]),
        error(&[("ja/paid.subject", "{# nothing #}\n")]),
        error(&[("gift/en/paid.txt", "{{ nothing }}\n")]),
        error(&[("fr/paid.txt", "Merci\n")]),
        error(&[("ja/recieved.txt", "x\n")]),
        error(&[("paid.txt", "x\n")]),
        error(&[("gift/en/paid.txt", "x\n"), ("gift/paid.txt", "x\n")]),
        error(&[("ja/paid.txt", &"x".repeat(300_000))]),
    ];
    insta::assert_snapshot!(errors.join("\n"));
}

#[test]
fn a_file_in_another_encoding_is_refused_by_line() {
    let dir = dir(&[]);
    fs::create_dir(dir.path().join("ja")).unwrap();
    let mut text = "一\n二\n".as_bytes().to_vec();
    text.extend_from_slice(&[0x8e, 0x4f, b'\n']); // 三 in CP932
    fs::write(dir.path().join("ja/paid.txt"), text).unwrap();
    let error = Templates::load(Some(dir.path())).unwrap_err().to_string();
    assert!(error.ends_with("/ja/paid.txt:3: the text is not UTF-8; save the file as UTF-8"), "{error}");
}

#[test]
fn a_folder_that_is_not_there_is_an_error() {
    let error = Templates::load(Some(Path::new("no/such/folder"))).unwrap_err();
    assert!(error.to_string().starts_with("no/such/folder: "), "{error}");
}

#[test]
fn the_merchants_page_names_every_value() {
    let order = serde_json::to_value(sample::full(MailKind::Shipped, "ja")).unwrap();
    let page =
        fs::read_to_string(Path::new(env!("CARGO_MANIFEST_DIR")).join("config/mails/README.md")).unwrap();
    let mut missing = Vec::new();
    for_each_name("", &order, &mut |name| {
        if !page.contains(&format!("`{name}`")) {
            missing.push(name.to_owned());
        }
    });
    assert!(missing.is_empty(), "not in config/mails/README.md: {missing:?}");
}

fn for_each_name(prefix: &str, value: &serde_json::Value, tell: &mut impl FnMut(&str)) {
    let serde_json::Value::Object(fields) = value else {
        return;
    };
    for (key, value) in fields {
        let name = if prefix.is_empty() { key.clone() } else { format!("{prefix}.{key}") };
        tell(&name);
        match value {
            serde_json::Value::Array(items) => {
                if let Some(first) = items.first() {
                    for_each_name(&format!("{name}[]"), first, tell);
                }
            }
            other => for_each_name(&name, other, tell),
        }
    }
}
