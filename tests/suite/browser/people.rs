//! Who sits before the screen, and what a house is like in which much happens.

use std::time::Duration;

use banto_sim::{Trade, TradeRates};

use super::driver::Browser;
use super::stage::{SOON, Stage};

/// Somebody of the house.
pub struct Person {
    /// What they log in with.
    pub name: &'static str,
    pub full_name: &'static str,
    pub password: &'static str,
    pub language: &'static str,
}

/// Who makes themselves the owner.
pub const OWNER: Person =
    Person { name: "aki", full_name: "髙橋 亜紀", password: "aki-no-himitsu-24", language: "ja" };
/// Who does the daily work, and reads English.
pub const STAFF: Person =
    Person { name: "ken", full_name: "Ken Tanaka", password: "ken-no-himitsu-25", language: "en" };

/// A set-up code, as `banto users setup-code` gives it.
pub async fn setup_code(stage: &Stage) -> String {
    let made = stage.command(&["users", "setup-code"]).await;
    made["code"].as_str().unwrap().to_owned()
}

/// Fills in the page of the first run, and sends it.
pub async fn set_up(browser: &Browser, person: &Person, code: &str) {
    browser.fill("#code", code).await;
    browser.fill("#name", person.name).await;
    browser.fill("#full_name", person.full_name).await;
    browser.fill("#password", person.password).await;
    browser.fill("#again", person.password).await;
    browser.choose("#language", person.language).await;
    browser.click("form button.primary").await;
}

/// The owner makes themselves known, and stands before Today.
pub async fn first_owner(stage: &Stage) -> Browser {
    let browser = stage.browser().await;
    browser.open("/setup").await;
    set_up(&browser, &OWNER, &setup_code(stage).await).await;
    browser.until_at("/").await;
    browser
}

/// Fills in the login, and sends it.
pub async fn log_in(browser: &Browser, name: &str, password: &str) {
    browser.fill("#name", name).await;
    browser.fill("#password", password).await;
    browser.click("form button.primary").await;
}

/// The owner lets somebody in, who then logs in, in a browser of their own.
pub async fn joined(stage: &Stage, owner: &Browser, person: &Person) -> Browser {
    owner.open("/users").await;
    owner.fill("#full_name", person.full_name).await;
    owner.fill("#name", person.name).await;
    owner.fill("#password", person.password).await;
    owner.choose("#role", "staff").await;
    owner.choose("#language", person.language).await;
    owner.click("section form button.primary").await;
    owner.until_says(person.full_name).await;
    let browser = stage.browser().await;
    browser.open("/").await;
    browser.until_at("/login").await;
    log_in(&browser, person.name, person.password).await;
    browser.until_at("/").await;
    browser
}

/// Trades until there is something of everything to look at: orders in every state, a shortfall, a shop that refuses
/// the house's credentials.
pub async fn busy_house(stage: &Stage) {
    let mut trade =
        Trade::new(7, stage.house.markets(), TradeRates { paid_at_once: 60, ..TradeRates::usual() });
    for _ in 0..150 {
        trade.step();
    }
    stage.oversell("honten", ("CUP-02", 90), "品薄 待子");
    let unfinished = stage.house.at_rest(SOON, Duration::from_millis(100)).await.unwrap();
    eprintln!("the busy house, still to be done: {unfinished:?}");
    stage.shop("vendure").accept_credentials(false);
}
