//! The house's key: what it keeps out of the store and out of backups, and what becomes of a house without it.

use std::fs::Permissions;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::time::Duration;

use banto::doctor::{State, house_key};
use banto::domain::people::Role;
use banto::keys::OneTime;
use banto::store::{PersonAt, PersonChange, Store};
use banto_channel::Clock as _;
use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use serde_json::json;

use super::super::site::{Answer, Browser, PASSWORD, Site};
use super::{House, read};
use crate::stores::{Fresh, each_store, stores};

/// The page on which codes are set up: the salt of its form, and the secret that an app is to have.
pub fn offered(page: &str) -> (String, String) {
    let salt = page.split_once("name=\"salt\" value=\"").unwrap().1.split_once('"').unwrap().0;
    let secret = page.split_once("<code>").unwrap().1.split_once("</code>").unwrap().0;
    (salt.to_owned(), secret.replace(' ', ""))
}

/// Has codes asked for from now on; somebody's phone then.
async fn with_codes(site: &Site, browser: &Browser, name: &str) -> OneTime {
    let (salt, secret) = offered(&browser.page("/me/totp").await);
    let phone = OneTime::typed(&secret, "", name).unwrap();
    let code = phone.code(site.clock.now());
    let form = [("salt", salt.as_str()), ("code", code.as_str()), ("password", PASSWORD)];
    browser.post("/me/totp", &form).await.expect(303);
    phone
}

async fn log_in(site: &Site, name: &str, code: &str) -> Answer {
    let form = [("name", name), ("password", PASSWORD), ("code", code)];
    site.stranger().post_bare("/login", &form).await
}

/// The code that a phone shows half a minute later: each is taken once.
fn next_code(site: &Site, phone: &OneTime) -> String {
    site.clock.advance(Duration::from_secs(30));
    phone.code(site.clock.now())
}

fn key_file(fresh: &Fresh) -> PathBuf {
    fresh.state().join("house.key")
}

fn holds(bytes: &[u8], what: &[u8]) -> bool {
    bytes.windows(what.len()).any(|w| w == what)
}

async fn backup(store: &Store, folder: &Path) -> PathBuf {
    let file = folder.join("house.backup");
    store.backup(&file, &mut |_, _| ()).await.unwrap();
    file
}

#[tokio::test]
async fn a_backup_tells_no_secret_and_its_house_goes_on_with_the_key_alone() {
    each_store(async |source| {
        let house = House::open(source).await;
        let site = &house.site;
        let owner = site.log_in(Role::Owner).await;
        let phone = with_codes(site, &owner, "owner").await;
        let program = house.all_powerful().await;
        let body = json!({ "url": "https://93.184.215.14/hook", "events": ["order.created"] });
        let made = read(&program.post("/webhooks", "w", &body).await.expect(201));
        let shown = made["secret"].as_str().unwrap().to_owned();
        let again = read(&program.post("/webhooks", "w", &body).await.expect(201));
        assert_eq!(again, made, "whose answer was lost is told once more");
        assert_eq!(site.store.webhooks().await.unwrap().len(), 1);

        let folder = tempfile::tempdir().unwrap();
        let file = backup(&source.store, folder.path()).await;
        let bytes = std::fs::read(&file).unwrap();
        assert!(holds(&bytes, b"https://93.184.215.14/hook"), "it is searched rightly");
        let key = std::fs::read_to_string(key_file(source)).unwrap();
        let in_base64 = shown.strip_prefix("whsec_").unwrap();
        for text in [phone.secret().as_str(), in_base64, key.trim()] {
            assert!(!holds(&bytes, text.as_bytes()), "{text}");
        }
        for text in [in_base64, key.trim()] {
            assert!(!holds(&bytes, &STANDARD.decode(text).unwrap()), "the bytes of {text}");
        }

        // Another process on the same machine: after a restart.
        let again = Site::on(source).await;
        again.clock.advance(Duration::from_secs(30));
        log_in(&again, "owner", &phone.code(again.clock.now())).await.expect(303);

        for target in stores().await {
            target.store.restore(&file, &mut |_, _| ()).await.unwrap();
            needs_its_key(&target, &phone, &key).await;
        }
    })
    .await;
}

/// A restored house refuses what needs its key until that is there.
async fn needs_its_key(target: &Fresh, phone: &OneTime, key: &str) {
    let site = Site::on(target).await;
    let file = key_file(target);
    log_in(&site, "owner", "").await.expect(503);
    let another = STANDARD.encode([5; 32]);
    for (there, why) in [
        (None, "the house's key is missing"),
        (Some(another.as_str()), "is not the key of this store"),
        (Some("x"), "44 letters"),
    ] {
        if let Some(text) = there {
            write_key(&file, text);
        }
        let said = log_in(&site, "owner", &next_code(&site, phone)).await.expect(503).body;
        assert!(said.contains("banto users reset-totp owner"), "{said}");
        let finding = house_key(&target.store, &site.app.key).await;
        assert_eq!((finding.state, finding.count), (State::Warning, 1));
        let path = file.display().to_string();
        assert!(finding.examples[0].contains(why) && finding.examples[0].contains(&path), "{finding:?}");
        let staff = site.log_in(Role::Staff).await;
        let said = staff.get("/me/totp").await.expect(503).body;
        assert!(said.contains(&path), "{said}");
    }
    assert_eq!(std::fs::read_to_string(&file).unwrap(), "x", "no key is put over another");
    write_key(&file, key);
    log_in(&site, "owner", &next_code(&site, phone)).await.expect(303);
    assert_eq!(house_key(&target.store, &site.app.key).await.state, State::Ok);
}

fn write_key(file: &Path, text: &str) {
    std::fs::write(file, text).unwrap();
    std::fs::set_permissions(file, Permissions::from_mode(0o600)).unwrap();
}

#[tokio::test]
async fn a_house_whose_key_is_lost_gets_another_when_nothing_needs_the_lost_one() {
    each_store(async |fresh| {
        let site = Site::on(fresh).await;
        let owner = site.log_in(Role::Owner).await;
        let staff = site.log_in(Role::Staff).await;
        assert!(!key_file(fresh).exists(), "it is made when it is needed first");
        with_codes(&site, &owner, "owner").await;
        let form = [("url", "https://93.184.215.14/hook"), ("event", "order.created")];
        assert!(owner.post("/tokens/webhooks", &form).await.expect(200).body.contains("whsec_"));
        let first = std::fs::read_to_string(key_file(fresh)).unwrap();
        std::fs::remove_file(key_file(fresh)).unwrap();

        owner.post("/tokens/webhooks", &form).await.expect(503);
        staff.get("/me/totp").await.expect(503);
        assert_eq!(site.store.webhooks().await.unwrap().len(), 1, "none without a secret");
        let now = site.clock.now();
        let person = site.store.person_called("owner").await.unwrap().unwrap();
        let who = PersonAt { id: person.id, version: None };
        site.store.change_person(who, &PersonChange::OneTimeCodes(None), "cli:a", now).await.unwrap();
        log_in(&site, "owner", "").await.expect(303);
        staff.get("/me/totp").await.expect(503);
        assert!(!key_file(fresh).exists(), "the webhook needs it still");
        let webhook = site.store.webhooks().await.unwrap().remove(0);
        site.store.remove_webhook(webhook.id, "cli:a", now).await.unwrap();

        let phone = with_codes(&site, &staff, "staff").await;
        assert_ne!(std::fs::read_to_string(key_file(fresh)).unwrap(), first);
        log_in(&site, "staff", &next_code(&site, &phone)).await.expect(303);
        assert_eq!(house_key(&fresh.store, &site.app.key).await.state, State::Ok);
    })
    .await;
}

#[tokio::test]
async fn what_was_a_secret_before_stands_in_the_store_no_more_and_lets_nobody_in() {
    let text = include_str!("../../../../migrations/sqlite/0013_derived_secrets.sql");
    assert_eq!(text, include_str!("../../../../migrations/postgres/0013_derived_secrets.sql"));
    let rows_alone = text.split_once("\n\n").unwrap().1;
    each_store(async |fresh| {
        let house = House::open(fresh).await;
        let site = &house.site;
        site.log_in(Role::Owner).await;
        let program = house.all_powerful().await;
        let body = json!({ "url": "https://93.184.215.14/hook", "events": ["order.created"] });
        program.post("/webhooks", "w", &body).await.expect(201);
        fresh.run("UPDATE person SET totp = 'GEZDGNBVGY3TQOJQ', totp_salt = NULL").await;
        fresh.run("UPDATE webhook SET secret = 'plain', salt = NULL").await;
        fresh.run("UPDATE api_request SET status = 201, body = '{\"secret\":\"whsec_eA==\"}'").await;
        fresh.run(rows_alone).await;
        let left = "SELECT COUNT(*) FROM person WHERE totp <> ''";
        assert_eq!(fresh.number(left).await, 0);
        let told = "SELECT COUNT(*) FROM api_request WHERE body LIKE '%whsec%'";
        assert_eq!(fresh.number(told).await, 0);
        for code in ["", "123456"] {
            let said = log_in(site, "owner", code).await.expect(503).body;
            assert!(said.contains("banto users reset-totp owner"), "{said}");
        }
        let webhook = site.store.webhooks().await.unwrap().remove(0);
        assert_eq!((webhook.secret.as_str(), webhook.active), ("", false));
        assert!(webhook.stopped.unwrap().contains("add it again"));
        let said = program.post("/webhooks", "w", &body).await.expect(404).body;
        assert!(said.contains("add it again"), "{said}");
    })
    .await;
}

#[tokio::test]
async fn a_repeated_request_is_answered_with_the_webhook_that_it_made() {
    each_store(async |fresh| {
        let house = House::open(fresh).await;
        let program = house.all_powerful().await;
        let wish = |event: &str| json!({ "url": "https://93.184.215.14/hook", "events": [event] });
        let first = program.post("/webhooks", "a", &wish("order.created")).await.expect(201).body;
        let second = program.post("/webhooks", "b", &wish("stock.changed")).await.expect(201).body;
        assert_ne!(first, second);
        for (key, event, made) in [("a", "order.created", &first), ("b", "stock.changed", &second)] {
            assert_eq!(&program.post("/webhooks", key, &wish(event)).await.expect(201).body, made);
        }
    })
    .await;
}
