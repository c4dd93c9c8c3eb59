#![expect(clippy::unwrap_used, reason = "a test that cannot go on should stop here")]

use super::*;
use crate::config::Surroundings;
use crate::web::screen::Language;
use crate::web::screen::channels::tests::{NASTY, page as a_page};

fn config(dir: &FilePath, file: &str, around: &Surroundings) -> Config {
    let channel = format!(
        "kind = \"woocommerce\"\nenabled = false\n[connector]\nurl = \"https://x.example\"\nconsumer_key_file = \"{file}\"\nca_file = \"ca.pem\"\n"
    );
    Config::from_texts(dir, around, "[shop]\nname = \"x\"\n", &[("honten", &channel)]).unwrap()
}

#[test]
fn only_secrets_below_the_config_folder_are_written() {
    let (dir, credentials) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
    let place_of = |file: &str, around: &Surroundings| place(&config(dir.path(), file, around), file);
    let plain = Surroundings::default();
    assert_eq!(place_of("secrets/key", &plain).unwrap(), dir.path().join("secrets/key"));
    for outside in ["/etc/passwd", "../key", "secrets/../../key"] {
        assert!(place_of(outside, &plain).unwrap_err().en.contains("by hand"), "{outside}");
    }
    std::fs::write(credentials.path().join("secrets_key"), "x").unwrap();
    let managed = Surroundings {
        credentials_directory: Some(credentials.path().to_owned()),
        ..Surroundings::default()
    };
    assert!(place_of("secrets/key", &managed).unwrap_err().en.contains("service manager"));
}

#[test]
fn a_secret_is_never_shown_and_what_others_wrote_stays_text() {
    let dir = tempfile::tempdir().unwrap();
    std::fs::write(dir.path().join("key"), "hush-hush").unwrap();
    let config = config(dir.path(), "key", &Surroundings::default());
    for language in [Language::En, Language::Ja] {
        let p = a_page(language);
        let fields = fields(&p, &config, config.channel("honten").unwrap());
        assert_eq!(fields.len(), 1, "a certificate is no secret");
        assert!(fields[0].there);
        let said = Said { tone: "bad", text: NASTY.to_owned(), more: vec![NASTY.to_owned()] };
        let page = CredentialsPage {
            name: NASTY.to_owned(),
            kind: "woocommerce".to_owned(),
            steps: guide::steps("woocommerce").iter().map(|(en, ja)| p.t(en, ja).to_owned()).collect(),
            fields,
            expires: None,
            said: Some(said),
            p,
        };
        let text = page.render().unwrap();
        assert!(!text.contains("hush-hush") && !text.contains("<script>alert"), "{text}");
        assert!(text.contains("type=\"password\""), "{text}");
    }
}

#[test]
fn what_is_refused_leaves_the_secret_before() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("key");
    std::fs::write(&path, "new\n").unwrap();
    let written = [("key_file".to_owned(), path.clone(), "new".to_owned())];
    assert!(take_back(&written, &[Some(b"old\n".to_vec())]).unwrap());
    assert_eq!(std::fs::read_to_string(&path).unwrap(), "old\n");
    assert!(!take_back(&written, &[None]).unwrap(), "a first try stays, to be mended");
}
