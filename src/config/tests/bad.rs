//! What a merchant gets wrong, and what `banto check` says to it.

use std::fs::Permissions;
use std::os::unix::fs::PermissionsExt;

use super::*;

/// Asserts that a config with this house and one channel is refused with exactly these lines.
fn refused(house: &str, channel: &str, lines: &[&str]) {
    assert_eq!(said(load(house, &[("honten", channel)])), lines);
}

#[test]
fn an_unknown_key_names_line_and_neighbour() {
    refused(
        HOUSE,
        "kind = \"sim\"\n[stock]\nbufer = 3\n",
        &["config/channels/honten.toml:3: stock.bufer: unknown key; did you mean \"buffer\"?"],
    );
    refused(
        "[shpo]\nname = \"x\"\n",
        CHANNEL,
        &["config/banto.toml:1: shpo: unknown key; did you mean \"shop\"?"],
    );
}

#[test]
fn a_wrong_type_says_what_was_expected() {
    refused(
        HOUSE,
        "kind = \"sim\"\n[orders]\npoll_seconds = \"60\"\nsince = \"2026-11-01\"\n",
        &[
            "config/channels/honten.toml:3: orders.poll_seconds: expected a whole number, 0 or more, found a text; \
             write the number without quotes",
            "config/channels/honten.toml:4: orders.since: expected a date, found a text; \
             write it without quotes: 2026-11-01",
        ],
    );
}

#[test]
fn the_problems_of_all_files_come_together() {
    let all = said(load(
        "[shop]\ncurrency = \"YEN\"\nfoo = 1\n",
        &[("a", "mode = \"live\"\n"), ("b", "kind = \"sim\"\nmode = \"on\"\n"), ("c", "kind = =\n")],
    ));
    let files: Vec<_> = all.iter().map(|l| l.split(": ").next().unwrap()).collect();
    assert_eq!(
        files,
        [
            "config/banto.toml:2",
            "config/banto.toml:3",
            "config/channels/a.toml",
            "config/channels/b.toml:2",
            "config/channels/c.toml:1",
        ],
        "{all:#?}"
    );
}

#[test]
fn two_channels_of_one_name_are_refused() {
    let other = "kind = \"sim\"\nname = \"honten\"\n";
    assert_eq!(
        said(load(HOUSE, &[("honten", CHANNEL), ("shiten", other)])),
        [
            "config/channels/shiten.toml:2: name: config/channels/honten.toml already has the name \"honten\"; \
          give one of them another name"
        ]
    );
}

#[test]
fn a_name_that_cannot_stand_in_an_address_is_refused() {
    for stem in ["Honten", "本店", "a b", "-a", ""] {
        let lines = said(load(HOUSE, &[(stem, CHANNEL)]));
        assert!(lines.len() == 1 && lines[0].contains("is no name for a channel"), "{stem}: {lines:?}");
    }
}

#[test]
fn places_that_do_not_exist_are_refused() {
    refused(
        "[shop]\ntimezone = \"Asia/Tokio\"\ncurrency = \"YEN\"\nlanguage = \"Japanese\"\n",
        CHANNEL,
        &[
            "config/banto.toml:2: shop.timezone: unknown time zone \"Asia/Tokio\"; did you mean \"Asia/Tokyo\"?",
            "config/banto.toml:3: shop.currency: unknown currency \"YEN\"; \
             write its ISO 4217 code in capitals, such as JPY or EUR",
            "config/banto.toml:4: shop.language: is no language code; write it as \"ja\" or \"en\"",
        ],
    );
    refused(
        "[shop]\nlocations = [{ code = \"main\" }, { code = \"main\" }, { code = \"大阪\" }]\n",
        "kind = \"sim\"\n[stock]\nlocations = [\"main\", \"mian\"]\n",
        &[
            "config/banto.toml:2: shop.locations[1].code: two locations have the code \"main\"; \
             rename one of them",
            "config/banto.toml:2: shop.locations[2].code: \"大阪\" is no code of a location; \
             use a to z, 0 to 9, - and _, at most 40 of them, a letter or digit first",
            "config/channels/honten.toml:3: stock.locations[1]: there is no location \"mian\" in banto.toml; \
             did you mean \"main\"?",
        ],
    );
    refused(
        "[shop]\nlocations = []\n",
        CHANNEL,
        &["config/banto.toml:2: shop.locations: a shop needs a place where its stock lies; \
           add [{ code = \"main\" }]"],
    );
}

#[test]
fn what_is_no_mail_address_is_refused() {
    let house = "[mail]\nfrom = \"shop at example.jp\"\nhost = \"smtp.example.jp:587\"\nreply_to = \"a@\"\n";
    let lines =
        said(load(house, &[("honten", "kind = \"sim\"\n[mail]\nfrom = \"@x\"\nfrom_name = \"a\\nb\"\n")]));
    assert_eq!(lines.len(), 5, "{lines:#?}");
    assert!(
        lines[0].starts_with("config/banto.toml:2: mail.from: \"shop at example.jp\" is no mail address")
    );
    assert!(lines[1].starts_with("config/banto.toml:3: mail.host: is no host name"));
    assert!(lines[2].starts_with("config/banto.toml:4: mail.reply_to:"));
    assert!(lines[3].starts_with("config/channels/honten.toml:3: mail.from:"));
    assert!(lines[4].starts_with("config/channels/honten.toml:4: mail.from_name: must be one line"));
}

#[test]
fn listening_to_the_world_has_to_be_meant() {
    let open = "[web]\nlisten = \"0.0.0.0:8787\"\n";
    refused(
        open,
        CHANNEL,
        &["config/banto.toml:2: web.listen: 0.0.0.0:8787 can be reached from other machines; \
           listen on 127.0.0.1 behind a reverse proxy, or set allow_remote = true"],
    );
    assert!(load(&format!("{open}allow_remote = true\n"), &[]).is_ok());
    assert!(load("[web]\nlisten = \"[::1]:8787\"\n", &[]).is_ok());
    assert_eq!(said(load("[web]\npublic_url = \"banto.example.jp\"\n", &[])).len(), 1);
    let plain = load("[web]\npublic_url = \"http://banto.example.jp\"\n", &[]).unwrap();
    assert!(plain.warnings[0].to_string().starts_with("config/banto.toml:2: web.public_url: is not https"));
}

#[test]
fn a_missing_secret_file_is_named_with_its_remedy() {
    let dir = tempfile::tempdir().unwrap();
    let channel =
        "kind = \"sim\"\n[connector]\nurl = \"https://shop.example\"\nsecret_file = \"secrets/woo\"\n";
    let read = |enabled: &str| {
        Config::from_texts(dir.path(), &Surroundings::default(), "", &[("a", &format!("{enabled}{channel}"))])
    };
    let lines = said(read(""));
    let shown = dir.path().join("secrets/woo").display().to_string();
    assert_eq!(lines.len(), 1);
    assert!(lines[0].contains("channels/a.toml:4: connector.secret_file: the secret file"), "{lines:?}");
    assert!(lines[0].contains(&format!("install -m 600 /dev/null {shown}")), "{lines:?}");
    assert!(read("enabled = false\n").is_ok(), "what is switched off needs no secret");

    fs::create_dir(dir.path().join("secrets")).unwrap();
    fs::write(&shown, "cs_5108\n").unwrap();
    fs::set_permissions(&shown, Permissions::from_mode(0o644)).unwrap();
    let config = read("").unwrap();
    let warning = config.warnings[0].to_string();
    assert!(
        warning.contains("every user of this machine may read") && warning.contains("chmod 600"),
        "{warning}"
    );
    assert!(!format!("{config:?}").contains("5108"));
    fs::set_permissions(&shown, Permissions::from_mode(0o600)).unwrap();
    assert_eq!(read("").unwrap().warnings, []);
}

#[test]
fn a_secret_in_the_text_is_refused_and_not_repeated() {
    let lines = said(load(
        "[store]\nurl = \"postgres://banto:hunter2@db/banto\"\n[mail]\nfrom = \"a@example.jp\"\n\
         host = \"localhost\"\npassword = \"hunter2\"\n",
        &[(
            "a",
            "kind = \"sim\"\n[connector]\nconsumer_secret = \"hunter2\"\nurl = \"https://u:hunter2@shop.example\"\n\
             [connector.auth]\nrefresh_token = \"hunter2\"\nuser = \"u\"\n",
        )],
    ));
    let keys: Vec<_> = lines.iter().map(|l| l.split(": ").nth(1).unwrap()).collect();
    assert_eq!(
        keys,
        [
            "store.url",
            "mail.password",
            "connector.consumer_secret",
            "connector.url",
            "connector.auth.refresh_token"
        ]
    );
    assert!(lines[2].ends_with("name that file: consumer_secret_file = \"…\""), "{lines:?}");
    assert!(!lines.concat().contains("hunter2"));
}

#[test]
fn keys_that_belong_together_are_wanted_together() {
    let mail = |more: &str| said(load(&format!("{HOUSE}{more}"), &[]));
    assert!(mail("username = \"u\"\n")[0].contains("mail.username: has no password"));
    assert!(mail("password_file = \"banto.toml\"\n")[0].contains("mail.password_file: has no user"));
    assert!(
        mail("username = \"u\"\npassword_file = \"p\"\ntls = \"none\"\n")
            .iter()
            .any(|l| l.contains("mail.tls: the password would cross the network in plain text"))
    );
    let us = "kind = \"sim\"\n[mail]\nshipped = \"us\"\n";
    refused(
        "",
        us,
        &["config/channels/honten.toml:3: mail.shipped: there is no way out for our mails; \
           add a [mail] section to banto.toml"],
    );
    assert!(load(HOUSE, &[("honten", us)]).is_ok());
    let both = said(load("[store]\nurl = \"sqlite:a\"\nurl_file = \"b\"\n", &[]));
    assert!(both.iter().any(|l| l.contains("store.url_file: url and url_file are both given")), "{both:?}");
}

#[test]
fn numbers_that_make_no_sense_are_refused() {
    let house = "\
[log]
level = \"loud=very\"
[alerts]
silent_factor = 1
[guard]
zeros_percent = 130
raise_factor = 1
[retention]
payload_days = 0
";
    let channel = "\
kind = \"sim\"
[orders]
poll_seconds = 0
since = 09:00:00
[orders.unpaid.bacs]
remind_days = 7
cancel_days = 3
[stock]
share_percent = 101
[stock.listing.\"A 1\"]
fixed = 3
cap = 2
[stock.listing.B]
cap = 4000000000
";
    let lines = said(load(house, &[("honten", channel)]));
    let keys: Vec<_> = lines.iter().map(|l| l.split(": ").nth(1).unwrap()).collect();
    assert_eq!(
        keys,
        [
            "log.level",
            "alerts.silent_factor",
            "guard.zeros_percent",
            "guard.raise_factor",
            "retention.payload_days",
            "orders.poll_seconds",
            "orders.since",
            "orders.unpaid.bacs",
            "stock.share_percent",
            "stock.listing.\"A 1\".fixed",
            "stock.listing.B.cap",
        ],
        "{lines:#?}"
    );
    assert!(lines[9].starts_with("config/channels/honten.toml:11: "), "{lines:#?}");
}

#[test]
fn a_folder_without_a_house_says_so() {
    let dir = tempfile::tempdir().unwrap();
    let lines = said(Config::load_in(dir.path(), &Surroundings::default()));
    assert_eq!(lines.len(), 1);
    assert!(lines[0].contains("banto.toml: cannot be read") && lines[0].contains("--config"), "{lines:?}");
}

#[test]
fn a_channels_file_that_is_not_utf8_names_the_line() {
    let dir = tempfile::tempdir().unwrap();
    fs::create_dir(dir.path().join("channels")).unwrap();
    fs::write(dir.path().join("banto.toml"), "").unwrap();
    fs::write(dir.path().join("channels/a.toml"), b"kind = \"sim\"\n# \x96\x7b\x93\x58\n").unwrap();
    fs::create_dir(dir.path().join("channels/b.toml")).unwrap();
    let lines = said(Config::load_in(dir.path(), &Surroundings::default()));
    assert_eq!(lines.len(), 2);
    assert!(lines[0].contains("a.toml:2: is not UTF-8 text; save it as UTF-8"), "{lines:?}");
    assert!(lines[1].contains("b.toml: cannot be read"), "{lines:?}");
}
