//! A form that books something books once, however often it is sent.

use super::stock::{Shop, hidden};
use crate::stores::each_store;

#[tokio::test]
async fn a_slip_that_is_sent_twice_is_booked_once() {
    each_store(async |fresh| {
        let shop = Shop::open(fresh).await;
        let (t, staff) = (&shop.t, shop.staff().await);
        let key = hidden(&staff.page("/stock/receive").await, "key");
        let post = async |key: &str, code: &str, quantity: &str, act: &str| {
            let form = [("key", key), ("code", code), ("qty", quantity), ("act", act), ("at", "main")];
            staff.post("/stock/receive", &form).await
        };
        let added = post(&key, "TEA", "4", "add").await.expect(200).body;
        assert_eq!(hidden(&added, "key"), key, "a slip keeps its key while it is filled");
        let refused = post(&key, "NONE", "4", "book").await.expect(200).body;
        assert!(refused.contains("Nothing was booked"), "{refused}");
        assert_eq!(hidden(&refused, "key"), key, "what was refused may be booked when it is mended");
        for told in ["Booked 4 units of 1 item at 本店", "This was booked already"] {
            post(&key, "TEA", "4", "book").await.expect(303);
            let page = staff.page("/stock/receive").await;
            assert!(page.contains(told), "{told}: {page}");
            assert_ne!(hidden(&page, "key"), key, "the next slip is another one");
            assert_eq!(t.level("TEA").await, (14, 0, 0));
        }
        let other = post(&key, "TEA", "5", "book").await.expect(200).body;
        assert!(
            other.contains("sent before with something else in it") && other.contains("value=\"5\""),
            "{other}"
        );
        // The answer was lost on the way, or the daemon fell over right after the booking.
        fresh.run("UPDATE api_request SET status = NULL, body = NULL, claimed_until = 0").await;
        post(&key, "TEA", "4", "book").await.expect(303);
        assert!(staff.page("/stock/receive").await.contains("This was booked already"));
        // A page from before slips had keys.
        let old = post("", "TEA", "4", "book").await.expect(200).body;
        assert!(old.contains("older version") && !hidden(&old, "key").is_empty(), "{old}");
        assert_eq!(t.level("TEA").await, (14, 0, 0), "all of this booked nothing");
        let at_once = hidden(&old, "key");
        tokio::join!(post(&at_once, "TEA", "1", "book"), post(&at_once, "TEA", "1", "book"));
        assert_eq!(t.level("TEA").await, (15, 0, 0));
        assert_eq!(fresh.number("SELECT COUNT(*) FROM audit WHERE action = 'stock_received'").await, 2);
        assert!(t.store.tokens().await.unwrap().is_empty(), "the screen is no program");
        assert!(t.store.token("", t.now()).await.unwrap().is_none(), "and opens nothing");
        assert_eq!(t.store.verify_ledger().await.unwrap(), []);
    })
    .await;
}

#[tokio::test]
async fn a_count_that_is_sent_twice_is_written_once() {
    each_store(async |fresh| {
        let shop = Shop::open(fresh).await;
        let (t, staff) = (&shop.t, shop.staff().await);
        let as_of = hidden(&staff.page("/stock/count").await, "as_of");
        let list = [("as_of", &*as_of), ("code", "TEA"), ("qty", "9"), ("act", "book")];
        let plan = staff.post("/stock/count", &list).await.expect(200).body;
        let key = hidden(&plan, "key");
        let form = [
            ("sheet", sheet_of(&plan)),
            ("at", ""),
            ("name", "scanner"),
            ("as_of", &*as_of),
            ("act", "all"),
            ("key", &*key),
        ];
        for told in ["1 shelves counted, 1 differed", "This was booked already"] {
            staff.post("/stock/count/commit", &form).await.expect(303);
            let page = staff.page("/stock/count").await;
            assert!(page.contains(told), "{told}: {page}");
            assert_eq!(t.level("TEA").await, (9, 0, 0));
        }
        assert_eq!(fresh.number("SELECT COUNT(*) FROM audit WHERE action = 'stock_count'").await, 1);
        // A count that was refused, because goods moved, may be sent again.
        let as_of = hidden(&staff.page("/stock/count").await, "as_of");
        let list = [("as_of", &*as_of), ("code", "TEA"), ("qty", "7"), ("act", "book")];
        let plan = staff.post("/stock/count", &list).await.expect(200).body;
        t.order(t.remote("1", &[("TEA", 1)])).await;
        let key = hidden(&plan, "key");
        let form = [
            ("sheet", sheet_of(&plan)),
            ("at", ""),
            ("name", "scanner"),
            ("as_of", &*as_of),
            ("act", "all"),
            ("key", &*key),
        ];
        for _ in 0..2 {
            let page = staff.post("/stock/count/commit", &form).await.expect(200).body;
            assert!(page.contains("Nothing was written: 1 shelves moved"), "{page}");
            assert_ne!(hidden(&page, "key"), key, "the page with both ways out is a new form");
        }
        assert_eq!(t.level("TEA").await, (8, 1, 0));
    })
    .await;
}

#[tokio::test]
async fn a_movement_on_an_items_page_that_is_sent_twice_is_booked_once() {
    each_store(async |fresh| {
        let shop = Shop::open(fresh).await;
        let (t, staff) = (&shop.t, shop.staff().await);
        let post = async |key: &str, what: &str, quantity: &str, seen: &str| {
            let form = [("key", key), ("what", what), ("quantity", quantity), ("at", "main"), ("seen", seen)];
            staff.post("/stock/TEA/move", &form).await
        };
        let again = "This was booked already";
        for (what, quantity, told, level) in [
            ("receive", "4", "TEA at 本店: on hand 10 → 14", (14, 0, 0)),
            ("write_off", "3", "TEA at 本店: on hand 14 → 11", (11, 0, 0)),
            ("write_off_reserved", "1", "TEA at 本店: on hand 11 → 10", (10, 0, 0)),
            ("set", "8", "TEA at 本店: on hand 10 → 8", (8, 0, 0)),
        ] {
            let page = staff.page("/stock/TEA").await;
            let (key, seen) = (hidden(&page, "key"), hidden(&page, "seen"));
            for told in [told, again] {
                post(&key, what, quantity, &seen).await.expect(303);
                let page = staff.page("/stock/TEA").await;
                assert!(page.contains(told), "{what}: {told}: {page}");
                assert_ne!(hidden(&page, "key"), key, "the next movement is another one");
                assert_eq!(t.level("TEA").await, level, "{what}");
            }
            // Something else on the same page, gone back to: it is asked about, not booked.
            let other = post(&key, what, "2", &seen).await.expect(409).body;
            assert!(other.contains("sent before with something else in it"), "{other}");
            assert!(other.contains("value=\"2\"") && hidden(&other, "key") == key, "{other}");
        }
        // What was refused may be sent again when it is mended.
        let key = hidden(&staff.page("/stock/TEA").await, "key");
        let refused = post(&key, "write_off", "99", "").await.expect(409).body;
        assert_eq!(hidden(&refused, "key"), key);
        post(&key, "write_off", "1", "").await.expect(303);
        // The answer was lost on the way, or the daemon fell over right after the booking.
        fresh.run("UPDATE api_request SET status = NULL, body = NULL, claimed_until = 0").await;
        post(&key, "write_off", "1", "").await.expect(303);
        assert!(staff.page("/stock/TEA").await.contains(again));
        // A page from before the form had a key.
        let old = post("", "write_off", "1", "").await.expect(409).body;
        assert!(old.contains("older version") && !hidden(&old, "key").is_empty(), "{old}");
        assert_eq!(t.level("TEA").await, (7, 0, 0));
        let at_once = hidden(&old, "key");
        tokio::join!(post(&at_once, "receive", "1", ""), post(&at_once, "receive", "1", ""));
        assert_eq!(t.level("TEA").await, (8, 0, 0));
        assert_eq!(t.store.verify_ledger().await.unwrap(), []);
    })
    .await;
}

fn sheet_of(plan: &str) -> &str {
    plan.split_once("<textarea name=\"sheet\" hidden>").unwrap().1.split_once('<').unwrap().0
}
