//! A day's work: orders come in by themselves, people say what is to be done, shops and buyers learn of it.

use banto_channel::Payment;
use fantoccini::key::Key;
use serde_json::json;

use super::driver::{Browser, PHONE};
use super::people::{STAFF, busy_house, first_owner, joined};
use super::stage::{Stage, mail_of};

/// Marks the page that is open; a reload would lose it.
async fn mark(browser: &Browser) {
    browser.js("window.notReloaded = true", Vec::new()).await;
}

async fn is_same_page(browser: &Browser) {
    assert!(browser.is("window.notReloaded").await, "the page was loaded anew");
}

/// Waits for the row of a buyer's order in the list that is open.
async fn row_of(browser: &Browser, buyer: &str) {
    let buyer = json!(buyer);
    browser
        .until(&format!(
            "[...document.querySelectorAll('[data-row]')].some(r => r.innerText.includes({buyer}))"
        ))
        .await;
}

/// Opens the order of a buyer from the list, with the mouse.
async fn open_order(browser: &Browser, buyer: &str) {
    browser.open("/orders").await;
    row_of(browser, buyer).await;
    let link = "const row = [...document.querySelectorAll('[data-row]')].find(r => r.innerText.includes(arguments[0]));
        return row?.querySelector('th a')";
    browser.click_found(link, vec![json!(buyer)], "the buyer's order").await;
    browser
        .until("location.pathname.match(/^\\/orders\\/\\d+$/) && document.readyState === 'complete'")
        .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn from_a_new_order_to_the_parcel() {
    let Some(stage) = Stage::open().await else { return };
    let browser = first_owner(&stage).await;
    browser.open("/orders").await;
    browser.until("document.querySelector('[data-live-state]').dataset.liveState === 'on'").await;
    mark(&browser).await;
    let buyer = "髙﨑 花子";
    let order = stage.buy("honten", ("CUP-01", 2), buyer, false);
    row_of(&browser, buyer).await;
    is_same_page(&browser).await;
    stage.mailed(&mail_of(buyer), "received").await;
    browser.picture("day-1-new-order").await;

    open_order(&browser, buyer).await;
    browser.until_says("湯呑 青").await;
    browser.press("main", "入金済みにする").await;
    browser.say_yes().await;
    browser.until("document.querySelector('.told')?.innerText.includes('入金済みにしました')").await;
    stage.shop_knows("honten", &order, |o| o.payment == Payment::Paid).await;
    stage.mailed(&mail_of(buyer), "paid").await;
    // What the shop makes of it comes back as a change of the order, which the page shows as it comes.
    browser.until("document.querySelector('#timeline').innerText.includes('processing')").await;
    browser.picture("day-2-paid").await;
    open_order(&browser, buyer).await;

    // What one sees of a parcel is told to the shop, and the buyer hears of it.
    browser.fill("[name=carrier]", "ヤマト運輸").await;
    browser.fill("[name=tracking]", "4000-1234-5678").await;
    browser.click("form[action$='/ship'] button").await;
    browser.until("document.querySelector('.told')?.innerText.includes('出荷しました')").await;
    mark(&browser).await;
    let told = |o: &banto_sim::MarketOrder| {
        o.parcels.iter().any(|p| p.tracking == "4000-1234-5678" && p.carrier.contains("ヤマト"))
    };
    stage.shop_knows("honten", &order, told).await;
    stage.mailed(&mail_of(buyer), "shipped").await;
    browser.until("document.querySelector('#timeline').innerText.match(/メール送信/g)?.length === 3").await;
    is_same_page(&browser).await;
    browser.picture("day-3-shipped").await;
    browser.open("/").await;
    browser.picture("day-4-today").await;
    assert_eq!(browser.console().await, Vec::<String>::new());
    stage.close().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn pages_live_and_lose_nothing_that_somebody_does() {
    let Some(stage) = Stage::open().await else { return };
    busy_house(&stage).await;
    let browser = first_owner(&stage).await;
    browser.size(PHONE).await;
    browser.open("/orders").await;
    browser.until("document.querySelector('[data-live-state]').dataset.liveState === 'on'").await;
    mark(&browser).await;
    // Somebody is in the middle of the list, with two orders chosen.
    browser.keys("jxjjx".chars()).await;
    let state = "[...document.querySelectorAll('input[data-select]:checked')].map(b => b.value.split(':')[0]).join() + ' '
        + document.querySelector('[data-at]').dataset.href";
    let before = browser.js(&format!("scrollTo(0, 400); return {state}"), Vec::new()).await;
    assert_eq!(before.as_str().map(|text| text.matches(',').count()), Some(1), "two are chosen: {before}");
    stage.buy("honten", ("TEA-01", 1), "新規 太郎", true);
    row_of(&browser, "新規 太郎").await;
    is_same_page(&browser).await;
    assert_eq!(browser.js(&format!("return {state}"), Vec::new()).await, before);
    assert!(browser.is("scrollY >= 300").await, "the list has not jumped");

    // Somebody is writing a note about an order while the shop changes it.
    let order = stage.buy("honten", ("TEA-02", 1), "取消 次郎", true);
    open_order(&browser, "取消 次郎").await;
    browser.until("document.querySelector('[data-live-state]').dataset.liveState === 'on'").await;
    mark(&browser).await;
    browser.fill("[name=note]", "お電話あり。折り返し").await;
    stage.shop("honten").cancel(&order);
    browser.until("document.querySelector('#timeline').innerText.includes('キャンセル')").await;
    is_same_page(&browser).await;
    assert!(browser.is("document.activeElement.name === 'note'").await);
    browser.keys("します".chars()).await;
    assert!(browser.is("document.activeElement.value === 'お電話あり。折り返しします'").await);
    browser.key(Key::Escape).await;
    stage.close().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn two_people_cannot_undo_each_other() {
    let Some(stage) = Stage::open().await else { return };
    let owner = first_owner(&stage).await;
    let staff = joined(&stage, &owner, &STAFF).await;
    let buyer = "二人 見子";
    let order = stage.buy("honten", ("POT-01", 1), buyer, true);
    open_order(&owner, buyer).await;
    open_order(&staff, buyer).await;
    assert!(staff.is("document.documentElement.lang === 'en'").await, "each reads their own language");

    owner.fill("[name=carrier]", "佐川急便").await;
    owner.fill("[name=tracking]", "5000-0000-0001").await;
    owner.click("form[action$='/ship'] button").await;
    owner.until("document.querySelector('.told')").await;

    staff.press("main", "Put on hold").await;
    staff.fill("[name=reason]", "the buyer wants another colour").await;
    staff.click("form[action$='/hold'] button").await;
    staff.until("document.querySelector('[role=alert]')?.innerText.includes('shipped')").await;
    assert!(staff.text("[role=alert]").await.contains("aki"), "it says who was quicker");
    staff.picture("two-people-refused").await;
    stage.shop_knows("honten", &order, |o| o.parcels.len() == 1).await;
    owner.open(&owner.path().await).await;
    assert!(!owner.is("document.querySelector('h1').innerText.includes('保留')").await);
    stage.close().await;
}
