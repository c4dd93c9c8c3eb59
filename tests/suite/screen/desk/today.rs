//! Today names each kind of trouble, with the next action on it.

use banto::domain::people::Role;
use banto::store::Alert;
use banto_channel::{Bilingual, Payment, Read, Timestamp};

use super::{NASTY, Shop};
use crate::stores::{Fresh, each_store};
use crate::trading::raw;

const DAY: i64 = 86_400_000_000;

#[tokio::test]
async fn all_is_well_until_something_is_not() {
    each_store(async |fresh: &Fresh| {
        let shop = Shop::open(fresh).await;
        let browser = shop.browser(Role::Staff).await;
        let calm = browser.page("/").await;
        assert!(calm.contains("All is well") && !calm.contains("id=\"need-"), "{calm}");
        plant(fresh, &shop).await;
        let page = browser.page("/").await;
        for (key, href) in [
            ("short", "/orders?tab=short"),
            ("held", "/orders?tab=held"),
            ("late", "/orders?tab=late"),
            ("due", "/orders?tab=ship"),
            ("unpaid", "/orders?tab=unpaid"),
            ("lines", "/orders?tab=unmatched"),
            ("listings", "/listings"),
            ("quarantine", "/quarantine"),
            ("uncertain", "/mails?tab=uncertain"),
            ("refused", "/mails?tab=refused"),
            ("dead", "/queue?tab=dead"),
            ("guard-honten", "/channels/honten/diff"),
            ("pull-honten", "/channels/honten"),
            ("expiry-honten", "/channels/honten/credentials"),
        ] {
            let line = page.split_once(&format!("id=\"need-{key}\"")).unwrap_or_else(|| panic!("no {key}")).1;
            let line = line.split("</tr>").next().unwrap();
            assert!(line.contains(&format!("class=\"button\" href=\"{href}\"")), "{key}: {line}");
        }
        assert!(!page.contains(NASTY), "what others wrote stays text");
        // Each place that a line leads to is there.
        for href in ["/mails?tab=refused", "/queue?tab=dead", "/channels/honten", "/channels/honten/diff"] {
            assert!(!browser.page(href).await.contains(NASTY), "{href}");
        }
    })
    .await;
}

async fn plant(fresh: &Fresh, shop: &Shop) {
    let (trading, store) = (&shop.trading, &shop.trading.store);
    trading.stock(&[("CUP", 0)]).await;
    let short = trading.order(trading.remote("1", &[("CUP", 1)])).await;
    let held = trading.order(trading.remote("2", &[("NEVER-SEEN", 1)])).await;
    store.hold_order(&trading.act(held), NASTY).await.unwrap();
    for (id, ship_by) in [("3", trading.now().0 - 2 * DAY), ("4", trading.now().0)] {
        let mut order = trading.remote(id, &[("NEVER-SEEN", 1)]);
        order.ship_by = Some(Timestamp(ship_by));
        trading.order(raw(order)).await;
    }
    let mut unpaid = trading.remote("5", &[("NEVER-SEEN", 1)]);
    (unpaid.payment, unpaid.placed_at) = (Payment::Awaiting, Timestamp(trading.now().0 - 8 * DAY));
    trading.order(raw(unpaid)).await;
    let odd = Read::Unreadable { id: None, reason: Bilingual::quoted(NASTY), raw: "{".to_owned() };
    store.take_page(&trading.facts, &[odd], None, trading.now()).await.unwrap();
    let set = |state: &str, order: i64| format!("UPDATE mail SET state = '{state}' WHERE order_id = {order}");
    fresh.run(&set("uncertain", short)).await;
    fresh.run(&set("refused", held)).await;
    fresh.run("UPDATE job SET state = 'dead', last_error = 'x'").await;
    let now = trading.now().0;
    let channel = format!(
        "UPDATE channel SET stopped = '{NASTY}', pull_error = 'no answer (unreachable)', pull_failed_since = {now}, \
         credentials_expire = {} WHERE name = 'honten'",
        now + DAY
    );
    fresh.run(&channel).await;
    let listing = format!(
        "INSERT INTO listing (id, channel_id, remote_id, title, active, per, ignored, sent_version, shown_version, tries) \
         VALUES (900001, {}, 'L-1', '{NASTY}', true, 1, false, 0, 0, 0)",
        trading.facts.id
    );
    fresh.run(&listing).await;
    let alert = Alert {
        key: "push:honten",
        channel: Some(trading.facts.id),
        kind: "push_failed",
        detail: &Bilingual::quoted(NASTY),
    };
    store.raise(&alert, trading.now()).await.unwrap();
}

#[tokio::test]
async fn sales_are_compared_with_the_same_time_last_week() {
    each_store(async |fresh: &Fresh| {
        let shop = Shop::open(fresh).await;
        let trading = &shop.trading;
        let place = async |id: &str, back: i64, units: i64| {
            let mut order = trading.remote(id, &[("NEVER-SEEN", units)]);
            order.placed_at = Timestamp(trading.now().0 - back);
            trading.order(raw(order)).await
        };
        place("1", 1_000_000, 3).await;
        place("2", 7 * DAY + 1_000_000, 5).await;
        // Later that day last week, and the day before: neither counts.
        place("3", 7 * DAY - 1_000_000, 7).await;
        let gone = place("4", 1_000_000, 9).await;
        trading.store.cancel_order(&trading.act(gone), "sold out", "").await.unwrap();
        let now = trading.now();
        let sales = trading.store.desk_sales(Timestamp(now.0 - 2_000_000), now).await.unwrap();
        assert_eq!(sales.iter().map(|s| (s.orders, s.total)).collect::<Vec<_>>(), [(1, 300)]);
        let page = shop.browser(Role::ReadOnly).await.page("/").await;
        let row = page.split_once("data-href=\"/channels/honten\"").unwrap().1.split("</tr>").next().unwrap();
        assert!(row.contains("¥300") && row.contains("¥500") && !row.contains("¥1,200"), "{row}");
    })
    .await;
}
