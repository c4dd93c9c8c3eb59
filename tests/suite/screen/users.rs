//! `banto users`: whoever can run commands lets people in, whatever became of the screen.

use std::io::Write as _;
use std::path::Path;
use std::process::{Command, Stdio};

use banto::domain::people::{Language, Role};
use banto::keys;
use banto::store::{NewCodes, NewPerson, PersonAt, PersonChange, Store};
use banto_channel::Timestamp;
use serde_json::{Value, json};
use tempfile::TempDir;

struct Shop(TempDir);

impl Shop {
    fn open() -> Self {
        let shop = Self(tempfile::tempdir().unwrap());
        let config = "[store]\nurl = \"sqlite:banto.db\"\n[web]\nlisten = \"127.0.0.1:18787\"\n";
        std::fs::write(shop.path().join("banto.toml"), config).unwrap();
        assert_eq!(shop.run(&["migrate"], "").2, 0);
        shop
    }

    fn path(&self) -> &Path {
        self.0.path()
    }

    /// Standard output, standard error, exit code.
    fn run(&self, args: &[&str], input: &str) -> (String, String, i32) {
        let mut command = Command::new(env!("CARGO_BIN_EXE_banto"));
        command.arg("--config").arg(self.path()).args(args);
        command.env_remove("STATE_DIRECTORY").env_remove("CREDENTIALS_DIRECTORY");
        command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped());
        let mut child = command.spawn().unwrap();
        child.stdin.take().unwrap().write_all(input.as_bytes()).unwrap();
        let output = child.wait_with_output().unwrap();
        let text = |bytes: Vec<u8>| String::from_utf8(bytes).unwrap();
        (text(output.stdout), text(output.stderr), output.status.code().unwrap())
    }

    fn json(&self, args: &[&str], input: &str) -> Value {
        let (out, err, code) = self.run(&[&["--json", "users"], args].concat(), input);
        assert_eq!(code, 0, "{args:?}: {err}");
        serde_json::from_str(&out).unwrap_or_else(|e| panic!("{e}: {out}"))
    }

    async fn store(&self) -> Store {
        Store::open(&format!("sqlite:{}", self.path().join("banto.db").display())).await.unwrap()
    }
}

#[tokio::test]
async fn nobody_is_locked_out_for_ever() {
    let shop = Shop::open();
    let added = shop.json(&["add", "Aki", "--role", "owner", "--full-name", "秋"], "a good password\r\n");
    assert_eq!((&added["name"], &added["role"]), (&json!("aki"), &json!("owner")));
    let store = shop.store().await;
    let hash = async || store.person_called("aki").await.unwrap().unwrap().password;
    assert!(keys::is_password("a good password".to_owned(), Some(hash().await)).await);
    shop.json(&["reset-password", "aki"], "a better password\n");
    assert!(keys::is_password("a better password".to_owned(), Some(hash().await)).await);
    shop.json(&["add", "yuki", "--role", "read-only", "--language", "en"], "another password\n");
    shop.json(&["role", "yuki", "staff"], "");
    shop.json(&["disable", "yuki"], "");
    shop.json(&["reset-totp", "aki"], "");
    let all = shop.json(&["list"], "");
    let told: Vec<_> =
        all.as_array().unwrap().iter().map(|p| (&p["name"], &p["role"], &p["disabled"])).collect();
    assert_eq!(
        told,
        [(&json!("aki"), &json!("owner"), &json!(false)), (&json!("yuki"), &json!("staff"), &json!(true))]
    );
    assert_eq!(shop.json(&["enable", "yuki"], "")["disabled"], json!(false));
    assert!(!all.to_string().contains("argon2"), "{all}");
}

#[test]
fn what_cannot_be_is_refused_with_its_reason() {
    let shop = Shop::open();
    let refused = |args: &[&str], input: &str, code: i32, why: &str| {
        let (out, err, ended) = shop.run(&[&["users"], args].concat(), input);
        assert_eq!((ended, out.as_str()), (code, ""), "{args:?}: {err}");
        assert!(err.contains(why), "{args:?}: {err}");
    };
    refused(&["add", "<b>"], "", 5, "login name");
    refused(&["add", "aki"], "short\n", 5, "at least 10");
    refused(&["disable", "nobody"], "", 4, "banto users list");
    shop.json(&["add", "aki", "--role", "owner"], "a good password\n");
    refused(&["add", "AKI"], "a good password\n", 5, "called aki already");
    refused(&["disable", "aki"], "", 5, "last owner");
    refused(&["role", "aki", "staff"], "", 5, "last owner");
    refused(&["setup-code"], "", 5, "owner already");
}

#[tokio::test]
async fn a_setup_code_is_good_for_the_screen() {
    let shop = Shop::open();
    let made = shop.json(&["setup-code"], "");
    let code = made["code"].as_str().unwrap();
    assert_eq!(made["address"], json!(format!("http://127.0.0.1:18787/setup?code={code}")));
    let store = shop.store().await;
    let owner = NewPerson {
        name: "aki",
        full_name: "秋",
        password: "$argon2id$",
        role: Role::Staff,
        language: Language::Ja,
    };
    let now = Timestamp::from_secs(1_795_255_200);
    assert!(store.set_up(&owner, &keys::digest("wrong"), now).await.is_err());
    let made = store.set_up(&owner, &keys::digest(code), now).await.unwrap();
    assert_eq!(made.role(), Role::Owner, "whoever sets up is the owner");
}

#[tokio::test]
async fn a_house_that_was_restored_without_its_key_is_told_so() {
    let shop = Shop::open();
    shop.json(&["add", "aki", "--role", "owner"], "a good password\n");
    let store = shop.store().await;
    let aki = store.person_called("aki").await.unwrap().unwrap();
    assert!(store.take_house_key("the fingerprint of a key elsewhere").await.unwrap());
    let codes = PersonChange::OneTimeCodes(Some(NewCodes { salt: "salt", step: 1 }));
    let who = PersonAt { id: aki.id, version: None };
    store.change_person(who, &codes, "test", Timestamp::from_secs(1_795_255_200)).await.unwrap();
    let file = shop.path().join("house.backup").display().to_string();
    assert_eq!(shop.run(&["backup", &file], "").2, 0);
    let elsewhere = Shop::open();
    let (out, err, code) = elsewhere.run(&["restore", &file], "");
    assert_eq!(code, 0, "{err}");
    let key = elsewhere.path().join("house.key").display().to_string();
    assert!(out.contains(&format!("the house's key is missing: bring {key} back")), "{out}");
    let check = || {
        let (out, err, code) = elsewhere.run(&["--json", "doctor"], "");
        assert_eq!(code, 0, "{err}");
        let answer: Value = serde_json::from_str(&out).unwrap();
        let all = answer["checks"].as_array().unwrap().clone();
        all.into_iter().find(|c| c["check"] == "the house's key is the store's").unwrap()
    };
    let found = check();
    assert_eq!(found["state"], "warning");
    assert!(found["examples"][0].as_str().unwrap().contains("deploy/recovery.md"), "{found}");
    assert!(found["remedy"].as_str().unwrap().contains("banto users reset-totp"), "{found}");
    elsewhere.json(&["reset-totp", "aki"], "");
    assert_eq!(check()["state"], "ok", "nothing needs it any more");
}
