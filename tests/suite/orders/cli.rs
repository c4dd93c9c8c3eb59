//! The same through the program itself: tables, JSON and exit codes.

use std::path::Path;
use std::process::Command;

use banto_channel::{Payment, both};
use serde_json::Value;
use tempfile::TempDir;

use crate::stores::Fresh;
use crate::trading::{Trading, raw};

const HONTEN: &str = r#"
kind = "woocommerce"
mode = "live"

[connector]
url = "https://shop.example"
consumer_key_file = "key"
consumer_secret_file = "secret"

[mail]
received = "us"
paid = "us"
shipped = "us"
cancelled = "us"
by_hand = ["cancelled"]
"#;

/// A config whose store is that of a test.
struct House {
    trading: Trading,
    config: TempDir,
    _fresh: Fresh,
}

struct Answer {
    code: i32,
    out: String,
    err: String,
}

impl Answer {
    fn json(&self) -> Value {
        assert_eq!(self.code, 0, "{}", self.err);
        serde_json::from_str(&self.out).unwrap()
    }
}

impl House {
    async fn open() -> Self {
        let fresh = Fresh::sqlite().await;
        let trading = Trading::live(&fresh).await;
        let config = tempfile::tempdir().unwrap();
        let write = |name: &str, text: &str| std::fs::write(config.path().join(name), text).unwrap();
        let house = format!(
            "[store]\nurl = {:?}\n[shop]\nname = \"番頭商店\"\n[mail]\nfrom = \"shop@banto.example\"\n\
             host = \"127.0.0.1\"\ntls = \"none\"\n",
            fresh.url
        );
        write("banto.toml", &house);
        write("key", "ck_0123456789012345678901234567890123456789");
        write("secret", "cs_0123456789012345678901234567890123456789");
        std::fs::create_dir(config.path().join("channels")).unwrap();
        write("channels/honten.toml", HONTEN);
        Self { trading, config, _fresh: fresh }
    }

    fn banto(&self, arguments: &[&str]) -> Answer {
        let mut command = Command::new(env!("CARGO_BIN_EXE_banto"));
        command.arg("--config").arg(self.config.path()).args(arguments);
        for name in ["CREDENTIALS_DIRECTORY", "STATE_DIRECTORY", "SUDO_USER"] {
            command.env_remove(name);
        }
        let output = command.output().unwrap();
        let text = |bytes| String::from_utf8(bytes).unwrap();
        Answer { code: output.status.code().unwrap(), out: text(output.stdout), err: text(output.stderr) }
    }

    fn file(&self, name: &str) -> std::path::PathBuf {
        Path::new(self.config.path()).join(name)
    }
}

#[tokio::test]
async fn a_person_ships_an_order_and_sees_it() {
    let house = House::open().await;
    house.trading.stock(&[("CUP", 1)]).await;
    let order = house.trading.order(house.trading.remote("1001", &[("CUP", 2), ("?", 1)])).await;
    let listed = house.banto(&["orders", "list", "--short", "--json"]).json();
    assert_eq!((&listed[0]["id"], &listed[0]["total"]["amount"]), (&order.into(), &"300".into()));
    let page = house.banto(&["orders", "show", "honten/N-1001"]);
    assert_eq!(page.code, 0, "{}", page.err);
    for words in ["honten/N-1001", "short of 1", "no item is mapped", "髙﨑 花子", "imported"] {
        assert!(page.out.contains(words), "{words}:\n{}", page.out);
    }
    let ship = ["orders", "ship", "N-1001", "--carrier", "ヤマト運輸", "--tracking", "1234", "--line", "1=2"];
    let told = house.banto(&[&ship[..], &["--json"]].concat()).json();
    assert_eq!((&told["fulfilment"], &told["parcels"]), (&"partial".into(), &1.into()));
    assert!(told["remarks"].as_array().is_some());
    let again = house.banto(&ship);
    assert_eq!(again.code, 5, "{}", again.out);
    assert!(again.err.contains("has the number 1234 already"), "{}", again.err);
    let page = house.banto(&["orders", "show", "#0"]);
    assert_eq!((page.code, page.out.as_str()), (4, ""));
    let shown = house.banto(&["orders", "show", &format!("#{order}"), "--json"]).json();
    assert_eq!(shown["parcels"][0]["tracking"], "1234");
    assert_eq!(shown["lines"][0]["shipped"], 2);
    let actor = shown["timeline"].as_array().unwrap().last().unwrap()["actor"].as_str().unwrap().to_owned();
    assert!(actor.starts_with("cli:"), "{actor}");
}

#[tokio::test]
async fn a_person_decides_about_mails() {
    let house = House::open().await;
    let mut remote = house.trading.remote("1001", &[("CUP", 2)]);
    remote.payment = Payment::Awaiting;
    let order = house.trading.order(raw(remote)).await;
    let name = format!("#{order}");
    let html = house.file("mail.html");
    let preview = ["mail", "preview", &name, "shipped", "--html", html.to_str().unwrap()];
    let preview = house.banto(&[&preview[..], &["--json"]].concat()).json();
    assert!(preview["text"].as_str().unwrap().contains("(tracking number)"), "{preview}");
    assert!(std::fs::read_to_string(&html).unwrap().contains("(tracking number)"));
    assert_eq!(house.trading.mail(order, "shipped").await, None, "nothing is stored");

    let cancel = ["orders", "cancel", &name, "--reason", "sold out", "--to-buyer", "在庫切れのため"];
    assert_eq!(house.banto(&[&cancel[..], &["--json"]].concat()).json()["fulfilment"], "cancelled");
    assert_eq!(house.banto(&cancel).code, 5);
    let waits = house.banto(&["mail", "list", "--state", "by_hand", "--json"]).json();
    assert_eq!((&waits[0]["kind"], waits.as_array().unwrap().len()), (&"cancelled".into(), 1));
    let decide = house.banto(&["mail", "decide", &name, "cancelled", "--as", "arrived"]);
    assert_eq!(decide.code, 5, "nothing is uncertain about it");
    let sent = house.banto(&["mail", "send", &name, "cancelled"]);
    assert!(sent.out.contains("the daemon sends it"), "{}{}", sent.out, sent.err);
    let jobs = house.banto(&["queue", "list", "--json"]).json();
    let mail = jobs.as_array().unwrap().iter().find(|j| j["lane"] == "mail").unwrap();
    assert_eq!(mail["order"], order);
    let id = mail["id"].to_string();
    assert_eq!(house.banto(&["queue", "drop", &id]).code, 0);
    assert_eq!(house.banto(&["queue", "drop", &id]).code, 4);
    assert_eq!(house.banto(&["mail", "show", &name, "cancelled", "--json"]).json()["state"], "dropped");
    assert_eq!(house.banto(&["mail", "show", &name, "postcard"]).code, 2);
}

#[tokio::test]
async fn what_could_not_be_understood_is_shown_as_it_came() {
    let house = House::open().await;
    let page = [banto_channel::Read::Unreadable {
        id: Some("77".into()),
        reason: both!("total is not a number", "合計が数値ではありません"),
        raw: "{\"total\": \"たくさん\"}".to_owned(),
    }];
    let now = house.trading.now();
    house.trading.store.take_page(&house.trading.facts, &page, None, now).await.unwrap();
    let listed = house.banto(&["orders", "quarantine", "--json"]).json();
    assert_eq!((&listed[0]["remote_id"], &listed[0]["channel"]), (&"77".into(), &"honten".into()));
    let id = listed[0]["id"].to_string();
    let shown = house.banto(&["orders", "quarantine", "show", &id]);
    assert!(shown.out.contains("total is not a number") && shown.out.contains("たくさん"), "{}", shown.out);
    assert_eq!(house.banto(&["orders", "quarantine", "close", &id, "--reason", "entered by hand"]).code, 0);
    assert_eq!(house.banto(&["orders", "quarantine", "list", "--json"]).json(), Value::Array(Vec::new()));
}
