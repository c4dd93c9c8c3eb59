//! Orders are found by whatever somebody has of them, and by nothing that they were.

use banto::domain::deeds::Shipment;
use banto::domain::search::Query;
use banto::store::Store;
use banto_channel::Fulfilment;

use crate::stores::{Fresh, each_store};
use crate::trading::{Trading, raw};

async fn found(store: &Store, text: &str) -> Vec<i64> {
    store.search_orders(&Query::parse(text), i64::MAX).await.unwrap().orders
}

/// Everything that was written is followed.
async fn follow(trading: &Trading) -> usize {
    let mut all = 0;
    loop {
        let orders = trading.store.project(500, trading.now()).await.unwrap();
        if orders == 0 {
            return all;
        }
        all += orders;
    }
}

#[tokio::test]
async fn an_order_is_found_by_everything_that_people_have_of_it() {
    each_store(async |fresh: &Fresh| {
        let trading = Trading::live(fresh).await;
        trading.stock(&[("CUP-BLUE", 5)]).await;
        let mut remote = trading.remote("000123", &[("CUP-BLUE", 1)]);
        remote.buyer.phone = "090-1234-5678".to_owned();
        remote.ship_to.phone = "+81 3 1234 5678".to_owned();
        remote.ship_to.name_kana = "ﾀｶｻｷ ﾊﾅｺ".to_owned();
        remote.lines[0].listing = Some("SHOP-77".into());
        let order = trading.order(raw(remote)).await;
        let mut other = trading.remote("9", &[("TEA", 1)]);
        (other.buyer.name, other.ship_to.name, other.bill_to.name) =
            ("Taro Sato".to_owned(), "佐藤太郎".to_owned(), String::new());
        let other = trading.order(raw(other)).await;
        trading
            .store
            .ship_order(
                &trading.act(order),
                &Shipment {
                    carrier: "ヤマト運輸".into(),
                    tracking: "1234-5678-9012".into(),
                    ..Shipment::default()
                },
            )
            .await
            .unwrap();
        assert_eq!(
            found(&trading.store, "高崎").await,
            Vec::<i64>::new(),
            "nothing is found before the projection ran"
        );
        assert_eq!(follow(&trading).await, 2);
        for text in [
            "N-000123",
            "n000123",
            "000123",
            "123",
            "髙﨑 花子",
            "高崎　花子",
            "花子",
            "高崎花子",
            "たかさき",
            "タカサキ ハナコ",
            "buyer-000123@example.jp",
            "BUYER-000123@",
            "090-1234-5678",
            "09012345678",
            "090 1234 5678",
            "+81 90-1234-5678",
            "03-1234-5678",
            "123456789012",
            "1234-5678-9012",
            "cup-blue",
            "ＣＵＰ‐ＢＬＵＥ",
            "shop-77",
            "花子 cup",
        ] {
            assert_eq!(found(&trading.store, text).await, [order], "{text}");
        }
        for text in ["sato", "taro sato", "太郎", "佐藤"] {
            assert_eq!(found(&trading.store, text).await, [other], "{text}");
        }
        assert_eq!(found(&trading.store, "n").await, [other, order], "newest first");
        for text in ["花子 tea", "崎", "999", "", "-"] {
            assert_eq!(found(&trading.store, text).await, Vec::<i64>::new(), "{text}");
        }
    })
    .await;
}

#[tokio::test]
async fn what_an_order_was_finds_it_no_more() {
    each_store(async |fresh: &Fresh| {
        let trading = Trading::live(fresh).await;
        let mut remote = trading.remote("1", &[("TEA", 1)]);
        let order = trading.order(remote.clone()).await;
        follow(&trading).await;
        assert_eq!(found(&trading.store, "高崎").await, [order]);
        remote.buyer.name = "山田 太郎".to_owned();
        (remote.ship_to.name, remote.bill_to.name) = ("山田 太郎".to_owned(), "山田 太郎".to_owned());
        trading.take(vec![raw(remote.clone())]).await;
        assert_eq!(found(&trading.store, "高崎").await, [order], "as it was, until the projection ran");
        assert_eq!(follow(&trading).await, 1);
        assert_eq!(found(&trading.store, "高崎").await, Vec::<i64>::new());
        assert_eq!(found(&trading.store, "山田").await, [order]);
        let terms = fresh.number("SELECT CAST(COUNT(*) AS BIGINT) FROM order_term").await;
        remote.fulfilment = Fulfilment::Cancelled;
        trading.take(vec![raw(remote)]).await;
        assert_eq!(follow(&trading).await, 1);
        assert_eq!(fresh.number("SELECT CAST(COUNT(*) AS BIGINT) FROM order_term").await, terms);
        assert_eq!(follow(&trading).await, 0, "what was followed is not followed again");
    })
    .await;
}

/// An order that is written while others are followed is followed by the next round.
#[tokio::test]
async fn an_order_written_meanwhile_is_not_lost() {
    each_store(async |fresh: &Fresh| {
        let trading = Trading::live(fresh).await;
        let first: Vec<_> = (0..40).map(|n| trading.remote(&format!("A{n}"), &[("TEA", 1)])).collect();
        trading.take(first).await;
        let (store, now) = (trading.store.clone(), trading.now());
        let following = tokio::spawn(async move {
            let mut followed = 0;
            while followed < 80 {
                followed += store.project(7, now).await.unwrap();
                tokio::task::yield_now().await;
            }
        });
        for n in 0..40 {
            trading.take(vec![trading.remote(&format!("B{n}"), &[("TEA", 1)])]).await;
        }
        following.await.unwrap();
        for name in ["NA0", "NA39", "NB0", "NB39"] {
            assert!(!found(&trading.store, name).await.is_empty(), "{name}");
        }
        assert_eq!(follow(&trading).await, 0);
    })
    .await;
}

/// However many orders share a word, the answer is short, honest and newest first; a rarer word beside it finds all.
#[tokio::test]
async fn a_common_word_is_bounded_and_says_so() {
    let fresh = Fresh::sqlite().await;
    let trading = Trading::live(&fresh).await;
    let mut ids = Vec::new();
    for page in 0..24 {
        let orders: Vec<_> = (0..100)
            .map(|n| {
                let mut order = trading.remote(&format!("{}", page * 100 + n), &[("TEA", 1)]);
                if (page, n) == (0, 7) {
                    order.buyer.name = "髙﨑 稀".to_owned();
                }
                // The older half is of one company, the newer of another, and one old order names both.
                order.ship_to.company = if page < 12 { "Kosha" } else { "Otsusha" }.to_owned();
                if (page, n) == (0, 9) {
                    order.bill_to.company = "Otsusha".to_owned();
                }
                raw(order)
            })
            .collect();
        ids.extend(trading.take(orders).await.new);
    }
    follow(&trading).await;
    let newest = ids.iter().max().copied();
    let whole = trading.store.search_orders(&Query::parse("tea"), i64::MAX).await.unwrap();
    assert_eq!(whole.orders.len(), 1000, "one word exactly: paged, not cut");
    assert_eq!(whole.looked_down_to, whole.orders.last().copied(), "whoever filters these goes on there");
    assert_eq!(whole.orders.first().copied(), newest);
    let next = trading.store.search_orders(&Query::parse("tea"), whole.orders[999]).await.unwrap();
    assert!(next.orders[0] < whole.orders[999]);
    let letter = trading.store.search_orders(&Query::parse("b"), i64::MAX).await.unwrap();
    assert_eq!(letter.orders.len(), 1000, "the newest were looked through");
    assert_eq!(letter.orders.first().copied(), newest);
    assert_eq!(letter.looked_down_to, letter.orders.last().copied());
    let older =
        trading.store.search_orders(&Query::parse("b"), letter.looked_down_to.unwrap()).await.unwrap();
    assert_eq!((older.orders.len(), older.looked_down_to), (1000, older.orders.last().copied()));
    let oldest =
        trading.store.search_orders(&Query::parse("b"), older.looked_down_to.unwrap()).await.unwrap();
    assert_eq!((oldest.orders.len(), oldest.looked_down_to), (400, None));
    assert_eq!(found(&trading.store, "稀 b").await, [ids[7]]);
    assert_eq!(found(&trading.store, "buyer tea 稀").await, [ids[7]]);
    let both = trading.store.search_orders(&Query::parse("buyer te"), i64::MAX).await.unwrap();
    assert_eq!(both.orders.first().copied(), newest);
    let both = trading.store.search_orders(&Query::parse("kosha otsusha"), i64::MAX).await.unwrap();
    assert_eq!(both.orders, [ids[9]], "older than all that were looked through, of two common words");
    assert!(both.looked_down_to.is_some_and(|last| last > ids[9]));
    // A whole number comes before all that only begin with it.
    assert_eq!(found(&trading.store, "12").await[0], ids[12]);
}
