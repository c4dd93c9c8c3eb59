//! The program as a person or a script runs it: what it prints, and how it ends.

use std::path::Path;
use std::process::{Command, Output};

use encoding_rs::SHIFT_JIS;
use serde_json::{Value, json};
use tempfile::TempDir;

/// A shop's folder with a config and an empty store.
struct Shop {
    dir: TempDir,
}

const CONFIG: &str = "[store]\nurl = \"sqlite:banto.db\"\n[shop]\nname = \"茶屋\"\n\
                      [[shop.locations]]\ncode = \"main\"\n[[shop.locations]]\ncode = \"attic\"\n";

impl Shop {
    /// With a config only.
    fn new() -> Self {
        let shop = Self { dir: tempfile::tempdir().unwrap() };
        shop.write("banto.toml", CONFIG.as_bytes());
        shop
    }

    /// With a store, too.
    fn open() -> Self {
        let shop = Self::new();
        assert_eq!(shop.run(&["migrate"]).status.code(), Some(0));
        shop
    }

    fn path(&self) -> &Path {
        self.dir.path()
    }

    fn write(&self, name: &str, bytes: &[u8]) -> String {
        let path = self.path().join(name);
        std::fs::write(&path, bytes).unwrap();
        path.display().to_string()
    }

    fn run(&self, args: &[&str]) -> Output {
        let mut command = Command::new(env!("CARGO_BIN_EXE_banto"));
        command.arg("--config").arg(self.path()).args(args);
        command.env_remove("STATE_DIRECTORY").env_remove("CREDENTIALS_DIRECTORY").output().unwrap()
    }

    /// Changes the store past the program.
    fn sql(&self, statement: &'static str) {
        use sqlx::{Connection, Executor, SqliteConnection};
        let url = format!("sqlite:{}", self.path().join("banto.db").display());
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
        runtime.block_on(async {
            let mut db = SqliteConnection::connect(&url).await.unwrap();
            db.execute(statement).await.unwrap();
            db.close().await.unwrap();
        });
    }

    /// Standard output, standard error and the exit code.
    fn told(&self, args: &[&str]) -> (String, String, i32) {
        let output = self.run(args);
        let text = |bytes: Vec<u8>| String::from_utf8(bytes).unwrap();
        (text(output.stdout), text(output.stderr), output.status.code().unwrap())
    }

    /// The answer as JSON, and the exit code.
    fn json(&self, args: &[&str]) -> (Value, i32) {
        let (out, err, code) = self.told(&[&["--json"], args].concat());
        let value = serde_json::from_str(&out).unwrap_or_else(|e| panic!("{args:?}: {e}: {out:?} {err:?}"));
        (value, code)
    }
}

const SHEET: &str = "商品コード,商品名,JAN,価格,税率,在庫,セット構成\r\n\
    TEA-01,煎茶 100g,4901234567894,\"1,980\",8%,５０,\r\n\
    CUP-03,湯のみ（髙﨑窯①）,,3300,10,7,\r\nGIFT-1,贈答セット,,5000,10,,TEA-01*2+CUP-03\r\n";

#[test]
fn a_sheet_in_cp932_becomes_stock() {
    let shop = Shop::open();
    let (cp932, ..) = SHIFT_JIS.encode(SHEET);
    let file = shop.write("items.csv", &cp932);
    let (report, code) = shop.json(&["items", "import", &file]);
    assert_eq!((code, &report["written"], &report["encoding"]), (0, &json!(true), &json!("CP932")));
    assert_eq!(report["created"], json!(["TEA-01", "CUP-03", "GIFT-1"]));
    let (list, _) = shop.json(&["stock", "list"]);
    let free: Vec<_> = list
        .as_array()
        .unwrap()
        .iter()
        .map(|i| (i["code"].as_str().unwrap(), i["available"].as_i64()))
        .collect();
    assert_eq!(free, [("CUP-03", Some(7)), ("GIFT-1", Some(7)), ("TEA-01", Some(50))]);
    let (text, _, code) = shop.told(&["stock", "list", "--find", "煎茶"]);
    let expected =
        "CODE    ON HAND  RESERVED  FREE  SHORT  NAME\nTEA-01       50         0    50      0  煎茶 100g\n";
    assert_eq!((text.as_str(), code), (expected, 0));
    let (item, _) = shop.json(&["items", "show", "TEA-01"]);
    assert_eq!(item["item"]["price"], json!({ "amount": "1980", "currency": "JPY" }));
    assert_eq!(item["in_sets"][0]["code"], json!("GIFT-1"));
    let (proof, code) = shop.json(&["stock", "verify"]);
    assert_eq!((proof, code), (json!({ "ok": true, "discrepancies": [] }), 0));
}

#[test]
fn a_sheet_with_a_bad_line_changes_nothing() {
    let shop = Shop::open();
    let file =
        shop.write("items.csv", "code,name,JAN,color\nA,a,,red\nB,b,4901234567890,\nC,,,\n".as_bytes());
    let (out, err, code) = shop.told(&["items", "import", &file]);
    let expected = format!(
        "{file} (UTF-8)\n\
         line 3, JAN: 4901234567890: the check digit is 0 and should be 4\n\
         line 4: C is new and needs a name\n\
         warning: line 1: not used: color\n\
         1 to make, 0 to change, 0 as they are\n\
         nothing was written: mend 2 faults, or take the rest with --skip-bad\n"
    );
    assert_eq!((out, err, code), (expected, String::new(), 5));
    assert_eq!(shop.json(&["items", "list"]), (json!([]), 0));
    let (report, code) = shop.json(&["items", "import", &file, "--skip-bad"]);
    assert_eq!((code, &report["created"], report["faults"].as_array().unwrap().len()), (0, &json!(["A"]), 2));
    let broken = shop.write("broken.csv", b"name,price\na,1\n");
    let (_, err, code) = shop.told(&["items", "import", &broken]);
    assert!(err.starts_with(&format!("banto: {broken}, line 1: no column is called code")), "{err}");
    assert_eq!(code, 5);
}

#[test]
fn a_stocktake_goes_from_the_shelf_into_the_ledger() {
    let shop = Shop::open();
    let items = shop.write("items.csv", SHEET.as_bytes());
    shop.json(&["items", "import", &items]);
    let file = shop.write("count.csv", "JAN,実棚\n4901234567894,48\n".as_bytes());
    let (shown, code) = shop.json(&["stock", "count", &file]);
    assert_eq!((code, &shown["committed"], &shown["rows"][0]["difference"]), (0, &json!(false), &json!(-2)));
    assert_eq!(shown["uncounted"], json!(["CUP-03"]));
    let as_of = shown["as_of"].to_string();
    shop.json(&["stock", "receive", "TEA-01", "1", "--note", "late delivery"]);
    let (refused, code) = shop.json(&["stock", "count", &file, "--commit", "--as-of", &as_of]);
    assert_eq!((code, &refused["committed"], &refused["rows"][0]["moved"]), (5, &json!(false), &json!(true)));
    assert_eq!(refused["rows"][0]["expected"], json!(51), "it is shown as it is now");
    let (done, code) = shop.json(&["stock", "count", &file, "--commit"]);
    assert_eq!((code, &done["committed"]), (0, &json!(true)));
    let (shown, _) = shop.json(&["stock", "show", "TEA-01"]);
    assert_eq!(shown["available"], json!(48));
    let reasons: Vec<_> =
        shown["goods"][0]["movements"].as_array().unwrap().iter().map(|m| m["reason"].clone()).collect();
    assert_eq!(reasons, [json!("counted"), json!("received"), json!("opening_stock")]);
}

#[test]
fn each_kind_of_trouble_has_its_exit_code() {
    let shop = Shop::open();
    let items = shop.write("items.csv", SHEET.as_bytes());
    shop.json(&["items", "import", &items]);
    let ends = |args: &[&str], code: i32, says: &str| {
        let (out, err, ended) = shop.told(args);
        assert_eq!((ended, out.as_str()), (code, ""), "{args:?}: {err}");
        assert!(err.contains(says), "{args:?}: {err}");
    };
    ends(&["stock", "lift"], 2, "unrecognized subcommand 'lift'");
    ends(&["stock", "set", "TEA-01", "-1"], 2, "unexpected argument '-1'");
    ends(&["stock", "count", "x.csv", "--as-of", "1"], 2, "--commit");
    ends(&["stock", "show", "NONE"], 4, r#"banto: no item has the code "NONE""#);
    ends(
        &["stock", "set", "TEA-01", "1", "--location", "cellar"],
        4,
        r#"no location is called "cellar"; there is main, attic"#,
    );
    ends(&["items", "import", "nowhere.csv"], 4, "there is no file nowhere.csv");
    ends(&["listings", "list", "--channel", "honten"], 4, r#"no channel is called "honten""#);
    ends(&["stock", "explain", "TEA-01", "--channel", "honten"], 4, r#"no channel is called "honten""#);
    ends(&["stock", "set", "GIFT-1", "1"], 5, "GIFT-1 is a set");
    ends(
        &["stock", "write-off", "TEA-01", "51"],
        5,
        "51 of TEA-01 cannot go: 50 are free and 0 are held for orders",
    );
    shop.write("banto.toml", b"[shop]\nnmae = \"x\"\n");
    ends(&["stock", "list"], 3, "banto.toml:2: shop.nmae");
}

#[test]
fn a_command_neither_makes_nor_migrates_a_store() {
    let shop = Shop::new();
    let (_, err, code) = shop.told(&["items", "list"]);
    assert!(err.contains("there is no store at") && err.contains("`banto migrate`"), "{err}");
    assert_eq!((code, shop.path().join("banto.db").exists()), (5, false));
    shop.write("banto.db", b"");
    let (_, err, code) = shop.told(&["items", "list"]);
    assert!(err.contains("the store's schema is 0, this banto needs"), "{err}");
    assert_eq!(code, 6);
    shop.write(
        "banto.db",
        b"no database at all, but long enough to have a header of some kind, which is checked first",
    );
    assert_eq!(shop.told(&["items", "list"]).2, 6);
}

#[test]
fn a_schema_that_does_not_fit_ends_with_six_and_names_the_remedy() {
    let shop = Shop::open();
    let (help, ..) = shop.told(&["--help"]);
    let six = help.lines().find(|l| l.starts_with("  6  ")).unwrap();
    assert!(six.contains("schema") && six.contains("banto migrate"), "{six}");
    shop.sql("UPDATE _sqlx_migrations SET checksum = x'00' WHERE version = 1");
    for command in ["migrate", "run"] {
        let (_, err, code) = shop.told(&[command]);
        assert_eq!(code, 6, "{command}: {err}");
        assert!(err.contains("migration 1") && err.contains("backup"), "{command}: {err}");
    }
    shop.sql("DELETE FROM _sqlx_migrations WHERE version > 1");
    let (_, err, code) = shop.told(&["items", "list"]);
    assert!(code == 6 && err.contains("`banto migrate`"), "{code}: {err}");
}

#[test]
fn damage_in_the_ledger_ends_with_one() {
    let shop = Shop::open();
    let items = shop.write("items.csv", SHEET.as_bytes());
    shop.json(&["items", "import", &items]);
    shop.sql("UPDATE level SET available = 49 WHERE available = 50");
    let (out, _, code) = shop.told(&["stock", "verify"]);
    let expected = "TEA-01 at main: available is 50 by the ledger, the level says 49\n\
                    1 discrepancy; `banto doctor` says what to do\n";
    assert_eq!((out.as_str(), code), (expected, 1));
}

#[test]
fn shells_and_the_manual_know_every_command() {
    let shop = Shop::new();
    for shell in ["bash", "zsh", "fish"] {
        let (script, _, code) = shop.told(&["completions", shell]);
        assert!(code == 0 && script.contains("listings") && script.contains("write-off"), "{shell}");
    }
    let (page, _, code) = shop.told(&["man"]);
    assert!(code == 0 && page.contains(".SS banto stock write\\-off "), "{page}");
    let (help, _, code) = shop.told(&["--help"]);
    assert!(code == 0 && help.contains("  5  cannot be done as things stand"), "{help}");
}
