//! What the audit shows of deeds on many things at once.

use banto::domain::catalogue::CountLine;
use banto::domain::people::Role;

use super::Shop;
use crate::stores::{Fresh, each_store};

#[tokio::test]
async fn a_stocktake_shows_each_shelf_that_differed() {
    each_store(async |fresh: &Fresh| {
        let shop = Shop::open(fresh).await;
        let t = &shop.trading;
        t.stock(&[("CUP", 5), ("POT", 2), ("TEA", 1)]).await;
        let line = |(line, (code, counted)): (u64, (&str, i64))| CountLine {
            line,
            code: Some(code.to_owned()),
            gtin: None,
            location: None,
            counted,
        };
        let count = async |counted: &[(&'static str, i64)]| {
            let lines: Vec<_> = (1..).zip(counted.iter().copied()).map(line).collect();
            let place = t.store.locations().await.unwrap().remove(0);
            let plan = t.store.plan_count(&lines, &place, false).await.unwrap();
            let by = ("user:aki", "count.csv");
            assert_eq!(t.store.commit_count(&plan.rows, None, by, t.now()).await.unwrap(), [0; 0]);
        };
        count(&[("CUP", 3), ("POT", 2), ("TEA", 4)]).await;
        let noted = "SELECT COUNT(*) FROM audit WHERE action = 'stock_count' AND subject = 'count.csv' \
            AND before_state = '{\"CUP at main\":5,\"TEA at main\":1}' \
            AND after_state = '{\"CUP at main\":3,\"TEA at main\":4}'";
        assert_eq!(fresh.number(noted).await, 1);
        let page = shop.browser(Role::ReadOnly).await.page("/audit?action=stock_count").await;
        for shown in ["CUP at main: <del>5</del> → <ins>3</ins>", "<del>1</del> → <ins>4</ins>"] {
            assert!(page.contains(shown), "{shown}: {page}");
        }
        assert!(!page.contains("POT at main"), "nothing changed there: {page}");
        // Where nothing differed, nothing is shown.
        count(&[("CUP", 3)]).await;
        let same = "SELECT COUNT(*) FROM audit WHERE action = 'stock_count' AND before_state IS NULL";
        assert_eq!(fresh.number(same).await, 1);
    })
    .await;
}
