//! Stock as people change it, counts, the proof of the ledger, and what holds over arbitrary histories of both.

use banto::domain::catalogue::CountLine;
use banto::domain::deeds::Shipment;
use banto::store::{LocationRow, Moved, StockAct, StoreError, WriteOff};
use proptest::prelude::*;
use proptest::sample::Index;

use crate::stores::{Fresh, each_store};
use crate::trading::Trading;

/// A house with two items, a set of both and two locations.
struct House {
    t: Trading,
    places: Vec<LocationRow>,
}

impl House {
    async fn open(fresh: &Fresh) -> Self {
        let mut t = Trading::live(fresh).await;
        let mut write = t.store.write().await.unwrap();
        let named = ["main", "attic"].map(|code| (code.to_owned(), String::new()));
        let places = write.ensure_locations(&named).await.unwrap();
        t.facts.locations = places.iter().map(|p| p.id).collect();
        let (name, now) = (t.facts.name.clone(), t.now());
        write.ensure_channel(&name, "sim", true, &t.facts.locations, now).await.unwrap();
        write.commit().await.unwrap();
        let sheet = "code,name,JAN,price,stock,components\n\
                     TEA,tea,4901234567894,100,10,\nCUP,cup,,,4,\nGIFT,gift,,500,,TEA*2+CUP\n";
        let drafts = banto::sheet::items(sheet.as_bytes(), "JPY").unwrap().lines;
        let import = banto::store::Import {
            currency: "JPY",
            location: places[0].id,
            skip_bad: false,
            dry_run: false,
            source: "items.csv",
            actor: "cli:hanako",
            now,
        };
        assert!(t.store.import_items(&drafts, &import).await.unwrap().written);
        Self { t, places }
    }

    fn at<'a>(&'a self, code: &'a str, place: usize) -> StockAct<'a> {
        let (location, now) = (&self.places[place], self.t.now());
        StockAct { code, location, actor: "cli:hanako", note: "test", now }
    }

    async fn sound(&self) {
        assert_eq!(self.t.store.verify_ledger().await.unwrap(), []);
    }
}

fn numbers(moved: &Moved) -> (i64, i64, i64) {
    (moved.after.available, moved.after.reserved, moved.after.short)
}

fn refusal(result: Result<Moved, StoreError>) -> String {
    match result {
        Err(StoreError::Refused(why)) => why.en,
        other => panic!("{other:?}"),
    }
}

#[tokio::test]
async fn a_delivery_serves_who_waited_longest() {
    each_store(async |fresh| {
        let house = House::open(fresh).await;
        let t = &house.t;
        for (id, quantity) in [("1", 12), ("2", 3)] {
            t.order(t.remote(id, &[("TEA", quantity)])).await;
        }
        let received = t.store.receive_stock(&house.at("TEA", 0), 3, false).await.unwrap();
        assert_eq!(numbers(&received), (0, 13, 2));
        assert_eq!(received.served, ["honten/N-1"]);
        let waiting: Vec<_> = received.waiting.iter().map(|h| (h.number.as_str(), h.short)).collect();
        assert_eq!(waiting, [("N-2", 2)]);
        // The attic sells for this channel, too.
        let received = t.store.receive_stock(&house.at("TEA", 1), 5, false).await.unwrap();
        assert_eq!((numbers(&received), received.waiting.len()), ((3, 2, 0), 0));
        house.sound().await;
    })
    .await;
}

#[tokio::test]
async fn the_shelf_is_right_and_the_newest_order_waits() {
    each_store(async |fresh| {
        let house = House::open(fresh).await;
        let t = &house.t;
        for id in ["1", "2"] {
            t.order(t.remote(id, &[("TEA", 4)])).await;
        }
        let set = t.store.set_stock(&house.at("TEA", 0), 5).await.unwrap();
        assert_eq!((set.before.on_hand(), numbers(&set)), (10, (0, 5, 3)));
        assert_eq!(set.waiting.iter().map(|h| h.number.as_str()).collect::<Vec<_>>(), ["N-2"]);
        let set = t.store.set_stock(&house.at("TEA", 0), 9).await.unwrap();
        assert_eq!((numbers(&set), set.served), ((1, 8, 0), vec!["honten/N-2".to_owned()]));
        house.sound().await;
    })
    .await;
}

#[tokio::test]
async fn goods_are_written_off_from_what_is_free() {
    each_store(async |fresh| {
        let house = House::open(fresh).await;
        let t = &house.t;
        t.order(t.remote("1", &[("TEA", 8)])).await;
        let act = house.at("TEA", 0);
        let refused = refusal(t.store.write_off_stock(&act, 3, WriteOff::Free).await);
        assert_eq!(refused, "3 of TEA cannot go: 2 are free and 8 are held for orders");
        let refused = refusal(t.store.write_off_stock(&act, 11, WriteOff::EvenReserved).await);
        assert_eq!(refused, "11 of TEA cannot go: 2 are free and 8 are held for orders");
        let gone = t.store.write_off_stock(&act, 3, WriteOff::EvenReserved).await.unwrap();
        assert_eq!(numbers(&gone), (0, 7, 1));
        let refused = refusal(t.store.set_stock(&house.at("GIFT", 0), 3).await);
        assert_eq!(refused, "GIFT is a set; its stock is that of its parts");
        assert!(matches!(
            t.store.receive_stock(&house.at("NONE", 0), 1, false).await,
            Err(StoreError::NotFound(_))
        ));
        assert!(matches!(t.store.receive_stock(&act, 0, false).await, Err(StoreError::Stock(_))));
        assert_eq!(fresh.number("SELECT COUNT(*) FROM audit WHERE action = 'stock_written_off'").await, 1);
        house.sound().await;
    })
    .await;
}

#[tokio::test]
async fn returned_goods_are_sold_again_or_thrown_away_once() {
    each_store(async |fresh| {
        let house = House::open(fresh).await;
        let t = &house.t;
        let order = t.order(t.remote("1", &[("TEA", 4)])).await;
        t.store
            .ship_order(&t.act(order), &Shipment { carrier: "yamato".into(), ..Shipment::default() })
            .await
            .unwrap();
        t.store.return_goods(&t.act(order), (1, 3), house.places[0].id, false).await.unwrap();
        let act = house.at("TEA", 0);
        assert_eq!(numbers(&t.store.receive_stock(&act, 2, true).await.unwrap()), (8, 0, 0));
        let refused = refusal(t.store.receive_stock(&act, 2, true).await);
        assert_eq!(refused, "1 returned units of TEA are set aside, not 2");
        let gone = t.store.write_off_stock(&act, 1, WriteOff::Returned).await.unwrap();
        assert_eq!(numbers(&gone), (8, 0, 0));
        refusal(t.store.write_off_stock(&act, 1, WriteOff::Returned).await);
        house.sound().await;
    })
    .await;
}

fn counted(line: u64, code: &str, counted: i64) -> CountLine {
    CountLine { line, code: Some(code.to_owned()), gtin: None, location: None, counted }
}

#[tokio::test]
async fn a_stocktake_is_shown_and_then_written_whole() {
    each_store(async |fresh| {
        let house = House::open(fresh).await;
        let t = &house.t;
        t.order(t.remote("1", &[("GIFT", 2)])).await;
        let by_jan = CountLine {
            line: 2,
            code: None,
            gtin: Some("04901234567894".into()),
            location: Some("main".into()),
            counted: 8,
        };
        let plan =
            t.store.plan_count(&[by_jan, counted(3, "CUP", 4)], &house.places[0], false).await.unwrap();
        let seen: Vec<_> =
            plan.rows.iter().map(|r| (r.item.code.as_str(), r.difference(), r.value())).collect();
        assert_eq!(seen, [("TEA", -2, Some(-200)), ("CUP", 0, None)], "reserved goods lie on the shelf, too");
        let written =
            t.store.commit_count(&plan.rows, None, ("cli:hanako", "count.csv"), t.now()).await.unwrap();
        assert_eq!((written, t.level("TEA").await), (vec![], (4, 4, 0)));
        house.sound().await;
    })
    .await;
}

#[tokio::test]
async fn a_stocktake_names_what_it_cannot_take() {
    each_store(async |fresh| {
        let house = House::open(fresh).await;
        let t = &house.t;
        let nowhere = CountLine { location: Some("cellar".into()), ..counted(6, "CUP", 1) };
        let lines = [
            counted(2, "TEA", 3),
            counted(3, "TEA", 4),
            counted(4, "GIFT", 1),
            counted(5, "NONE", 1),
            nowhere,
        ];
        let plan = t.store.plan_count(&lines, &house.places[0], false).await.unwrap();
        assert_eq!(
            plan.faults.iter().map(ToString::to_string).collect::<Vec<_>>(),
            [
                "line 3: TEA stands in line 2 already",
                "line 4: GIFT is a set; count what it is made of",
                "line 5: no item has the code or JAN/GTIN NONE",
                r#"line 6: there is no location "cellar""#,
            ]
        );
        assert_eq!(plan.uncounted, ["CUP"]);
        let summed = t.store.plan_count(&lines[..2], &house.places[0], true).await.unwrap();
        assert_eq!((summed.faults.len(), summed.rows[0].counted), (0, 7));
    })
    .await;
}

#[tokio::test]
async fn a_shelf_that_moved_meanwhile_stops_the_whole_stocktake() {
    each_store(async |fresh| {
        let house = House::open(fresh).await;
        let t = &house.t;
        let lines = [counted(2, "TEA", 9), counted(3, "CUP", 1)];
        let plan = t.store.plan_count(&lines, &house.places[0], false).await.unwrap();
        t.order(t.remote("1", &[("CUP", 1)])).await;
        let by = ("cli:hanako", "count.csv");
        let moved = t.store.commit_count(&plan.rows, None, by, t.now()).await.unwrap();
        assert_eq!((moved, t.level("TEA").await, t.level("CUP").await), (vec![1], (10, 0, 0), (3, 1, 0)));
        // Looked at again it would pass, but the count itself is older than the sale.
        let again = t.store.plan_count(&lines, &house.places[0], false).await.unwrap();
        let moved = t.store.commit_count(&again.rows, Some(plan.as_of), by, t.now()).await.unwrap();
        assert_eq!(moved, [1]);
        assert_eq!(t.store.commit_count(&again.rows, Some(again.as_of), by, t.now()).await.unwrap(), [0; 0]);
        assert_eq!((t.level("TEA").await, t.level("CUP").await), ((9, 0, 0), (0, 1, 0)));
        house.sound().await;
    })
    .await;
}

#[tokio::test]
async fn the_proof_finds_every_kind_of_damage() {
    // What somebody does to the tables, and what the proof says of it.
    let damage = [
        (
            "UPDATE level SET available = available + 1 WHERE available = 6",
            "TEA at main: available is 6 by the ledger, the level says 7",
        ),
        ("UPDATE reservation SET reserved = 3", "TEA at main: reserved is 4 by the level, orders hold 3"),
        ("DELETE FROM reservation", "TEA at main: reserved is 4 by the level, orders hold 0"),
        (
            "DELETE FROM level WHERE available = 4",
            "CUP at main: available is 4 by the ledger, the level says 0",
        ),
        (
            "UPDATE entry SET quantity = 3 WHERE reason = 'ordered'",
            "TEA at main, entry {last}: available is 7 after it, the entry says 6",
        ),
        (
            "UPDATE entry SET prev_id = 1 WHERE reason = 'ordered'",
            "TEA at main, entry {last}: it follows entry 1, but the one before it is {first}",
        ),
        (
            "DELETE FROM entry WHERE reason = 'opening_stock' AND quantity = 10",
            "TEA at main, entry {last}: it follows entry {first}, but the one before it is 0",
        ),
    ];
    each_store(async |fresh| {
        let house = House::open(fresh).await;
        house.t.order(house.t.remote("1", &[("TEA", 4)])).await;
        house.sound().await;
    })
    .await;
    for (statement, says) in damage {
        let fresh = Fresh::sqlite().await;
        let house = House::open(&fresh).await;
        house.t.order(house.t.remote("1", &[("TEA", 4)])).await;
        let last = fresh.number("SELECT id FROM entry WHERE reason = 'ordered'").await.to_string();
        let first = fresh.number("SELECT prev_id FROM entry WHERE reason = 'ordered'").await.to_string();
        fresh.run(statement).await;
        let found = house.t.store.verify_ledger().await.unwrap();
        let first_told = found.first().map(ToString::to_string).unwrap_or_default();
        assert_eq!(
            first_told,
            says.replace("{last}", &last).replace("{first}", &first),
            "{statement}: {found:?}"
        );
    }
}

#[tokio::test]
async fn the_chain_of_entries_is_newest_first_and_ends_where_told() {
    each_store(async |fresh| {
        let house = House::open(fresh).await;
        let t = &house.t;
        for n in 1..=3 {
            t.store.receive_stock(&house.at("TEA", 0), n, false).await.unwrap();
            t.store.receive_stock(&house.at("CUP", 0), n, false).await.unwrap();
        }
        let tea = t.store.item("TEA").await.unwrap();
        let head = t.store.levels_of(&[tea.id].into()).await.unwrap()[0].last_entry;
        let quantities = async |limit| {
            let chain = t.store.entry_chain(head, limit).await.unwrap();
            chain.iter().map(|e| e.quantity).collect::<Vec<_>>()
        };
        assert_eq!(quantities(2).await, [3, 2]);
        assert_eq!(quantities(100).await, [3, 2, 1, 10]);
        assert_eq!(t.store.entry_chain(0, 10).await.unwrap(), []);
    })
    .await;
}

/// One thing that somebody does.
#[derive(Clone, Debug)]
enum Step {
    Receive { item: usize, place: usize, units: i64 },
    Set { item: usize, place: usize, counted: i64 },
    Count { place: usize, counted: [i64; 2] },
    WriteOff { item: usize, place: usize, units: i64, even_reserved: bool },
    Order { lines: Vec<(usize, i64)> },
    Cancel { order: Index },
    Ship { order: Index },
    Return { order: Index, restock: bool },
}

const ITEMS: [&str; 2] = ["TEA", "CUP"];
const OFFERS: [&str; 3] = ["TEA", "CUP", "GIFT"];

fn step() -> impl Strategy<Value = Step> {
    let (item, place) = (0..ITEMS.len(), 0..2_usize);
    prop_oneof![
        2 => (item.clone(), place.clone(), 1..9_i64).prop_map(|(item, place, units)| Step::Receive { item, place, units }),
        1 => (item.clone(), place.clone(), 0..15_i64).prop_map(|(item, place, counted)| Step::Set { item, place, counted }),
        1 => (place.clone(), [0..15_i64, 0..15]).prop_map(|(place, counted)| Step::Count { place, counted }),
        2 => (item, place, 1..6_i64, any::<bool>())
            .prop_map(|(item, place, units, even_reserved)| Step::WriteOff { item, place, units, even_reserved }),
        5 => prop::collection::vec((0..OFFERS.len(), 1..5_i64), 1..4).prop_map(|lines| Step::Order { lines }),
        2 => any::<Index>().prop_map(|order| Step::Cancel { order }),
        2 => any::<Index>().prop_map(|order| Step::Ship { order }),
        1 => (any::<Index>(), any::<bool>()).prop_map(|(order, restock)| Step::Return { order, restock }),
    ]
}

impl House {
    async fn happen(&self, step: &Step, orders: &mut Vec<i64>) {
        let (t, store) = (&self.t, &self.t.store);
        let pick = |at: &Index| (!orders.is_empty()).then(|| orders[at.index(orders.len())]);
        match step {
            Step::Receive { item, place, units } => {
                store.receive_stock(&self.at(ITEMS[*item], *place), *units, false).await.unwrap();
            }
            Step::Set { item, place, counted } => {
                let moved = store.set_stock(&self.at(ITEMS[*item], *place), *counted).await.unwrap();
                assert_eq!(moved.after.on_hand(), *counted);
            }
            Step::Count { place, counted: by_item } => {
                let lines: Vec<CountLine> = ITEMS
                    .iter()
                    .zip(by_item)
                    .zip(2..)
                    .map(|((code, n), line)| counted(line, code, *n))
                    .collect();
                let plan = store.plan_count(&lines, &self.places[*place], false).await.unwrap();
                store.commit_count(&plan.rows, Some(plan.as_of), ("cli:hanako", "x"), t.now()).await.unwrap();
            }
            Step::WriteOff { item, place, units, even_reserved } => {
                let what = if *even_reserved { WriteOff::EvenReserved } else { WriteOff::Free };
                match store.write_off_stock(&self.at(ITEMS[*item], *place), *units, what).await {
                    Ok(moved) => assert_eq!(moved.before.on_hand() - moved.after.on_hand(), *units),
                    Err(error) => assert!(matches!(error, StoreError::Refused(_)), "{error}"),
                }
            }
            Step::Order { lines } => {
                let lines: Vec<(&str, i64)> = lines.iter().map(|(offer, n)| (OFFERS[*offer], *n)).collect();
                orders.push(t.order(t.remote(&format!("{}", orders.len() + 1), &lines)).await);
            }
            Step::Cancel { order } => {
                let Some(order) = pick(order) else { return };
                only_refused(store.cancel_order(&t.act(order), "test", "").await.map(drop));
            }
            Step::Ship { order } => {
                let Some(order) = pick(order) else { return };
                let parcel = Shipment { carrier: "yamato".into(), ..Shipment::default() };
                only_refused(store.ship_order(&t.act(order), &parcel).await.map(drop));
            }
            Step::Return { order, restock } => {
                let Some(order) = pick(order) else { return };
                only_refused(
                    store.return_goods(&t.act(order), (1, 1), self.places[0].id, *restock).await.map(drop),
                );
            }
        }
    }
}

fn only_refused(result: Result<(), StoreError>) {
    if let Err(error) = result {
        assert!(matches!(error, StoreError::Refused(_)), "{error}");
    }
}

/// Lives a history in a store; after every step nothing is below zero and what is derived agrees.
async fn live(fresh: Fresh, steps: &[Step]) {
    let house = House::open(&fresh).await;
    let mut orders = Vec::new();
    for step in steps {
        house.happen(step, &mut orders).await;
        house.sound().await;
    }
    let below = "SELECT COUNT(*) FROM level WHERE available < 0 OR reserved < 0 OR short < 0";
    assert_eq!(fresh.number(below).await, 0);
    // Who waits, waits because nothing is free where the channel sells.
    let idle = "SELECT COUNT(*) FROM reservation r JOIN level l ON l.item_id = r.item_id \
                WHERE r.short > 0 AND l.available > 0";
    assert_eq!(fresh.number(idle).await, 0);
}

fn run(history: impl Future<Output = ()>) {
    tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap().block_on(history);
}

fn cases(many: u32) -> ProptestConfig {
    let quick = std::env::var_os("BANTO_TEST_QUICK").is_some();
    ProptestConfig {
        failure_persistence: None,
        ..ProptestConfig::with_cases(if quick { many / 4 } else { many })
    }
}

proptest! {
    #![proptest_config(cases(24))]

    #[test]
    fn whatever_people_do_the_ledger_agrees_with_itself(steps in prop::collection::vec(step(), 1..25)) {
        run(async { live(Fresh::sqlite().await, &steps).await });
    }
}

proptest! {
    #![proptest_config(cases(8))]

    #[test]
    fn whatever_people_do_the_ledger_agrees_with_itself_on_postgresql(steps in prop::collection::vec(step(), 1..25)) {
        run(async {
            if let Some(fresh) = Fresh::postgres().await {
                live(fresh, &steps).await;
            }
        });
    }
}
