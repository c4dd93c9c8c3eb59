//! A config that cannot work keeps the daemon from starting, and says where and what to do.

use std::fs;

use super::house::{House, Plan, Said};

fn refused(said: &Said, words: &[&str]) {
    assert_eq!(said.code, 3, "{said:?}");
    let text = format!("{}{}", said.out, said.err);
    for word in words {
        assert!(text.contains(word), "no {word:?} in {said:?}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn wrong_files_are_named_with_line_and_remedy() {
    let house = House::on_sqlite(Plan { seed: 9, ..Plan::default() }).await;
    let file = |name: &str| house.dir.path().join(name);
    let honten = fs::read_to_string(file("channels/honten.toml")).unwrap();
    let line = |text: &str, part: &str| 1 + text.lines().position(|l| l.contains(part)).unwrap();
    let changes = [
        ("poll_seconds = 1", "pol_seconds = 1", "pol_seconds"),
        ("poll_seconds = 1", "poll_seconds = \"often\"", "poll_seconds"),
        ("secrets/honten.key", "secrets/nothing.key", "nothing.key"),
        ("kind = \"woocommerce\"", "kind = \"woocomerce\"", "woocomerce"),
        ("kind = \"woocommerce\"", "name = \"kyoto\"\nkind = \"woocommerce\"", "kyoto"),
    ];
    for (from, to, word) in changes {
        let wrong = honten.replace(from, to);
        assert_ne!(wrong, honten);
        fs::write(file("channels/honten.toml"), &wrong).unwrap();
        let place = format!("honten.toml:{}", line(&wrong, to.lines().next().unwrap_or(to)));
        // Of two files with one name the later one is told of.
        let place = if word == "kyoto" { "toml:" } else { place.as_str() };
        refused(&house.banto(&["check", "--offline"]).await, &[word, place]);
        refused(&house.banto(&["run"]).await, &[word, place]);
    }
    fs::write(file("channels/honten.toml"), &honten).unwrap();
    house.banto(&["check", "--offline"]).await.ok();
}

#[tokio::test(flavor = "multi_thread")]
async fn a_template_that_cannot_be_read_is_named() {
    let house = House::on_sqlite(Plan { seed: 10, ..Plan::default() }).await;
    let folder = house.dir.path().join("mails");
    fs::create_dir(folder.join("ja")).unwrap();
    for part in ["subject", "txt", "html"] {
        fs::write(folder.join(format!("ja/paid.{part}")), "ご入金を確認いたしました").unwrap();
    }
    house.banto(&["check", "--offline"]).await.ok();
    fs::write(folder.join("ja/paid.txt"), "ご注文\n{{ order.number ").unwrap();
    refused(&house.banto(&["check", "--offline"]).await, &["paid.txt:2"]);
    refused(&house.banto(&["run"]).await, &["paid.txt:2"]);
}
