//! Customers of all shops: who is who, what people decide, and that what is asked to be forgotten is gone.

use std::collections::BTreeSet;
use std::time::Duration;

use banto::domain::deeds::Shipment;

use banto::store::{CustomerAct, CustomerFilter, CustomerRow, Keep, Store, StoreError};
use banto_channel::{Address, Bilingual, Fulfilment, RemoteOrder, Timestamp, both};

use sqlx::AssertSqlSafe;

use crate::stores::{Fresh, each_store};
use crate::trading::{Trading, raw};

/// An order of somebody.
struct Who<'a> {
    name: &'a str,
    email: &'a str,
    phone: &'a str,
    postcode: &'a str,
    line1: &'a str,
}

const HANAKO: Who<'static> = Who {
    name: "髙﨑 花子",
    email: "hanako@example.jp",
    phone: "090-1234-5678",
    postcode: "150-0001",
    line1: "神宮前1-2-3",
};

impl Who<'_> {
    fn order(&self, trading: &Trading, id: &str) -> RemoteOrder {
        let mut order = trading.remote(id, &[("CUP", 1)]);
        order.buyer.name = self.name.to_owned();
        order.buyer.email = self.email.to_owned();
        order.buyer.phone = self.phone.to_owned();
        let home = Address {
            name: self.name.to_owned(),
            postcode: self.postcode.to_owned(),
            line1: self.line1.to_owned(),
            country: "JP".to_owned(),
            ..Address::default()
        };
        (order.bill_to, order.ship_to) = (home.clone(), home);
        raw(order)
    }

    async fn buys(&self, trading: &Trading, id: &str) -> i64 {
        trading.pass(Duration::from_secs(60));
        let order = trading.order(self.order(trading, id)).await;
        follow(&trading.store, trading.now()).await;
        order
    }
}

async fn follow(store: &Store, now: Timestamp) {
    while store.project(50, now).await.unwrap() > 0 {}
}

async fn customer(trading: &Trading, order: i64) -> CustomerRow {
    trading.store.customer_of(order).await.unwrap().unwrap()
}

fn act<'a>(trading: &Trading, row: &CustomerRow) -> CustomerAct<'a> {
    CustomerAct { customer: row.id, version: row.version, actor: "user:aki", now: trading.now() }
}

async fn found(store: &Store, text: &str) -> Vec<i64> {
    let page = store.customers(CustomerFilter::Find(text), None, 50).await.unwrap();
    page.rows.iter().map(|row| row.id).collect()
}

fn refused<T: std::fmt::Debug>(result: Result<T, StoreError>) -> String {
    match result {
        Err(StoreError::Refused(why)) => why.en,
        other => panic!("not refused: {other:?}"),
    }
}

/// Goods leave, so that nothing is open.
async fn ship(trading: &Trading, order: i64, number: &str) {
    let shipment =
        Shipment { carrier: "ヤマト運輸".into(), tracking: number.into(), ..Shipment::default() };
    trading.store.ship_order(&trading.act(order), &shipment).await.unwrap();
    follow(&trading.store, trading.now()).await;
}

/// The columns of any table that hold a text.
async fn traces(fresh: &Fresh, text: &str) -> Vec<String> {
    use sqlx::Connection as _;
    macro_rules! on {
        ($connection:ty, $columns:literal) => {{
            let mut db = <$connection>::connect(&fresh.url).await.unwrap();
            let columns: Vec<(String, String)> = sqlx::query_as($columns).fetch_all(&mut db).await.unwrap();
            sqlx::query_scalar(AssertSqlSafe(holding(&columns, text))).fetch_all(&mut db).await.unwrap()
        }};
    }
    if fresh.engine() == "sqlite" {
        on!(
            sqlx::SqliteConnection,
            "SELECT m.name, c.name FROM sqlite_schema m JOIN pragma_table_info(m.name) c WHERE m.type = 'table'"
        )
    } else {
        on!(
            sqlx::PgConnection,
            "SELECT table_name::text, column_name::text FROM information_schema.columns WHERE table_schema = 'public'"
        )
    }
}

/// One query for all columns: a connection for each would take minutes.
fn holding(columns: &[(String, String)], text: &str) -> String {
    assert!(columns.len() > 200, "{} columns", columns.len());
    let of = |(table, column): &(String, String)| {
        format!(
            "SELECT '{table}.{column}' AS name, COUNT(*) AS n FROM \"{table}\" \
             WHERE LOWER(CAST(\"{column}\" AS TEXT)) LIKE LOWER('%{text}%')"
        )
    };
    let all: Vec<String> = columns.iter().map(of).collect();
    format!("SELECT name FROM ({}) counted WHERE n > 0", all.join(" UNION ALL "))
}

#[tokio::test]
async fn one_person_in_two_shops_is_one_customer() {
    each_store(async |fresh: &Fresh| {
        let honten = Trading::live(fresh).await;
        let rakuten = Trading::open(fresh, "rakuten", true).await;
        rakuten.pass(Duration::from_secs(3600));
        let first = HANAKO.buys(&honten, "1").await;
        let masked = Who { email: "0123@pc.fw.rakuten.ne.jp", name: "高崎　花子", ..HANAKO };
        let second = masked.buys(&rakuten, "R-1").await;
        let taro = Who { name: "山田 太郎", email: "taro@example.jp", postcode: "1000001", ..HANAKO };
        let third = taro.buys(&honten, "2").await;
        let (a, b, c) =
            (customer(&honten, first).await, customer(&honten, second).await, customer(&honten, third).await);
        assert_eq!(a.id, b.id);
        assert_ne!(a.id, c.id, "one phone, two family names");
        let both = [b.orders, i64::from(b.first_order_at < b.last_order_at)];
        assert_eq!((both, b.email.as_str(), b.name.as_str()), ([2, 1], "hanako@example.jp", "高崎　花子"));
        let view = honten.store.customer_view(a.id, i64::MAX, 50).await.unwrap();
        assert_eq!(view.orders.iter().map(|o| o.id).collect::<Vec<_>>(), [second, first]);
        assert_eq!((view.totals[0].orders, view.totals[0].total), (2, 200));
        for text in ["髙﨑", "高崎花子", "花子", "hanako@", "高崎 hanako", "高崎 090-1234-5678"] {
            assert_eq!(found(&honten.store, text).await, [a.id], "{text}");
        }
        for text in ["090 1234 5678", "+819012345678", "09012345678"] {
            assert_eq!(found(&honten.store, text).await, [a.id, c.id], "both have that phone: {text}");
        }
        assert_eq!(found(&honten.store, "高崎 taro").await, [] as [i64; 0]);
        assert_eq!(found(&honten.store, "0901234").await.len(), 2);
        // The same news again change nothing, and a new address joins who turns out to be the same.
        let relay = Who { phone: "", postcode: "", line1: "", name: "H", ..masked };
        assert_eq!(customer(&honten, relay.buys(&rakuten, "R-2").await).await.id, a.id);
        let lone =
            Who {
                name: "高崎 花子", email: "h2@example.jp", phone: "", postcode: "5300001", line1: "9-9"
            };
        let lone_order = lone.buys(&honten, "3").await;
        let other = customer(&honten, lone_order).await;
        assert_ne!(other.id, a.id, "a name alone joins nobody");
        let bridge = Who { email: "hanako@example.jp", ..lone };
        assert_eq!(
            customer(&honten, bridge.buys(&honten, "4").await).await.id,
            customer(&honten, lone_order).await.id
        );
        assert_eq!(customer(&honten, first).await.id, customer(&honten, lone_order).await.id);
        let all = honten.store.customers(CustomerFilter::All, None, 50).await.unwrap();
        assert_eq!(all.rows.iter().map(|r| r.orders).collect::<Vec<_>>(), [5, 1]);
    })
    .await;
}

#[tokio::test]
async fn lists_go_on_where_the_page_before_ended() {
    each_store(async |fresh: &Fresh| {
        let trading = Trading::live(fresh).await;
        for n in 0..7 {
            let (name, email) = (format!("鈴木 {n}"), format!("suzuki{n}@example.jp"));
            let who = Who { name: &name, email: &email, phone: "", postcode: "", line1: "" };
            who.buys(&trading, &n.to_string()).await;
        }
        for filter in [CustomerFilter::All, CustomerFilter::Find("鈴木"), CustomerFilter::Find("suzuki")] {
            let (mut seen, mut after) = (Vec::new(), None::<String>);
            loop {
                let page = trading.store.customers(filter, after.as_deref(), 3).await.unwrap();
                seen.extend(page.rows.iter().map(|row| row.email.clone()));
                after = page.next;
                if after.is_none() {
                    break;
                }
            }
            let different: BTreeSet<&String> = seen.iter().collect();
            assert_eq!(different.len(), 7, "{filter:?}: {seen:?}");
        }
        for wrong in ["", "x", "1.", "..", "-1"] {
            trading.store.customers(CustomerFilter::All, Some(wrong), 3).await.unwrap();
            trading.store.customers(CustomerFilter::Find("鈴木"), Some(wrong), 3).await.unwrap();
        }
    })
    .await;
}

#[tokio::test]
async fn who_has_the_whole_name_is_found_first_and_everybody_once() {
    each_store(async |fresh: &Fresh| {
        let trading = Trading::live(fresh).await;
        for n in 0..10 {
            let name = if n % 3 == 2 { "花子 鈴木" } else { "鈴木 花子" };
            let email = format!("buyer{n}@example.jp");
            let who = Who { name, email: &email, phone: "", postcode: "", line1: "" };
            who.buys(&trading, &n.to_string()).await;
        }
        let other =
            Who { name: "鈴木 一郎", email: "ichiro@example.jp", phone: "", postcode: "", line1: "" };
        other.buys(&trading, "other").await;
        for limit in [2, 3, 7, 50] {
            let (mut seen, mut after) = (Vec::new(), None::<String>);
            loop {
                let filter = CustomerFilter::Find("鈴木 花子");
                let page = trading.store.customers(filter, after.as_deref(), limit).await.unwrap();
                assert!(page.rows.len() <= limit, "{limit}");
                seen.extend(page.rows);
                after = page.next;
                if after.is_none() {
                    break;
                }
            }
            let names: Vec<&str> = seen.iter().map(|row| row.name.as_str()).collect();
            assert_eq!(names, [["鈴木 花子"; 7].as_slice(), &["花子 鈴木"; 3]].concat(), "{limit}");
            assert_eq!(seen.iter().map(|row| row.id).collect::<BTreeSet<_>>().len(), 10, "{limit}");
        }
    })
    .await;
}

#[tokio::test]
async fn what_a_person_split_is_never_joined_again_by_the_machine() {
    each_store(async |fresh: &Fresh| {
        let trading = Trading::live(fresh).await;
        let mut orders = Vec::new();
        for n in 1..=3 {
            orders.push(HANAKO.buys(&trading, &n.to_string()).await);
        }
        let whole = customer(&trading, orders[0]).await;
        assert_eq!(whole.orders, 3);
        let store = &trading.store;
        let why =
            refused(store.split_customer(&act(&trading, &whole), &orders.iter().copied().collect()).await);
        assert!(why.contains("all orders"), "{why}");
        assert!(
            refused(store.split_customer(&act(&trading, &whole), &[999].into()).await).contains("not all")
        );
        let new = store.split_customer(&act(&trading, &whole), &[orders[2]].into()).await.unwrap();
        let stale = refused(store.block_customer(&act(&trading, &whole), "x").await);
        assert!(stale.contains("look again"), "{stale}");
        // News of all three, and a fourth of the same person.
        for (n, order) in orders.iter().enumerate() {
            let mut news = HANAKO.order(&trading, &(n + 1).to_string());
            news.note = "急ぎ".into();
            trading.take(vec![raw(news)]).await;
            follow(store, trading.now()).await;
            assert_eq!(customer(&trading, *order).await.id, if n == 2 { new } else { whole.id });
        }
        let fourth = HANAKO.buys(&trading, "4").await;
        assert!([new, whole.id].contains(&customer(&trading, fourth).await.id));
        let all = store.customers(CustomerFilter::All, None, 50).await.unwrap().rows;
        assert_eq!(all.len(), 2, "{all:?}");
        assert_eq!(all.iter().map(|r| r.orders).sum::<i64>(), 4);
        assert_eq!(store.customer_view(new, i64::MAX, 9).await.unwrap().apart[0].id, whole.id);
        // What a person merges is one again, and stays so.
        let (a, b) = (store.customer(whole.id).await.unwrap(), store.customer(new).await.unwrap());
        store.merge_customers(&act(&trading, &a), (b.id, b.version)).await.unwrap();
        assert!(refused(store.block_customer(&act(&trading, &b), "x").await).contains("by now"));
        assert_eq!(store.customer(new).await.unwrap().merged_into, Some(whole.id));
        let view = store.customer_view(whole.id, i64::MAX, 9).await.unwrap();
        assert_eq!((view.orders.len(), view.apart.len(), view.customer.orders), (4, 0, 4));
        let kinds: Vec<&str> = view.notes.iter().map(|n| n.kind.as_str()).collect();
        assert_eq!(kinds, ["merged", "split", "split"]);
        let fifth = HANAKO.buys(&trading, "5").await;
        assert_eq!(customer(&trading, fifth).await.id, whole.id);
        assert_eq!(found(store, "花子").await, [whole.id]);
    })
    .await;
}

#[tokio::test]
async fn a_blocked_customers_new_order_waits_and_says_why() {
    each_store(async |fresh: &Fresh| {
        let trading = Trading::live(fresh).await;
        let first = HANAKO.buys(&trading, "1").await;
        let row = customer(&trading, first).await;
        let store = &trading.store;
        assert!(refused(store.block_customer(&act(&trading, &row), " ").await).contains("needs a reason"));
        store.block_customer(&act(&trading, &row), "受取拒否 3回").await.unwrap();
        assert_eq!(trading.row(first).await.hold, None, "what was there before goes on");
        let by_phone =
            Who { name: "高崎 一郎", email: "other@example.jp", postcode: "", line1: "", ..HANAKO };
        for (n, who) in [("2", &HANAKO), ("3", &by_phone)] {
            let order = who.buys(&trading, n).await;
            let hold = trading.row(order).await.hold;
            let why = both!("blocked customer: {n}", "取引停止の顧客: {n}", n = "受取拒否 3回");
            assert_eq!(hold.as_deref().map(Bilingual::unpacked), Some(why));
            assert!(trading.story(order).await.contains(&"held".to_owned()));
            assert_eq!(trading.mail(order, "received").await.unwrap().state, "held");
        }
        let taro = Who { name: "山田 太郎", email: "taro@example.jp", postcode: "1000001", ..HANAKO };
        assert_eq!(trading.row(taro.buys(&trading, "4").await).await.hold, None);
        assert_eq!(store.customers(CustomerFilter::Blocked, None, 9).await.unwrap().rows.len(), 1);
        let row = store.customer(row.id).await.unwrap();
        assert!(refused(store.block_customer(&act(&trading, &row), "x").await).contains("already"));
        store.unblock_customer(&act(&trading, &row)).await.unwrap();
        assert_eq!(trading.row(HANAKO.buys(&trading, "5").await).await.hold, None);
    })
    .await;
}

#[tokio::test]
async fn what_is_asked_to_be_forgotten_leaves_no_trace() {
    each_store(async |fresh: &Fresh| {
        let trading = Trading::live(fresh).await;
        trading.stock(&[("CUP", 9)]).await;
        let store = &trading.store;
        let order = HANAKO.buys(&trading, "1").await;
        let row = customer(&trading, order).await;
        store.note_customer(&act(&trading, &row), "髙﨑さんは 090-1234-5678 に電話").await.unwrap();
        store.hold_order(&trading.act(order), "髙﨑 花子 様に確認").await.unwrap();
        store.release_order(&trading.act(order)).await.unwrap();
        let why = refused(store.erase_customer(&act(&trading, &row)).await);
        assert!(why.contains("N-1") && why.contains("still open"), "{why}");
        ship(&trading, order, "1111").await;
        let why = refused(store.erase_customer(&act(&trading, &row)).await);
        assert!(why.contains("mail"), "{why}");
        fresh.run("UPDATE mail SET state = 'sent', body_text = '髙﨑 花子 様', answer = '250 hanako@example.jp'").await;
        let export = store.export_customer(&act(&trading, &row)).await.unwrap().to_string();
        for text in ["髙﨑 花子", "hanako@example.jp", "090-1234-5678", "神宮前1-2-3", "に電話", "N-1", "1111"] {
            assert!(export.contains(text), "{text} is not in {export}");
        }
        let texts = ["髙﨑 花子", "高崎花子", "hanako@example.jp", "090-1234-5678", "09012345678", "神宮前1-2-3"];
        for text in texts {
            assert!(!traces(fresh, text).await.is_empty(), "{text} was never there");
        }
        let before = trading.view(order).await.order;
        let erased = store.erase_customer(&act(&trading, &row)).await.unwrap();
        assert_eq!(erased.orders, 1);
        for text in texts {
            assert_eq!(traces(fresh, text).await, [] as [String; 0], "{text}");
        }
        let after = trading.view(order).await.order;
        assert_eq!((after.totals, &after.lines, &after.parcels), (before.totals, &before.lines, &before.parcels));
        assert_eq!((after.number, after.details.ship_to.country.as_str()), (before.number, "JP"));
        assert!(store.customer(row.id).await.unwrap().erased_at.is_some());
        assert_eq!(found(store, "花子").await, [] as [i64; 0]);
        // The shop still has it, and tells it again.
        let mut again = HANAKO.order(&trading, "1");
        (again.status, again.fulfilment) = ("completed".into(), Fulfilment::Shipped);
        trading.pass(Duration::from_secs(60));
        trading.take(vec![raw(again)]).await;
        follow(store, trading.now()).await;
        assert_eq!(trading.row(order).await.status, "completed");
        for text in texts {
            assert_eq!(traces(fresh, text).await, [] as [String; 0], "{text} came back");
        }
        // And a new order is a new customer.
        let new = HANAKO.buys(&trading, "2").await;
        assert_ne!(customer(&trading, new).await.id, row.id);
    })
    .await;
}

#[tokio::test]
async fn what_was_kept_long_enough_goes_by_itself() {
    each_store(async |fresh: &Fresh| {
        let honten = Trading::live(fresh).await;
        honten.stock(&[("CUP", 9)]).await;
        let amazon = Trading::open(fresh, "amazon", true).await;
        let store = &honten.store;
        let kept = HANAKO.buys(&honten, "1").await;
        let masked = Who { email: "x1@marketplace.amazon.co.jp", ..HANAKO };
        let (gone, open) = (masked.buys(&amazon, "A-1").await, masked.buys(&amazon, "A-2").await);
        ship(&amazon, gone, "2222").await;
        ship(&honten, kept, "3333").await;
        let person = customer(&honten, kept).await;
        assert_eq!((person.orders, customer(&honten, gone).await.id), (3, person.id));
        // The shop that sold last has the later clock.
        let shipped = amazon.now();
        let keep = |days: u64| Keep {
            payloads_before: Timestamp(0),
            persons_before: vec![(amazon.facts.id, shipped.plus(Duration::from_secs(days * 86_400)))],
        };
        assert_eq!(
            store
                .forget_old(
                    &Keep { persons_before: vec![(amazon.facts.id, Timestamp(1))], ..keep(0) },
                    10,
                    shipped
                )
                .await
                .unwrap()
                .orders,
            0
        );
        assert_eq!(store.forget_old(&keep(1), 10, shipped).await.unwrap().orders, 1);
        assert_eq!(store.forget_old(&keep(1), 10, shipped).await.unwrap().orders, 0, "once is enough");
        follow(store, shipped).await;
        assert_eq!(store.forget_old(&keep(1), 10, shipped).await.unwrap().orders, 0);
        assert_eq!(trading_name(&amazon, gone).await, "");
        assert_eq!(trading_name(&amazon, open).await, "髙﨑 花子", "its goods need the address");
        assert_eq!(trading_name(&honten, kept).await, "髙﨑 花子", "another shop's rule");
        assert_eq!(
            fresh.number("SELECT COUNT(*) FROM payload WHERE body = '' AND remote_id = 'A-1'").await,
            1
        );
        let left = Keep { payloads_before: shipped.plus(Duration::from_secs(1)), persons_before: Vec::new() };
        let all = fresh.number("SELECT COUNT(*) FROM payload").await;
        assert_eq!(store.forget_old(&left, 2, shipped).await.unwrap().payloads, 2);
        while store.forget_old(&left, 2, shipped).await.unwrap().payloads > 0 {}
        assert_eq!(fresh.number("SELECT COUNT(*) FROM payload WHERE body = ''").await, all);
        // What an order of the shop that forgot was known by is not known any more.
        let person = store.customer(person.id).await.unwrap();
        assert_eq!((person.name.as_str(), person.email.as_str()), ("髙﨑 花子", "hanako@example.jp"));
    })
    .await;
}

async fn trading_name(trading: &Trading, order: i64) -> String {
    trading.row(order).await.buyer_name
}
