//! Items imported from merchants' sheets, and the listings and order lines that wait for them.

use std::path::Path;
use std::sync::Arc;

use banto::channels::Channel;
use banto::channels::push::Pusher;
use banto::config::{Config, Surroundings};
use banto::domain::catalogue::Draft;
use banto::domain::mapping::Rule;
use banto::sheet;
use banto::store::{Import, Imported, ListingTab, StoreError};
use banto_channel::{Clock, Connector, Fulfilment, ListingId, RemoteOffer, RemoteOrder};
use banto_sim::{Market, NoHttp, SimClock, SimConnector, SimMarket, SimSetup};

use crate::stores::each_store;
use crate::trading::{Trading, raw};

/// Imports a sheet's text.
async fn import(t: &Trading, text: &str) -> Imported {
    import_so(t, text, false, false).await
}

async fn import_so(t: &Trading, text: &str, dry_run: bool, skip_bad: bool) -> Imported {
    let sheet = sheet::items(text.as_bytes(), "JPY").unwrap();
    assert_eq!(sheet.faults, []);
    let (location, now) = (t.facts.locations[0], t.now());
    let import = Import {
        currency: "JPY",
        location,
        skip_bad,
        dry_run,
        source: "items.csv",
        actor: "cli:hanako",
        now,
    };
    t.store.import_items(&sheet.lines, &import).await.unwrap()
}

fn told(done: &Imported) -> Vec<String> {
    done.plan.faults.iter().map(ToString::to_string).collect()
}

/// The channel offers these: key, code, JAN, title.
async fn offer(t: &Trading, offers: &[(&str, Option<&str>, Option<&str>, &str)]) {
    let offers: Vec<RemoteOffer> = offers
        .iter()
        .map(|(id, code, gtin, title)| RemoteOffer {
            id: (*id).into(),
            code: code.map(str::to_owned),
            gtin: gtin.map(str::to_owned),
            title: (*title).to_owned(),
            quantity: Some(9),
            price: None,
            active: true,
        })
        .collect();
    t.store.take_offers(t.facts.id, &offers, t.now()).await.unwrap();
    t.store.propose_mappings(t.now()).await.unwrap();
}

/// An order of one offer.
fn bought(t: &Trading, id: &str, listing: &str, quantity: i64) -> RemoteOrder {
    let mut order = t.remote(id, &[("unknown", quantity)]);
    order.lines[0].code = None;
    order.lines[0].listing = Some(listing.into());
    raw(order)
}

async fn sound(t: &Trading) {
    assert_eq!(t.store.verify_ledger().await.unwrap(), []);
}

#[tokio::test]
async fn every_unmatched_listing_gets_its_proposal_however_many_there_are() {
    each_store(async |fresh| {
        let t = Trading::live(fresh).await;
        import(&t, SHEET).await;
        // More than are compared at once.
        let ids: Vec<String> = (0..5_050).map(|n| format!("L{n}")).collect();
        let offers: Vec<_> = ids.iter().map(|id| (id.as_str(), None, None, "煎茶")).collect();
        offer(&t, &offers).await;
        let page = ListingTab::Proposed;
        let last = t.store.listing_page(page, None, (0, 0), 6_000).await.unwrap().views;
        assert_eq!(last.len(), 5_050);
        assert!(last.iter().all(|view| view.proposal.as_ref().is_some_and(|p| p.code == "TEA")));

        // A person's word in between is not taken back.
        let now = t.now();
        t.store.map_listing(("honten", "L7"), ("CUP", 2), "cli:hanako", now).await.unwrap();
        t.store.propose_mappings(t.now()).await.unwrap();
        let done = t.store.accept_proposals(&[Rule::Title], None, "cli:hanako", t.now()).await.unwrap();
        assert_eq!(done.listings.len(), 5_049);
        assert!(done.listings.iter().all(|(_, listing, code)| listing != "L7" && code == "TEA"));
    })
    .await;
}

const SHEET: &str = "code,name,JAN,price,tax rate,stock,components\n\
    TEA,煎茶,4901234567894,1980,8,50,\nCUP,湯のみ,,3300,10,7,\nGIFT,贈答,,5000,10,,TEA*2+CUP\n";

#[tokio::test]
async fn a_sheet_makes_items_once_and_changes_them_after() {
    each_store(async |fresh| {
        let t = Trading::live(fresh).await;
        let first = import(&t, SHEET).await;
        assert_eq!((first.written, first.plan.create.len()), (true, 3));
        assert_eq!(
            (t.level("TEA").await, t.level("CUP").await, t.level("GIFT").await),
            ((50, 0, 0), (7, 0, 0), (0, 0, 0))
        );
        let gift = t.store.item_view("GIFT").await.unwrap();
        let parts: Vec<(&str, i64)> = gift.parts.iter().map(|(i, n)| (i.code.as_str(), *n)).collect();
        assert_eq!((gift.item.is_set, parts), (true, vec![("TEA", 2), ("CUP", 1)]));

        let again = import(&t, SHEET).await;
        assert_eq!((again.written, again.plan.unchanged), (false, 3));
        let dearer = import(&t, "code,price,stock\nTEA,2200,99\n").await;
        assert_eq!((dearer.written, dearer.plan.update.len()), (true, 1));
        let tea = t.store.item("TEA").await.unwrap();
        let kept = (tea.name.as_str(), tea.gtin.as_deref(), tea.tax_rate_bp);
        assert_eq!((tea.price, kept), (Some(2200), ("煎茶", Some("4901234567894"), Some(800))));
        assert_eq!(t.level("TEA").await, (50, 0, 0), "a sheet never overwrites stock");
        sound(&t).await;
    })
    .await;
}

#[tokio::test]
async fn nothing_is_written_while_a_line_is_wrong_or_in_a_dry_run() {
    each_store(async |fresh| {
        let t = Trading::live(fresh).await;
        let bad = "code,name,components\nA,a,\nB,,\nS,s,A+NONE\n";
        let refused = import(&t, bad).await;
        assert!(!refused.written);
        assert_eq!(
            told(&refused),
            [
                "line 3: B is new and needs a name",
                "line 4: its part NONE is neither an item nor a good line of this file"
            ]
        );
        assert!(!import_so(&t, SHEET, true, false).await.written);
        assert_eq!(t.store.items("", 10).await.unwrap(), []);
        assert_eq!(t.store.newest_entry().await.unwrap(), 0);
        let rest = import_so(&t, bad, false, true).await;
        assert_eq!((rest.written, rest.plan.create.len(), rest.plan.faults.len()), (true, 1, 2));
        assert!(matches!(t.store.item("B").await, Err(StoreError::NotFound(_))));
    })
    .await;
}

#[tokio::test]
async fn a_sets_parts_stay_while_orders_hold_it() {
    each_store(async |fresh| {
        let t = Trading::live(fresh).await;
        import(&t, SHEET).await;
        let order = t.order(t.remote("1", &[("GIFT", 3)])).await;
        let change = "code,components\nGIFT,TEA*1\n";
        assert_eq!(
            told(&import(&t, change).await),
            ["line 2: what GIFT is made of cannot change while orders hold it: honten/N-1"]
        );
        assert_eq!(
            told(&import(&t, "code,components\nTEA,CUP*3\n").await),
            ["line 2: TEA is a part of GIFT and cannot be a set itself"]
        );
        t.store.cancel_order(&t.act(order), "test", "").await.unwrap();
        assert!(import(&t, change).await.written);
        assert_eq!(t.store.item_view("GIFT").await.unwrap().parts.len(), 1);
        sound(&t).await;
    })
    .await;
}

#[tokio::test]
async fn an_order_line_waits_for_its_item_and_gets_it_with_the_import() {
    each_store(async |fresh| {
        let t = Trading::live(fresh).await;
        let (first, second) = (
            t.order(t.remote("1", &[("TEA", 4)])).await,
            t.order(t.remote("2", &[("GIFT", 1), ("X", 1)])).await,
        );
        let waiting = t.store.lines_waiting().await.unwrap();
        let seen: Vec<_> =
            waiting.iter().map(|w| (w.code.as_deref().unwrap(), w.units, w.orders.len())).collect();
        assert_eq!(seen, [("TEA", 4, 1), ("GIFT", 1, 1), ("X", 1, 1)]);
        let done =
            import(&t, "code,name,stock,components\nTEA,tea,5,\nCUP,cup,0,\nGIFT,gift,,TEA*2+CUP\n").await;
        assert_eq!(done.matched, 2);
        // The older order gets its four, the set finds one of two left and no cup.
        assert_eq!((t.level("TEA").await, t.level("CUP").await), ((0, 5, 1), (0, 0, 1)));
        assert!(t.story(first).await.contains(&"matched".to_owned()));
        assert_eq!(t.store.lines_waiting().await.unwrap().len(), 1, "X waits on");
        // The channel tells the same order again, changed: nothing is reserved twice.
        let mut changed = t.remote("2", &[("GIFT", 1), ("X", 1)]);
        changed.status = "on-hold".to_owned();
        assert_eq!(t.order(raw(changed)).await, second);
        assert_eq!(t.level("TEA").await, (0, 5, 1));
        sound(&t).await;
    })
    .await;
}

#[tokio::test]
async fn a_mapping_serves_the_orders_that_waited_for_it() {
    each_store(async |fresh| {
        let t = Trading::live(fresh).await;
        import(&t, SHEET).await;
        offer(&t, &[("10", None, None, "お茶三個組")]).await;
        let open = t.order(bought(&t, "1", "10", 2)).await;
        let mut gone = bought(&t, "2", "10", 1);
        gone.fulfilment = Fulfilment::Shipped;
        let gone = t.order(raw(gone)).await;
        let mut partly = bought(&t, "3", "10", 3);
        (partly.lines[0].shipped, partly.fulfilment) = (Some(1), Fulfilment::Partial);
        t.order(raw(partly)).await;
        let mapped = t.store.map_listing(("honten", "10"), ("TEA", 3), "cli:hanako", t.now()).await.unwrap();
        assert_eq!(mapped.matched, 2, "what has left waits for nothing");
        // Of 50: 6 held for the first, 3 left and 6 held for the third.
        assert_eq!(t.level("TEA").await, (35, 12, 0));
        assert!(t.story(open).await.contains(&"matched".to_owned()));
        assert!(!t.story(gone).await.contains(&"matched".to_owned()));
        assert_eq!(t.view(open).await.order.lines[0].per, 3);
        t.store.cancel_order(&t.act(open), "test", "").await.unwrap();
        assert_eq!(t.level("TEA").await, (41, 6, 0));
        let next = t.order(bought(&t, "4", "10", 1)).await;
        assert_eq!(t.view(next).await.order.lines[0].per, 3, "later orders find the mapping");
        sound(&t).await;
    })
    .await;
}

#[tokio::test]
async fn proposals_are_taken_by_rule() {
    each_store(async |fresh| {
        let t = Trading::live(fresh).await;
        offer(
            &t,
            &[
                ("1", Some("TEA"), None, "same code"),
                ("2", Some("ｃｕｐ"), None, "similar code"),
                ("3", None, Some("04901234567894"), "same JAN"),
                ("4", None, None, "贈答"),
                ("5", None, None, "something else"),
            ],
        )
        .await;
        let order = t.order(bought(&t, "1", "1", 1)).await;
        let done = import(&t, SHEET).await;
        assert_eq!(
            (done.mapped, done.matched),
            (1, 1),
            "an equal code maps by itself, and its order line is served"
        );
        assert!(t.story(order).await.contains(&"matched".to_owned()));
        let proposed: Vec<_> = t.store.listings_unmapped().await.unwrap();
        let proposed: Vec<_> = proposed
            .iter()
            .map(|l| (l.row.remote_id.as_str(), l.proposal.as_ref().map(|p| (p.code.as_str(), p.rule))))
            .collect();
        assert_eq!(
            proposed,
            [
                ("2", Some(("CUP", Rule::SimilarCode))),
                ("3", Some(("TEA", Rule::Gtin))),
                ("4", Some(("GIFT", Rule::Title))),
                ("5", None)
            ]
        );
        let taken = t.store.accept_proposals(&[Rule::Gtin], None, "cli:hanako", t.now()).await.unwrap();
        assert_eq!(taken.listings, [("honten".to_owned(), "3".to_owned(), "TEA".to_owned())]);
        let all = [Rule::Code, Rule::SimilarCode, Rule::Gtin, Rule::Title];
        let taken = t.store.accept_proposals(&all, Some(t.facts.id), "cli:hanako", t.now()).await.unwrap();
        assert_eq!(taken.listings.len(), 2);
        let left = t.store.listings_unmapped().await.unwrap();
        assert_eq!(left.iter().map(|l| l.row.remote_id.as_str()).collect::<Vec<_>>(), ["5"]);
    })
    .await;
}

#[tokio::test]
async fn an_order_that_came_before_its_offer_was_read_gets_its_item_with_the_offer() {
    each_store(async |fresh| {
        let t = Trading::live(fresh).await;
        import(&t, SHEET).await;
        let order = t.order(bought(&t, "1", "77", 2)).await;
        assert_eq!(t.level("GIFT").await, (0, 0, 0));
        offer(&t, &[("77", Some("GIFT"), None, "贈答")]).await;
        assert_eq!((t.level("TEA").await, t.level("CUP").await), ((46, 4, 0), (5, 2, 0)));
        assert!(t.story(order).await.contains(&"matched".to_owned()));
        sound(&t).await;
    })
    .await;
}

#[tokio::test]
async fn an_ignored_offer_waits_for_nothing_until_it_is_unmapped() {
    each_store(async |fresh| {
        let t = Trading::live(fresh).await;
        import(&t, SHEET).await;
        offer(&t, &[("wrap", None, None, "ギフト包装")]).await;
        t.order(bought(&t, "1", "wrap", 1)).await;
        assert_eq!(t.store.lines_waiting().await.unwrap().len(), 1);
        t.store.ignore_listing("honten", "wrap", "cli:hanako", t.now()).await.unwrap();
        t.order(bought(&t, "2", "wrap", 1)).await;
        assert_eq!(t.store.lines_waiting().await.unwrap(), []);
        assert_eq!(t.store.listings_unmapped().await.unwrap().len(), 0);
        t.store.unmap_listing("honten", "wrap", "cli:hanako", t.now()).await.unwrap();
        let waiting = t.store.lines_waiting().await.unwrap();
        assert_eq!((waiting.len(), waiting[0].units), (1, 2));
        let mapped =
            t.store.map_listing(("honten", "wrap"), ("CUP", 1), "cli:hanako", t.now()).await.unwrap();
        assert_eq!((mapped.matched, t.level("CUP").await), (2, (5, 2, 0)));
        sound(&t).await;
    })
    .await;
}

#[tokio::test]
async fn a_mapping_names_what_is_not_there() {
    each_store(async |fresh| {
        let t = Trading::live(fresh).await;
        import(&t, SHEET).await;
        offer(&t, &[("1", None, None, "a")]).await;
        let map = async |channel: &str, listing: &str, code: &str, units: i64| {
            t.store
                .map_listing((channel, listing), (code, units), "cli:hanako", t.now())
                .await
                .unwrap_err()
                .to_string()
        };
        assert_eq!(map("nobody", "1", "TEA", 1).await, r#"no channel is called "nobody""#);
        assert_eq!(
            map("honten", "2", "TEA", 1).await,
            r#"honten has no listing "2"; `banto listings list --channel honten` shows them"#
        );
        assert_eq!(
            map("honten", "1", "NONE", 1).await,
            r#"no item has the code "NONE"; `banto items list` shows them"#
        );
        assert_eq!(map("honten", "1", "TEA", 0).await, "one listing cannot be 0 of an item");
    })
    .await;
}

#[tokio::test]
async fn a_large_sheet_is_taken_whole() {
    let fresh = crate::stores::Fresh::sqlite().await;
    let t = Trading::live(&fresh).await;
    let drafts: Vec<Draft> = (0..4500)
        .map(|n| Draft {
            line: n + 2,
            code: format!("I{n:05}"),
            name: Some(format!("item {n}")),
            stock: Some(1),
            ..Draft::default()
        })
        .collect();
    let (location, now) = (t.facts.locations[0], t.now());
    let import = Import {
        currency: "JPY",
        location,
        skip_bad: false,
        dry_run: false,
        source: "large.csv",
        actor: "cli:hanako",
        now,
    };
    let done = t.store.import_items(&drafts, &import).await.unwrap();
    assert_eq!((done.written, done.plan.create.len()), (true, 4500));
    assert_eq!(fresh.number("SELECT COUNT(*) FROM item").await, 4500);
    assert_eq!(fresh.number("SELECT SUM(available) FROM level").await, 4500);
    sound(&t).await;
}

/// The daemon's pushing side of a shop that offers one thing under a code of its own, showing 9 of it.
async fn daemon(t: &Trading) -> (Arc<SimMarket>, Channel) {
    let house = "[shop]\nname = \"茶屋\"\nlocations = [{ code = \"main\" }]\n";
    let file = [("honten", "kind = \"woocommerce\"\nmode = \"live\"\n")];
    let config = Config::from_texts(Path::new("/nowhere"), &Surroundings::default(), house, &file).unwrap();
    let offers = vec![RemoteOffer {
        id: "10".into(),
        code: Some("ZZ-9".to_owned()),
        gtin: None,
        title: "三個組".to_owned(),
        quantity: Some(9),
        price: None,
        active: true,
    }];
    let clock: Arc<dyn Clock> = Arc::clone(&t.clock) as Arc<SimClock>;
    let market = SimMarket::open(SimSetup { offers, ..SimSetup::direct("HONTEN") }, Arc::clone(&clock));
    let connector: Arc<dyn Connector> = Arc::new(SimConnector::new(Arc::clone(&market)));
    let parts = (connector, Arc::new(NoHttp) as _, clock);
    let channel = Channel::open(&t.store, &config, config.channel("honten").unwrap(), parts).await.unwrap();
    t.store.take_offers(channel.id, &market.offers(), t.now()).await.unwrap();
    (market, channel)
}

#[tokio::test]
async fn a_channel_that_was_never_pushed_to_is_on_sale_by_its_own_word() {
    each_store(async |fresh| {
        let t = Trading::live(fresh).await;
        offer(&t, &[("1", Some("TEA"), None, "煎茶"), ("2", None, None, "湯のみ")]).await;
        assert_eq!(
            t.store.listings_on_sale(t.facts.id).await.unwrap(),
            2,
            "the guard compares zeros with these"
        );
    })
    .await;
}

#[tokio::test]
async fn a_mapping_is_pushed_at_the_daemons_next_look() {
    each_store(async |fresh| {
        let t = Trading::live(fresh).await;
        import(&t, SHEET).await;
        let (market, channel) = daemon(&t).await;
        let mut pusher = Pusher::default();
        let mut push = async || {
            let row = t.store.channel("honten").await.unwrap();
            pusher.step(&channel, &t.store, &row).await.unwrap().applied
        };
        assert_eq!((push().await, push().await), (0, 0), "there is nothing that could be pushed");
        t.store.map_listing(("honten", "10"), ("TEA", 3), "cli:hanako", t.now()).await.unwrap();
        assert_eq!(push().await, 1);
        assert_eq!(market.shown(&ListingId::from("10")), Some(16), "50 are there, three in each");
        assert_eq!(push().await, 0);
    })
    .await;
}
