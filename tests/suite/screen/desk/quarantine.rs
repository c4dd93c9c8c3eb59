//! What nobody could understand: shown as it came, closed by hand, or gone by itself once it is understood.

use banto::domain::people::Role;
use banto_channel::{Read, both};

use super::{NASTY, Shop};
use crate::stores::{Fresh, each_store};

impl Shop {
    /// The channel tells an order that nobody can understand; returns its key in quarantine.
    async fn garbled(&self, id: &str, raw: &str) -> i64 {
        let reason = both!("total is {NASTY}", "合計が不正です: {NASTY}");
        let page = [Read::Unreadable { id: Some(id.into()), reason, raw: raw.to_owned() }];
        let report =
            self.trading.store.take_page(&self.trading.facts, &page, None, self.trading.now()).await.unwrap();
        assert_eq!(report.quarantined.len(), 1);
        self.trading.store.quarantined(100).await.unwrap().last().unwrap().id
    }
}

#[tokio::test]
async fn what_was_not_understood_is_shown_as_text() {
    each_store(async |fresh: &Fresh| {
        let shop = Shop::open(fresh).await;
        let json = format!("{{\"total\":\"{NASTY}\",\"note\":\"たくさん\"}}");
        // As JSON, and as what is no JSON at all.
        let ids = [shop.garbled(NASTY, &json).await, shop.garbled("78", &format!("<mark>{NASTY}")).await];
        let staff = shop.browser(Role::Staff).await;
        let list = staff.page("/quarantine").await;
        assert!(!list.contains("<script>alert"), "{list}");
        for id in ids {
            let path = format!("/quarantine/{id}");
            assert!(list.contains(&format!("href=\"{path}\"")), "{list}");
            let page = staff.page(&path).await;
            assert!(!page.contains("<script>alert") && !page.contains("<mark>"), "{page}");
            assert!(page.matches("&#60;script&#62;alert(1)").count() >= 2, "reason and payload: {page}");
            assert!(page.contains(&format!("action=\"{path}/close\"")), "{page}");
        }
        assert!(staff.page(&format!("/quarantine/{}", ids[0])).await.contains("たくさん"));
        staff.get("/quarantine/999999").await.expect(404);
        let looker = shop.browser(Role::ReadOnly).await;
        looker.get("/quarantine").await.expect(200);
        looker.get(&format!("/quarantine/{}", ids[0])).await.expect(403);
        let close = format!("/quarantine/{}/close", ids[0]);
        looker.post(&close, &[("reason", "x")]).await.expect(403);
        assert_eq!(shop.site.stranger().get(&format!("/quarantine/{}", ids[0])).await.status, 303);
        assert_eq!(shop.trading.store.quarantined(10).await.unwrap().len(), 2, "nobody closed any");
    })
    .await;
}

#[tokio::test]
async fn it_is_dealt_with_by_hand_or_by_being_understood() {
    each_store(async |fresh: &Fresh| {
        let shop = Shop::open(fresh).await;
        let (dropped, retried) = (shop.garbled("77", "{}").await, shop.garbled("78", "[]").await);
        let staff = shop.browser(Role::Staff).await;
        let path = format!("/quarantine/{dropped}");
        let close =
            async |reason: &str| staff.post(&format!("{path}/close"), &[("reason", reason)]).await.status;
        assert_eq!(close(" ").await, 422, "what was done has to be said");
        assert_eq!(close("entered by hand").await, 303);
        assert_eq!(close("entered by hand").await, 404, "it waits no more");
        let page = staff.page(&path).await;
        assert!(page.contains("understood or dealt with since") && !page.contains("/close\""), "{page}");
        let noted = "SELECT COUNT(*) FROM audit WHERE actor = 'user:staff' AND action = 'quarantine_close' \
            AND detail = 'entered by hand'";
        assert_eq!(fresh.number(noted).await, 1);
        // The channel tells the other one again, and it is understood now.
        shop.trading.order(shop.trading.remote("78", &[("CUP", 1)])).await;
        let page = staff.page(&format!("/quarantine/{retried}")).await;
        assert!(page.contains("understood or dealt with since"), "{page}");
        let list = staff.page("/quarantine").await;
        assert!(list.contains("Every order was understood"), "{list}");
    })
    .await;
}
