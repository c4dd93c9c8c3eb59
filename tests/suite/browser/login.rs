//! From the first run to the last logout.

use std::time::Duration;

use banto::clock::SystemClock;
use banto::keys::OneTime;
use banto_channel::{Clock, Timestamp};

use super::driver::Browser;
use super::people::{OWNER, log_in, set_up, setup_code};
use super::stage::Stage;

/// Who is told to be logged in.
async fn is_in(browser: &Browser) {
    browser.until_at("/").await;
    assert_eq!(browser.text(".me summary").await.trim(), OWNER.name);
}

async fn log_out(browser: &Browser) {
    browser.click(".me summary").await;
    browser.press(".me", "ログアウト").await;
    browser.until_at("/login").await;
}

#[tokio::test(flavor = "multi_thread")]
async fn from_the_first_run_to_the_last_logout() {
    let Some(stage) = Stage::open().await else { return };
    let browser = stage.browser().await;
    browser.open("/orders").await;
    browser.until_at("/setup").await;
    browser.picture("flow-setup").await;
    set_up(&browser, &OWNER, "not-the-code").await;
    browser.until("document.querySelector('[role=alert]')?.innerText.includes('セットアップコード')").await;
    assert!(
        browser
            .is("document.querySelector('#full_name').value && !document.querySelector('#password').value")
            .await
    );
    set_up(&browser, &OWNER, &setup_code(&stage).await).await;
    is_in(&browser).await;
    browser.picture("flow-first-today").await;

    log_out(&browser).await;
    browser.open("/stock?q=TEA").await;
    browser.until_at("/login").await;
    log_in(&browser, OWNER.name, "not-the-password").await;
    browser.until("document.querySelector('[role=alert]')?.innerText.includes('違います')").await;
    browser.picture("flow-login-refused").await;
    assert!(!browser.path().await.contains("not-the-password"));
    log_in(&browser, OWNER.name, OWNER.password).await;
    browser.until_at("/stock").await;
    assert_eq!(browser.path().await, "/stock?q=TEA", "on to where they wanted");

    with_a_phone(&browser).await;
    log_out(&browser).await;
    browser.client.back().await.unwrap();
    browser.open("/").await;
    browser.until_at("/login").await;
    // The refused tries, and nothing else, is what the console speaks of.
    let said: Vec<String> =
        browser.console().await.into_iter().filter(|s| !s.contains("the server responded")).collect();
    assert_eq!(said, Vec::<String>::new());
    stage.close().await;
}

/// The owner sets one-time codes up: from then on a password alone lets nobody in, and each code does so once.
async fn with_a_phone(browser: &Browser) {
    browser.open("/me/totp").await;
    browser.picture("flow-totp").await;
    let secret = browser.find("main code").await.text().await.unwrap().replace(' ', "");
    let first = code(&secret, 0);
    browser.fill("#code", &first).await;
    browser.fill("#password", OWNER.password).await;
    browser.click("form button.primary").await;
    browser.until_at("/me").await;
    // The code that switched codes on is used up as well; the phone shows another within half a minute.
    while code(&secret, 0) == first {
        tokio::time::sleep(Duration::from_millis(200)).await;
    }
    log_out(browser).await;
    log_in(browser, OWNER.name, OWNER.password).await;
    browser.until("document.querySelector('[role=alert]')").await;
    let (now, next) = (code(&secret, 0), code(&secret, 1));
    browser.fill("#code", &now).await;
    log_in(browser, OWNER.name, OWNER.password).await;
    is_in(browser).await;
    log_out(browser).await;
    browser.fill("#code", &now).await;
    log_in(browser, OWNER.name, OWNER.password).await;
    browser.until("document.querySelector('[role=alert]') && !document.querySelector('#code').value").await;
    browser.fill("#code", &next).await;
    log_in(browser, OWNER.name, OWNER.password).await;
    is_in(browser).await;
}

/// What the phone shows now, or some steps of half a minute later.
fn code(secret: &str, later: i64) -> String {
    let Timestamp(now) = SystemClock::new(Duration::ZERO).now();
    let phone = OneTime::typed(secret, "", OWNER.name).unwrap();
    phone.code(Timestamp(now + 30_000_000 * later))
}
