//! Other hands than a mouse: a keyboard alone, a phone and a barcode scanner in the stockroom.

use fantoccini::key::Key;

use super::driver::PHONE;
use super::people::{OWNER, first_owner, log_in};
use super::stage::{Stage, mail_of};

#[tokio::test(flavor = "multi_thread")]
async fn a_keyboard_is_enough() {
    let Some(stage) = Stage::open().await else { return };
    let buyer = "鍵盤 文字";
    let order = stage.buy("honten", ("CLOTH-01", 3), buyer, true);
    stage.mailed(&mail_of(buyer), "paid").await;
    first_owner(&stage).await.client.close().await.unwrap();

    let browser = stage.browser().await;
    browser.open("/login").await;
    browser.tab_to("at.id === 'name'").await;
    browser.keys(OWNER.name.chars()).await;
    browser.tab_to("at.id === 'password'").await;
    browser.keys(OWNER.password.chars()).await;
    browser.key(Key::Enter).await;
    browser.until_at("/").await;

    browser.keys("?".chars()).await;
    browser.until("document.querySelector('#keys').open").await;
    browser.picture("keys-help").await;
    browser.key(Key::Escape).await;
    browser.until("!document.querySelector('#keys').open").await;

    browser.keys("go".chars()).await;
    browser.until_at("/orders").await;
    browser.keys("jx".chars()).await;
    browser.until("document.querySelector('[data-at] input[data-select]').checked").await;
    assert_eq!(browser.text("[data-chosen-count]").await, "1");
    browser.picture("keys-chosen").await;
    browser.keys("x".chars()).await;
    browser.keys("/".chars()).await;
    browser.until("document.activeElement.matches('input[type=search]')").await;
    browser.keys("鍵盤".chars()).await;
    browser.key(Key::Enter).await;
    browser
        .until("location.search.includes('q=') && document.querySelectorAll('[data-row]').length === 1")
        .await;
    browser.keys("j".chars()).await;
    browser.key(Key::Enter).await;
    browser
        .until("location.pathname.match(/^\\/orders\\/\\d+$/) && document.readyState === 'complete'")
        .await;
    browser.tab_to("at.name === 'carrier'").await;
    browser.keys("日本郵便".chars()).await;
    browser.tab_to("at.name === 'tracking'").await;
    browser.keys("6000-1111-2222".chars()).await;
    browser.tab_to("at.matches('form[action$=\"/ship\"] button')").await;
    browser.key(Key::Enter).await;
    browser.until("document.querySelector('.told')?.innerText.includes('出荷しました')").await;
    stage.shop_knows("honten", &order, |o| o.parcels.iter().any(|p| p.tracking == "6000-1111-2222")).await;
    stage.mailed(&mail_of(buyer), "shipped").await;
    stage.close().await;
}

/// JAN and code of an item of the demo.
const SCANNED: (&str, &str) = ("4901234567924", "CUP-01");

#[tokio::test(flavor = "multi_thread")]
async fn goods_are_received_with_a_phone_and_a_scanner() {
    let Some(stage) = Stage::open().await else { return };
    let browser = first_owner(&stage).await;
    browser.size(PHONE).await;
    let honten = stage.shop("honten");
    let offer = honten.offers().into_iter().find(|o| o.code.as_deref() == Some(SCANNED.1)).unwrap().id;
    let before = honten.shown(&offer).unwrap();
    browser.open("/stock/receive").await;
    browser.until("document.activeElement.matches('[data-scan-input]')").await;
    // A scanner types the digits and Enter, faster than anybody looks at the screen.
    for scans in 1..=3 {
        browser.keys(SCANNED.0.chars()).await;
        browser.key(Key::Enter).await;
        browser.until(&format!("document.querySelector('#slip [name=qty]')?.value === '{scans}'")).await;
        browser
            .until("document.activeElement.matches('[data-scan-input]') && !document.activeElement.value")
            .await;
    }
    browser.keys("4999999999999".chars()).await;
    browser.key(Key::Enter).await;
    browser.until("document.querySelector('#slip [role=alert]')").await;
    assert!(browser.text("#slip").await.contains(SCANNED.1), "what was scanned before is still there");
    browser.picture("scanner").await;
    // The next scan takes the place of what nobody knows.
    browser.keys(SCANNED.0.chars()).await;
    browser.key(Key::Enter).await;
    browser.until("document.querySelector('#slip [name=qty]')?.value === '4'").await;
    assert_eq!(browser.overflow().await, None);
    browser.press("main", "登録").await;
    browser.until("document.querySelector('.told, [role=status].note, .note.ok')").await;
    let shown = || honten.shown(&offer) == Some(before + 4);
    crate::e2e::eventually("the shop shows what came in", super::stage::SOON, async || shown()).await;
    stage.close().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn each_reads_their_own_language() {
    let Some(stage) = Stage::open().await else { return };
    let browser = first_owner(&stage).await;
    assert!(browser.is("document.documentElement.lang === 'ja'").await);
    assert_eq!(browser.text("h1").await, "今日");
    browser.open("/me").await;
    browser.choose("#language", "en").await;
    browser.click("form[action='/me/language'] button").await;
    browser.until("document.documentElement.lang === 'en'").await;
    browser.open("/").await;
    assert_eq!(browser.text("h1").await, "Today");
    browser.click(".me summary").await;
    browser.press(".me", "Log out").await;
    browser.until_at("/login").await;
    log_in(&browser, OWNER.name, OWNER.password).await;
    browser.until_at("/").await;
    assert_eq!(browser.text("h1").await, "Today", "it is kept");
    stage.close().await;
}
