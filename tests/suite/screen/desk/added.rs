//! A channel that the owner adds on the screen: its file, and what is refused in place.

use std::os::unix::fs::PermissionsExt;

use banto::config::{Config, Mode};
use banto::domain::people::Role;

use super::{NASTY, Shop};
use crate::stores::Fresh;

const PATH: &str = "/channels/new";

#[tokio::test]
async fn a_channel_is_added_with_its_file_and_without_its_secrets() {
    let fresh = Fresh::sqlite().await;
    let shop = Shop::open(&fresh).await;
    let dir = &shop.site.app.config.dir;
    shop.browser(Role::Staff).await.get(PATH).await.expect(403);
    let owner = shop.browser(Role::Owner).await;
    assert!(owner.page("/channels").await.contains("href=\"/channels/new\""));
    for kind in ["amazon", "csv_folder", "rakuten", "shopify", "vendure", "woocommerce", "yahoo"] {
        let page = owner.page(&format!("{PATH}?kind={kind}")).await;
        assert!(
            page.contains(&format!("kind = &#34;{kind}&#34;")) && !page.contains("type=\"password\""),
            "{page}"
        );
    }
    let form = [("kind", "woocommerce"), ("name", "second"), ("key.url", "https://second.example")];
    let shown = [&form[..], &[("do", "show")]].concat();
    let page = owner.post(PATH, &shown).await.expect(200).body;
    assert!(page.contains("url = &#34;https://second.example&#34;"), "{page}");
    let file = dir.join("channels/second.toml");
    assert!(!file.exists(), "it was only shown");
    let written = [&form[..], &[("do", "write")]].concat();
    owner.post(PATH, &written).await.expect(303);
    let config = Config::load(dir).unwrap();
    let channel = config.channel("second").unwrap();
    assert_eq!((channel.enabled, channel.mode), (false, Mode::Observe));
    assert_eq!(channel.connector["url"].as_str(), Some("https://second.example"));
    assert_eq!(channel.connector["consumer_key_file"].as_str(), Some("secrets/second-consumer-key"));
    assert!(!dir.join("secrets/second-consumer-key").exists());
    assert_eq!(std::fs::metadata(&file).unwrap().permissions().mode() & 0o777, 0o640);
    let noted = "SELECT COUNT(*) FROM audit WHERE action = 'channel_add' AND subject = 'second' AND actor = 'user:owner'";
    assert_eq!(fresh.number(noted).await, 1);
}

#[tokio::test]
async fn a_name_or_a_value_that_cannot_be_is_refused_in_place() {
    let fresh = Fresh::sqlite().await;
    let shop = Shop::open(&fresh).await;
    let channels = shop.site.app.config.dir.join("channels");
    let before = std::fs::read_to_string(channels.join("honten.toml")).unwrap();
    let owner = shop.browser(Role::Owner).await;
    let post = async |name: &str, url: &str| {
        let form = [("kind", "woocommerce"), ("name", name), ("key.url", url), ("do", "write")];
        owner.post(PATH, &form).await
    };
    for name in ["", "new", "Honten", "../evil", "a/b", NASTY, "honten", "off"] {
        let page = post(name, "https://typed.example").await.expect(422).body;
        assert!(page.contains("Nothing was written") && page.contains("role=\"alert\""), "{name}: {page}");
        assert!(page.contains("value=\"https://typed.example\"") && !page.contains(NASTY), "{name}: {page}");
    }
    post("third", "https://a\nenabled = true").await.expect(422);
    owner.post(PATH, &[("kind", "none"), ("name", "third")]).await.expect(422);
    // Another's file that cannot be read: what was made is taken away again.
    std::fs::write(channels.join("broken.toml"), "kind = 7\n").unwrap();
    let page = post("third", "https://typed.example").await.expect(422).body;
    assert!(page.contains("broken.toml"), "{page}");
    assert!(!channels.join("third.toml").exists());
    assert_eq!(std::fs::read_to_string(channels.join("honten.toml")).unwrap(), before);
    assert_eq!(fresh.number("SELECT COUNT(*) FROM audit WHERE action = 'channel_add'").await, 0);
}

#[tokio::test]
async fn a_channel_is_switched_on_when_it_can_run() {
    let fresh = Fresh::sqlite().await;
    let shop = Shop::open(&fresh).await;
    let dir = &shop.site.app.config.dir;
    let file = dir.join("channels/off.toml");
    let text = "kind = \"woocommerce\"\nenabled = false\n\n[connector]\nurl = \"https://127.0.0.1:1\"\n\
        consumer_key_file = \"secrets/off-key\"\nconsumer_secret_file = \"secrets/off-secret\"\n";
    std::fs::write(&file, text).unwrap();
    let owner = shop.browser(Role::Owner).await;
    let page = owner.page("/channels/off").await;
    assert!(page.contains("/channels/off/enable"), "{page}");
    shop.browser(Role::Staff).await.post("/channels/off/enable", &[]).await.expect(403);
    let why = owner.post("/channels/off/enable", &[]).await.expect(409).body;
    assert!(why.contains("off-key"), "it names what is missing: {why}");
    assert_eq!(std::fs::read_to_string(&file).unwrap(), text);
    std::fs::create_dir_all(dir.join("secrets")).unwrap();
    for (secret, text) in [("off-key", "ck_0123456789"), ("off-secret", "cs_0123456789")] {
        let path = dir.join("secrets").join(secret);
        std::fs::write(&path, text).unwrap();
        std::fs::set_permissions(&path, std::fs::Permissions::from_mode(0o600)).unwrap();
    }
    owner.post("/channels/off/enable", &[]).await.expect(303);
    assert_eq!(std::fs::read_to_string(&file).unwrap(), text.replace("enabled = false", "enabled = true"));
    owner.post("/channels/honten/enable", &[]).await.expect(409);
}
