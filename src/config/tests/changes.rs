//! What a reload says it changed.

use super::*;

fn changes(before: &Config, after: &Config) -> Vec<String> {
    before.diff(after).iter().map(ToString::to_string).collect()
}

#[test]
fn nothing_changed_says_nothing() {
    let config = load(HOUSE, &[("honten", CHANNEL)]).unwrap();
    let spelled_out = load(&format!("{HOUSE}connections = 4\n"), &[("honten", CHANNEL)]).unwrap();
    assert_eq!(changes(&config, &spelled_out), [] as [&str; 0], "a default spelled out changes nothing");
}

#[test]
fn each_key_that_changed_is_named_with_its_effect() {
    let before = load(HOUSE, &[("honten", CHANNEL)]).unwrap();
    let after = load(
        &format!("{HOUSE}connections = 2\n[web]\nlisten = \"127.0.0.1:9000\"\n"),
        &[("honten", "kind = \"woocommerce\"\nmode = \"live\"\n[stock]\nbuffer = 3\n")],
    )
    .unwrap();
    assert_eq!(
        changes(&before, &after),
        [
            "channels.honten.mode: \"observe\" -> \"live\"",
            "channels.honten.stock.buffer: nothing -> 3",
            "mail.connections: 4 -> 2",
            "web.listen: \"127.0.0.1:8787\" -> \"127.0.0.1:9000\" (takes effect at the next start)",
        ]
    );
    let effects: Vec<_> = before.diff(&after).iter().map(|c| c.effect.to_string()).collect();
    assert_eq!(effects, ["now", "now", "now", "restart"]);
}

#[test]
fn a_channel_that_comes_or_goes_is_one_change() {
    let before = load(HOUSE, &[("honten", CHANNEL)]).unwrap();
    let after = load(HOUSE, &[("hon", CHANNEL)]).unwrap();
    assert_eq!(
        changes(&before, &after),
        [
            "channels.hon: nothing -> (woocommerce channel)",
            "channels.honten: (woocommerce channel) -> nothing"
        ]
    );
}

#[test]
fn a_new_secret_shows_that_it_is_new_and_nothing_else() {
    let dir = tempfile::tempdir().unwrap();
    let channel = "kind = \"sim\"\n[connector]\nsecret_file = \"woo\"\n";
    let read = |content: &str| {
        fs::write(dir.path().join("woo"), content).unwrap();
        Config::from_texts(dir.path(), &Surroundings::default(), "", &[("a", channel)]).unwrap()
    };
    let (before, same, after) = (read("hunter2\n"), read("hunter2\n"), read("hunter3\n"));
    assert_eq!(before.diff(&same), []);
    assert_eq!(
        changes(&before, &after),
        ["channels.a.connector.secret_file: (the file's content) -> (changed)"]
    );
}
