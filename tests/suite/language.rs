//! In which language a person is told what is the matter with a channel: a Rakuten shop, its licence key, and the
//! program as it is run.

use std::process::Command;
use std::sync::Arc;
use std::time::Duration;

use banto::clock::SystemClock;
use banto_channel::{Clock, has_japanese};
use banto_rakuten::fake::{FakeConfig, FakeShop, LicenceKey};
use serde_json::Value;
use tempfile::TempDir;

const DAY: Duration = Duration::from_secs(86_400);

/// A house with one channel, and the shop behind it.
struct House {
    dir: TempDir,
    _shop: FakeShop,
}

impl House {
    /// The shop's licence key runs out so many days from now; a negative number is in the past.
    async fn with_key_of(days: i64) -> Self {
        let clock = Arc::new(SystemClock::new(Duration::ZERO));
        let shift = DAY * u32::try_from(days.unsigned_abs()).unwrap();
        let now = clock.now();
        let expires = if days < 0 { now.minus(shift) } else { now.plus(shift).plus(DAY / 2) };
        let mut config = FakeConfig::new(7, clock);
        config.licence_keys = vec![LicenceKey { key: "SL123456_the-key-in-use".to_owned(), expires }];
        let secret = config.service_secret.clone();
        let shop = FakeShop::start(config).await.unwrap();
        let house = Self { dir: tempfile::tempdir().unwrap(), _shop: shop };
        house.write("banto.toml", "[store]\nurl = \"sqlite:banto.db\"\n[shop]\nname = \"茶屋\"\n");
        house.write("service-secret", &secret);
        house.write("license-key", "SL123456_the-key-in-use");
        house.write(
            "channels/rakuten.toml",
            &format!(
                "kind = \"rakuten\"\nenabled = true\nmode = \"observe\"\n[connector]\nurl = \"{}\"\n\
                 service_secret_file = \"service-secret\"\nlicense_key_file = \"license-key\"\n",
                house._shop.url()
            ),
        );
        assert_eq!(house.told("C.UTF-8", &["migrate"]).2, 0);
        house
    }

    fn write(&self, name: &str, text: &str) {
        use std::os::unix::fs::PermissionsExt;
        let path = self.dir.path().join(name);
        std::fs::create_dir_all(path.parent().unwrap()).unwrap();
        std::fs::write(&path, text).unwrap();
        std::fs::set_permissions(&path, PermissionsExt::from_mode(0o600)).unwrap();
    }

    /// Standard output, standard error and the exit code in a terminal of that locale.
    fn told(&self, locale: &str, args: &[&str]) -> (String, String, i32) {
        let mut command = Command::new(env!("CARGO_BIN_EXE_banto"));
        command.arg("--config").arg(self.dir.path()).args(args);
        for inherited in ["LC_ALL", "LC_MESSAGES", "STATE_DIRECTORY", "CREDENTIALS_DIRECTORY"] {
            command.env_remove(inherited);
        }
        let output = command.env("LANG", locale).output().unwrap();
        let text = |bytes: Vec<u8>| String::from_utf8(bytes).unwrap();
        (text(output.stdout), text(output.stderr), output.status.code().unwrap())
    }

    /// The lines of `banto check` about the channel.
    fn check(&self, locale: &str) -> (Vec<String>, i32) {
        let (out, _, code) = self.told(locale, &["check"]);
        let lines = out.lines().filter(|line| line.starts_with("channel rakuten"));
        (lines.map(ToOwned::to_owned).collect(), code)
    }
}

fn one_has(lines: &[String], parts: &[&str]) {
    let found = lines.iter().any(|line| parts.iter().all(|part| line.contains(part)));
    assert!(found, "no line has {parts:?}: {lines:#?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_key_that_ran_out_is_explained_in_the_language_of_the_terminal() {
    let house = House::with_key_of(-1).await;
    let (lines, code) = house.check("ja_JP.UTF-8");
    assert_eq!(code, 3);
    let remedy = "RMS > 拡張サービス一覧 > WEB APIサービス > 利用設定";
    one_has(&lines, &["要対応", "認証情報", "注文の検索", "GA0001", "ライセンスキー", "3か月", remedy]);
    assert!(lines.iter().all(|line| !line.contains("licenseKey has run out")), "{lines:#?}");
    let (lines, code) = house.check("C.UTF-8");
    assert_eq!(code, 3);
    one_has(
        &lines,
        &["WRONG", "searching orders", "GA0001", "The licenseKey has run out (it lives for 3 months)"],
    );
    assert!(lines.iter().all(|line| !line.contains("有効期限")), "{lines:#?}");

    let (_, err, code) = house.told("ja_JP.UTF-8", &["channel", "probe", "rakuten"]);
    assert!(code == 7 && err.contains("有効期限（3か月）") && err.contains(remedy), "{code}: {err}");
    let (_, err, code) = house.told("C.UTF-8", &["channel", "probe", "rakuten"]);
    assert!(code == 7 && err.contains("has run out") && !err.contains("有効期限"), "{code}: {err}");
    let (out, _, _) = house.told("en_US.UTF-8", &["check"]);
    assert!(out.starts_with("WHAT") && out.contains("WRONG"), "{out}");
}

#[tokio::test(flavor = "multi_thread")]
async fn days_left_warnings_and_who_mails_are_told_in_the_language_of_the_terminal() {
    let house = House::with_key_of(5).await;
    let (lines, _) = house.check("ja_JP.UTF-8");
    assert!(lines.iter().all(|line| has_japanese(line)), "{lines:#?}");
    one_has(&lines, &["正常", "認証に成功しました"]);
    one_has(&lines, &["認証情報の有効期限は", "あと5日"]);
    one_has(&lines, &["注意", "licenseKey（ライセンスキー）の有効期限は", "license_key_next_file"]);
    one_has(&lines, &["メール: ", "発送はbantoが送信"]);
    let (lines, _) = house.check("C.UTF-8");
    one_has(&lines, &["takes our credentials"]);
    one_has(&lines, &["the credentials last until", "(5 days)"]);
    one_has(&lines, &["warning", "the licenseKey runs out on", "license_key_next_file"]);
    one_has(&lines, &["mails: received", "shipped by us"]);

    let (out, ..) = house.told("ja_JP.UTF-8", &["channel", "probe", "rakuten"]);
    assert!(out.contains("あと5日") && out.contains("確認してください: licenseKey"), "{out}");
    let (out, ..) = house.told("C.UTF-8", &["channel", "probe", "rakuten"]);
    assert!(out.contains("(5 days)") && out.contains("look at this: the licenseKey"), "{out}");
}

#[tokio::test(flavor = "multi_thread")]
async fn json_is_english_with_the_japanese_beside_it_in_every_locale() {
    let house = House::with_key_of(5).await;
    for args in [&["--json", "check"][..], &["--json", "channel", "probe", "rakuten"]] {
        let answer = |locale: &str| -> Value { serde_json::from_str(&house.told(locale, args).0).unwrap() };
        assert_eq!(answer("ja_JP.UTF-8"), answer("C.UTF-8"), "{args:?}");
    }
    let (out, _, code) = house.told("ja_JP.UTF-8", &["--json", "channel", "probe", "rakuten"]);
    let report: Value = serde_json::from_str(&out).unwrap();
    assert_eq!(code, 0);
    assert!(report["warnings"][0].as_str().unwrap().starts_with("the licenseKey runs out on"), "{report}");
    assert!(
        report["warnings_ja"][0].as_str().unwrap().starts_with("licenseKey（ライセンスキー）"),
        "{report}"
    );
    let (out, ..) = house.told("ja_JP.UTF-8", &["--json", "check"]);
    let findings: Vec<Value> = serde_json::from_str(&out).unwrap();
    let taken =
        findings.iter().find(|f| f["detail"].as_str().unwrap().contains("takes our credentials")).unwrap();
    assert!(taken["state"] == "ok" && taken["detail_ja"].as_str().unwrap().contains("認証に成功"), "{taken}");
}
