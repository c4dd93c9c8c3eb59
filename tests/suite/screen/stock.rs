//! The stock pages: what they show is what the plan computes, and what people do there is what the ledger says after.

use std::collections::BTreeSet;
use std::time::Duration;

use banto::domain::naming;
use banto::domain::people::Role;
use banto::domain::plan::Push;
use banto::keys::Token;
use banto::store::{
    Import, PlanRules, PushOutcome, SalesWindow, Scanned, Scope, ShelfFilter, StockAct, StoreError,
};
use banto_channel::{Bilingual, Outcome, RemoteOffer};
use banto_sim::SimClock;
use encoding_rs::SHIFT_JIS;
use tempfile::TempDir;

use super::site::{Answer, Browser, Plan, Site};
use crate::stores::{Fresh, each_store};
use crate::trading::Trading;

const NASTY: &str = "<script>alert(1)</script>\"'&";
const SHEET: &str = "code,name,JAN,price,stock,components\n\
    TEA,静岡産 深蒸し煎茶100g,4901234567894,100,10,\nCUP,湯のみ,,300,4,\nGIFT,贈答セット,,500,,TEA*2+CUP\n\
    LONE,Lone <b>spoon</b>,,10,2,\n";
const HOUSE: &str = "[shop]\nname = \"茶屋\"\nlocations = [{ code = \"main\", name = \"本店\" }, { code = \"attic\", name = \"屋根裏\" }]\n";

/// A shop with two channels, four items and its screen.
pub struct Shop {
    pub site: Site,
    pub t: Trading,
    _secrets: TempDir,
}

impl Shop {
    pub async fn open(fresh: &Fresh) -> Self {
        let secrets = tempfile::tempdir().unwrap();
        std::fs::write(secrets.path().join("key"), "key").unwrap();
        let key = secrets.path().join("key").display().to_string();
        let file = |stock: &str| {
            format!(
                "kind = \"woocommerce\"\nmode = \"live\"\n\n[connector]\nurl = \"https://shop.example\"\n\
                 consumer_key_file = \"{key}\"\nconsumer_secret_file = \"{key}\"\n\n[stock]\n{stock}\n"
            )
        };
        let (honten, niten) = (file("buffer = 2"), file("cap = 3\nlocations = [\"main\"]"));
        let plan = Plan { house: HOUSE, channels: &[("honten", &honten), ("niten", &niten)] };
        let mut t = Trading::open(fresh, "honten", true).await;
        let site = Site::planned(fresh, plan, SimClock::usual()).await;
        t.facts.locations = t.store.locations().await.unwrap().iter().map(|l| l.id).collect();
        let drafts = banto::sheet::items(SHEET.as_bytes(), "JPY").unwrap().lines;
        let import = Import {
            currency: "JPY",
            location: t.facts.locations[0],
            skip_bad: false,
            dry_run: false,
            source: "items.csv",
            actor: "cli:hanako",
            now: t.now(),
        };
        assert!(t.store.import_items(&drafts, &import).await.unwrap().written);
        Self { site, t, _secrets: secrets }
    }

    /// Channels offer these: channel, key, code, title, what it shows.
    pub async fn offer(&self, offers: &[(&str, &str, Option<&str>, &str, i64)]) {
        for (channel, id, code, title, quantity) in offers {
            let offer = RemoteOffer {
                id: (*id).into(),
                code: code.map(str::to_owned),
                gtin: None,
                title: (*title).to_owned(),
                quantity: Some(*quantity),
                price: None,
                active: true,
            };
            let channel = self.t.store.channel(channel).await.unwrap().id;
            self.t.store.take_offers(channel, &[offer], self.t.now()).await.unwrap();
        }
        self.t.store.propose_mappings(self.t.now()).await.unwrap();
    }

    pub async fn staff(&self) -> Browser {
        self.site.log_in(Role::Staff).await
    }

    /// What became of a push of `quantity` to a listing.
    pub async fn pushed(&self, channel: &str, remote: &str, quantity: i64, outcome: Outcome) {
        let id = self.t.store.channel(channel).await.unwrap().id;
        let row = self.t.store.listings_by_remote(id, &[remote]).await.unwrap().remove(0);
        let push = Push {
            listing: row.id,
            remote_id: remote.to_owned(),
            quantity,
            was: row.shown,
            version: self.t.store.newest_entry().await.unwrap(),
        };
        let now = self.t.now();
        self.t.store.settle_pushes(&[PushOutcome { push, outcome }], &[], now, now).await.unwrap();
    }
}

/// Sends the form that moves an item's stock, as a page that was opened just now.
pub async fn move_stock(browser: &Browser, code: &str, form: &[(&str, &str)]) -> Answer {
    let key = Token::new().0;
    browser.post(&format!("/stock/{code}/move"), &[form, &[("key", key.as_str())]].concat()).await
}

/// The value of a hidden field.
pub fn hidden(html: &str, name: &str) -> String {
    let at = html.find(&format!("name=\"{name}\" ")).unwrap_or_else(|| panic!("{name}: {html}"));
    html[at..].split_once("value=\"").unwrap().1.split_once('"').unwrap().0.to_owned()
}

#[tokio::test]
async fn a_cell_shows_what_the_plan_computes_and_its_page_says_why() {
    each_store(async |fresh| {
        let shop = Shop::open(fresh).await;
        let offers = [
            ("honten", "L1", Some("TEA"), "煎茶", 9),
            ("honten", "L2", Some("GIFT"), NASTY, 9),
            ("niten", "gid://x/3", Some("TEA"), "tea", 9),
        ];
        shop.offer(&offers).await;
        shop.t.order(shop.t.remote("1", &[("TEA", 3)])).await;
        let staff = shop.staff().await;
        let grid = staff.page("/stock").await;
        // 7 free, 2 held back; 3 whole sets, 2 held back; at most 3.
        let numbers = [("honten", "L1", "5"), ("honten", "L2", "1"), ("niten", "gid%3A%2F%2Fx%2F3", "3")];
        for (channel, listing, ours) in numbers {
            let found = grid.find(&format!("/explain/{channel}/{listing}\"")).unwrap();
            let number = grid[found..].split_once("<b>").unwrap().1.split_once("</b>").unwrap().0;
            assert_eq!(number, ours, "{channel} {listing}");
            let code = if listing == "L2" { "GIFT" } else { "TEA" };
            let why = staff.page(&format!("/stock/{code}/explain/{channel}/{listing}")).await;
            assert!(why.contains(&format!("<td class=\"num strong\">{ours}</td>")), "{why}");
            assert!(why.contains("TEA: 7 available"), "{why}");
            assert!(why.contains("honten/N-1") && !why.contains("<script>alert"), "{why}");
        }
        // The same numbers as the planner itself would push.
        let tea = shop.t.store.item("TEA").await.unwrap().id;
        let mut wanted = Vec::new();
        for running in &shop.site.app.channels {
            let channel = &running.channel;
            let basis = channel.connector.capabilities().stock_basis;
            let rules = PlanRules { channel: channel.id, locations: &channel.facts.locations, basis };
            for one in shop.t.store.stocked(&rules, Scope::Items(&[tea].into())).await.unwrap() {
                let ours = one.candidate(&channel.rule(&one.row), basis, false).wanted;
                wanted.push((channel.name.clone(), one.row.remote_id, ours));
            }
        }
        wanted.sort();
        let of = |channel: &str, listing: &str, n| (channel.to_owned(), listing.to_owned(), Some(n));
        assert_eq!(wanted, [of("honten", "L1", 5), of("honten", "L2", 1), of("niten", "gid://x/3", 3)]);
        let set = staff.page("/stock/GIFT/explain/honten/L2").await;
        assert!(set.contains("The scarcest part decides") && set.contains("÷ 2 in each"), "{set}");
        staff.get("/stock/CUP/explain/honten/L1").await.expect(404);
        staff.get("/stock/TEA/explain/nowhere/L1").await.expect(404);
    })
    .await;
}

#[tokio::test]
async fn every_state_of_a_cell_has_its_word_and_its_filter() {
    each_store(async |fresh| {
        let shop = Shop::open(fresh).await;
        let offers = [
            ("honten", "L1", Some("TEA"), "煎茶", 9),
            ("honten", "L2", Some("CUP"), "cup", 2),
            ("niten", "L3", Some("TEA"), "tea", 3),
            ("niten", "L4", Some("CUP"), "cup", 3),
        ];
        shop.offer(&offers).await;
        let staff = shop.staff().await;
        let state = async |channel: &str, listing: &str| {
            let grid = staff.page("/stock").await;
            let at = grid.find(&format!("/explain/{channel}/{listing}\"")).unwrap();
            let chip =
                grid[at..].split_once("<span class=\"chip ").unwrap().1.split_once("</span>").unwrap().0;
            chip.split_once("\">").unwrap().1.to_owned()
        };
        let listed = async |filter: &str| {
            let grid = staff.page(&format!("/stock?f={filter}")).await;
            let rows = grid.split("<tr data-row data-href=\"/stock/").skip(1);
            rows.map(|r| r.split('"').next().unwrap().to_owned()).collect::<Vec<_>>()
        };
        assert_eq!(state("honten", "L1").await, "on its way");
        shop.pushed("honten", "L1", 8, Outcome::Applied).await;
        shop.pushed("honten", "L2", 2, Outcome::Refused { reason: Bilingual::quoted(NASTY) }).await;
        shop.pushed("niten", "L4", 3, Outcome::Applied).await;
        assert_eq!(
            (state("honten", "L1").await, state("niten", "L3").await),
            ("ok".to_owned(), "ok".to_owned())
        );
        assert_eq!(state("honten", "L2").await, "error");
        assert_eq!((listed("errors").await, listed("drift").await), (vec!["CUP".to_owned()], vec![]));
        shop.t.pass(Duration::from_secs(60));
        shop.offer(&[("honten", "L1", Some("TEA"), "煎茶", 1)]).await;
        assert_eq!(state("honten", "L1").await, "drift");
        assert_eq!(listed("drift").await, ["TEA"]);
        assert_eq!(listed("unlisted").await, ["GIFT", "LONE"]);
        assert_eq!(listed("short").await, Vec::<String>::new());
        shop.t.order(shop.t.remote("1", &[("GIFT", 6)])).await;
        assert_eq!(listed("short").await, ["CUP", "TEA"]);
        assert_eq!(listed("").await, ["CUP", "GIFT", "LONE", "TEA"]);
        let error = staff.page("/stock/CUP").await;
        assert!(!error.contains("<script>alert") && error.contains("&#60;script&#62;"), "{error}");
    })
    .await;
}

#[tokio::test]
async fn what_sells_faster_than_it_lasts_is_named_parts_of_sets_too() {
    each_store(async |fresh| {
        let shop = Shop::open(fresh).await;
        let t = &shop.t;
        t.order(t.remote("1", &[("GIFT", 3)])).await;
        t.order(t.remote("2", &[("LONE", 1)])).await;
        while t.store.project(500, t.now()).await.unwrap() > 0 {}
        let day = t.now().0.div_euclid(86_400_000_000) + 1;
        let date = jiff::Timestamp::from_microsecond(t.now().0)
            .unwrap()
            .to_zoned(jiff::tz::TimeZone::get("Asia/Tokyo").unwrap());
        let month = i64::from(date.year()) * 12 + i64::from(date.month()) - 1;
        let window = SalesWindow { month, today: day + 2, first_day: day - 60 };
        let out = async |days: i64| {
            let filter = ShelfFilter::RunningOut { days, window, currency: "JPY" };
            let page = t.store.shelf(filter, &[], "", 50).await.unwrap();
            page.items.into_iter().map(|i| i.code).collect::<Vec<_>>()
        };
        // Within two to four days six teas and three cups went, of which four and one are left.
        assert_eq!(out(1).await, Vec::<String>::new());
        assert_eq!(out(3).await, ["CUP", "TEA"]);
        assert_eq!(out(30).await, ["CUP", "LONE", "TEA"]);
        let cup = t.store.item("CUP").await.unwrap().id;
        let pace = t.store.pace(&[cup].into(), window).await.unwrap()[&cup];
        assert_eq!(pace.units, 3, "cups went as parts of sets");
    })
    .await;
}

#[tokio::test]
async fn items_are_found_by_code_jan_and_words_and_paged_once_each() {
    each_store(async |fresh| {
        let shop = Shop::open(fresh).await;
        let t = &shop.t;
        let found = async |query: &str| {
            let page = t.store.shelf(ShelfFilter::All, &naming::words(query), "", 50).await.unwrap();
            page.items.into_iter().map(|i| i.code).collect::<Vec<_>>()
        };
        for (query, codes) in [
            ("tea", vec!["TEA"]),
            ("490123", vec!["TEA"]),
            ("煎茶", vec!["TEA"]),
            ("煎茶 静岡", vec!["TEA"]),
            ("ゆのみ", vec![]),
            ("湯のみ", vec!["CUP"]),
            ("spo lone", vec!["LONE"]),
            ("煎茶 湯のみ", vec![]),
        ] {
            assert_eq!(found(query).await, codes, "{query}");
        }
        // A name that changed is found by its new words only.
        let renamed = banto::sheet::items("code,name\nCUP,Mug\n".as_bytes(), "JPY").unwrap().lines;
        let import = Import {
            currency: "JPY",
            location: t.facts.locations[0],
            skip_bad: false,
            dry_run: false,
            source: "x",
            actor: "x",
            now: t.now(),
        };
        assert!(t.store.import_items(&renamed, &import).await.unwrap().written);
        assert_eq!((found("mug").await, found("湯のみ").await), (vec!["CUP".to_owned()], vec![]));
        // So many that they are looked through by code.
        let many: String = (0..2_100).map(|n| format!("Z-{n:04},common thing,1\n")).collect();
        let many = banto::sheet::items(format!("code,name,stock\n{many}").as_bytes(), "JPY").unwrap().lines;
        assert!(t.store.import_items(&many, &import).await.unwrap().written);
        for (filter, query) in
            [(ShelfFilter::All, "common"), (ShelfFilter::Unlisted, "common"), (ShelfFilter::All, "")]
        {
            let (mut after, mut seen) = (String::new(), Vec::new());
            loop {
                let page = t.store.shelf(filter, &naming::words(query), &after, 500).await.unwrap();
                seen.extend(page.items.into_iter().map(|i| i.code));
                let Some(next) = page.next else { break };
                after = next;
            }
            let all = if query.is_empty() { 2_104 } else { 2_100 };
            assert_eq!(
                (seen.len(), seen.iter().collect::<BTreeSet<_>>().len()),
                (all, all),
                "{filter:?} {query}"
            );
        }
        // Items of before there were terms get theirs when the store is migrated.
        fresh.run("DELETE FROM item_term").await;
        assert_eq!(found("mug").await, Vec::<String>::new());
        t.store.migrate().await.unwrap();
        assert_eq!(found("mug").await, ["CUP"]);
    })
    .await;
}

#[tokio::test]
async fn a_scanner_fills_a_slip_and_nothing_is_lost() {
    each_store(async |fresh| {
        let shop = Shop::open(fresh).await;
        let t = &shop.t;
        t.order(t.remote("1", &[("TEA", 13)])).await;
        let staff = shop.staff().await;
        assert!(staff.page("/stock/receive").await.contains("autofocus"));
        let scan = async |list: &[(&str, &str)], scan: &str, act: &str| {
            let key = hidden(&staff.page("/stock/receive").await, "key");
            let mut form =
                vec![("scan", scan), ("units", "1"), ("act", act), ("at", "main"), ("note", "slip 7")];
            form.push(("key", key.as_str()));
            form.extend(list.iter().flat_map(|(code, qty)| [("code", *code), ("qty", *qty)]));
            staff.post("/stock/receive", &form).await
        };
        let first = scan(&[], "04901234567894", "add").await.expect(200).body;
        assert!(first.contains("<b>TEA</b>") && first.contains("value=\"TEA\""), "{first}");
        assert!(first.contains("short 3"), "what is on the shelf and missing is said: {first}");
        let second = scan(&[("TEA", "1")], "tea", "add").await.expect(200).body;
        assert!(second.contains("name=\"qty\" inputmode=\"numeric\" min=\"1\" value=\"2\""), "{second}");
        for (typed, told) in [(NASTY, "No item has the code or JAN"), ("GIFT", "is a set: scan its parts")] {
            let unknown = scan(&[("TEA", "2"), ("CUP", "5")], typed, "book").await.expect(200).body;
            assert!(unknown.contains(told) && !unknown.contains("<script>alert"), "{unknown}");
            assert!(
                unknown.contains("value=\"TEA\"") && unknown.contains("value=\"5\""),
                "the list stays: {unknown}"
            );
        }
        assert_eq!(t.level("CUP").await, (4, 0, 0), "nothing was booked");
        let dropped = scan(&[("TEA", "2"), ("CUP", "5")], "", "drop CUP").await.expect(200).body;
        assert!(!dropped.contains("value=\"CUP\""), "{dropped}");
        let booked = scan(&[("TEA", "4"), ("CUP", "5")], "", "book").await.expect(303);
        assert_eq!(booked.location(), "/stock/receive");
        let told = staff.page("/stock/receive").await;
        assert!(told.contains("Booked 9 units of 2 items at 本店") && told.contains("honten/N-1"), "{told}");
        assert_eq!((t.level("TEA").await, t.level("CUP").await), ((1, 13, 0), (9, 0, 0)));
        assert_eq!(
            fresh
                .number("SELECT COUNT(*) FROM audit WHERE action = 'stock_received' AND actor = 'user:staff'")
                .await,
            2
        );
        // All of a slip or nothing of it.
        let refused = scan(&[("CUP", "1"), ("NONE", "1")], "", "book").await.expect(200).body;
        assert!(refused.contains("Nothing was booked"), "{refused}");
        assert_eq!(t.level("CUP").await, (9, 0, 0));
        assert_eq!(t.store.verify_ledger().await.unwrap(), []);
    })
    .await;
}

#[tokio::test]
async fn a_jan_of_two_items_is_asked_about() {
    each_store(async |fresh| {
        let shop = Shop::open(fresh).await;
        let t = &shop.t;
        fresh.run("UPDATE item SET gtin = '4901234567894' WHERE code = 'CUP'").await;
        let Scanned::Several(both) = t.store.scanned("4901234567894").await.unwrap() else { panic!() };
        assert_eq!(both.iter().map(|i| i.code.as_str()).collect::<Vec<_>>(), ["CUP", "TEA"]);
        assert!(
            matches!(t.store.scanned(" lone ").await.unwrap(), Scanned::One(item) if item.code == "LONE")
        );
        assert_eq!(t.store.scanned("LON").await.unwrap(), Scanned::Unknown);
        let staff = shop.staff().await;
        let asked =
            staff.post("/stock/receive", &[("scan", "4901234567894"), ("act", "add")]).await.expect(200).body;
        assert!(asked.contains("name=\"scan\" value=\"CUP\"") && asked.contains("choose one"), "{asked}");
    })
    .await;
}

#[tokio::test]
async fn two_people_do_not_correct_the_same_number() {
    each_store(async |fresh| {
        let shop = Shop::open(fresh).await;
        let (t, staff) = (&shop.t, shop.staff().await);
        let seen = hidden(&staff.page("/stock/TEA").await, "seen");
        let form = |quantity| {
            [("what", "set"), ("quantity", quantity), ("at", "main"), ("note", "x"), ("seen", &*seen)]
        };
        move_stock(&staff, "TEA", &form("8")).await.expect(303);
        let late = move_stock(&staff, "TEA", &form("12")).await.expect(409).body;
        assert!(late.contains("has moved since you looked: 8 are on hand now"), "{late}");
        assert!(late.contains("value=\"12\"") && late.contains("<option value=\"set\" selected>"), "{late}");
        assert_ne!(hidden(&late, "seen"), seen, "the form knows what is there now");
        assert_eq!(t.level("TEA").await, (8, 0, 0));
        let page = staff.page("/stock/TEA").await;
        assert!(page.contains("TEA at 本店: on hand 10 → 8"), "{page}");
        for (what, quantity, level) in [("receive", "１２", (20, 0, 0)), ("write_off", "5", (15, 0, 0))] {
            move_stock(&staff, "TEA", &[("what", what), ("quantity", quantity)]).await.expect(303);
            assert_eq!(t.level("TEA").await, level, "{what}");
        }
        move_stock(&staff, "TEA", &[("what", "receive"), ("quantity", "many")]).await.expect(422);
        move_stock(&staff, "TEA", &[("what", "write_off"), ("quantity", "99")]).await.expect(409);
        move_stock(&staff, "GIFT", &[("what", "receive"), ("quantity", "1")]).await.expect(409);
        move_stock(&staff, "TEA", &[("what", "receive"), ("quantity", "1"), ("at", "moon")])
            .await
            .expect(404);
        let reader = shop.site.log_in(Role::ReadOnly).await;
        move_stock(&reader, "TEA", &form("1")).await.expect(403);
        assert!(!reader.page("/stock/TEA").await.contains("/stock/TEA/move"));
        assert_eq!(t.level("TEA").await, (15, 0, 0));
    })
    .await;
}

#[tokio::test]
async fn a_stocktake_by_scanner_finds_what_moved_since() {
    each_store(async |fresh| {
        let shop = Shop::open(fresh).await;
        let (t, staff) = (&shop.t, shop.staff().await);
        let as_of = hidden(&staff.page("/stock/count").await, "as_of");
        t.order(t.remote("1", &[("CUP", 1)])).await;
        let list = [
            ("as_of", as_of.as_str()),
            ("code", "TEA"),
            ("qty", "9"),
            ("code", "CUP"),
            ("qty", "0"),
            ("act", "book"),
        ];
        let plan = staff.post("/stock/count", &list).await.expect(200).body;
        assert!(plan.contains("moved since") && plan.contains("Write the others"), "{plan}");
        assert_eq!(t.level("TEA").await, (10, 0, 0), "nothing is written before a person has seen it");
        let sheet = plan.split_once("<textarea name=\"sheet\" hidden>").unwrap().1.split_once('<').unwrap().0;
        let form =
            |as_of, act| [("sheet", sheet), ("at", ""), ("name", "scanner"), ("as_of", as_of), ("act", act)];
        let conflict = staff.post("/stock/count/commit", &form(&as_of, "all")).await.expect(200).body;
        assert!(conflict.contains("Nothing was written: 1 shelves moved"), "{conflict}");
        assert_eq!(t.level("TEA").await, (10, 0, 0));
        staff.post("/stock/count/commit", &form(&as_of, "rest")).await.expect(303);
        assert_eq!((t.level("TEA").await, t.level("CUP").await), ((9, 0, 0), (3, 1, 0)));
        let newest = t.store.newest_entry().await.unwrap().to_string();
        staff.post("/stock/count/commit", &form(&newest, "all")).await.expect(303);
        assert_eq!(t.level("CUP").await, (0, 0, 1), "they were counted again: the order waits");
        assert!(staff.page("/stock/count").await.contains("2 shelves counted, 1 differed"));
        assert_eq!(t.store.verify_ledger().await.unwrap(), []);
    })
    .await;
}

#[tokio::test]
async fn sheets_come_as_japanese_excel_writes_them() {
    each_store(async |fresh| {
        let shop = Shop::open(fresh).await;
        let (t, staff) = (&shop.t, shop.staff().await);
        let (count, _, _) =
            SHIFT_JIS.encode("JANコード,実棚数,倉庫\n4901234567894,7,main\n9999999999994,1,main\n");
        let plan =
            staff.upload("/stock/count/sheet", &[], &[("file", "棚卸.csv", &count)]).await.expect(200).body;
        assert!(plan.contains("Line 3: no item has the code or JAN/GTIN 9999999999994"), "{plan}");
        assert!(!plan.contains("/stock/count/commit"), "a sheet with faults cannot be written: {plan}");
        let (items, _, _) =
            SHIFT_JIS.encode("商品コード,商品名,価格,在庫\nNEW-1,髙﨑の急須 <i>,1980,5\nTEA,玉露,200,\n");
        let look = staff.upload("/stock/import", &[], &[("file", "商品.csv", &items)]).await.expect(200).body;
        assert!(
            look.contains("CP932") && look.contains("髙﨑の急須 &#60;i&#62;") && look.contains("玉露"),
            "{look}"
        );
        assert!(matches!(t.store.item("NEW-1").await, Err(StoreError::NotFound(_))), "it was only looked at");
        let form = [("file", &*hidden(&look, "file")), ("name", "商品.csv"), ("act", "all")];
        assert_eq!(staff.post("/stock/import/take", &form).await.expect(303).location(), "/stock");
        assert!(staff.page("/stock").await.contains("1 item made, 1 changed"));
        assert_eq!(
            (t.level("NEW-1").await, t.store.item("TEA").await.unwrap().name),
            ((5, 0, 0), "玉露".to_owned())
        );
        staff.post("/stock/import/take", &form).await.expect(409);
        staff.upload("/stock/import", &[], &[("file", "x.csv", b"nothing,here\n1,2\n")]).await.expect(422);
        staff.upload("/stock/import", &[], &[("file", "x.csv", b"")]).await.expect(422);
    })
    .await;
}

#[tokio::test]
async fn an_items_history_is_told_once_and_to_the_end() {
    each_store(async |fresh| {
        let shop = Shop::open(fresh).await;
        let t = &shop.t;
        let places = t.store.locations().await.unwrap();
        for n in 0..70 {
            let location = &places[usize::from(n % 3 == 0)];
            let act = StockAct { code: "TEA", location, actor: NASTY, note: "", now: t.now() };
            t.store.receive_stock(&act, n + 1, false).await.unwrap();
            t.pass(Duration::from_secs(3600));
        }
        let tea = t.store.item("TEA").await.unwrap().id;
        let cup = t.store.item("CUP").await.unwrap().id;
        let levels = t.store.levels_of(&[tea].into()).await.unwrap();
        let mut heads: Vec<i64> = levels.iter().map(|l| l.last_entry).collect();
        let mut ids = Vec::new();
        while !heads.is_empty() {
            let (entries, next) = t.store.history(tea, &heads, 20).await.unwrap();
            assert!(entries.len() <= 20 && !entries.is_empty());
            ids.extend(entries.into_iter().map(|e| e.id));
            heads = next;
        }
        assert!(ids.windows(2).all(|w| w[0] > w[1]), "newest first, each once");
        assert_eq!(ids.len(), 71);
        let heads: Vec<i64> = levels.iter().map(|l| l.last_entry).collect();
        assert_eq!(
            t.store.history(cup, &heads, 20).await.unwrap().0,
            [],
            "nobody reads another item's entries"
        );
        let reader = shop.site.log_in(Role::ReadOnly).await;
        let page = reader.page("/stock/TEA").await;
        assert!(
            page.contains("<svg") && page.contains("rel=\"next\">Older") && !page.contains("<script>alert"),
            "{page}"
        );
        let older = page.split_once("?from=").unwrap().1.split_once('#').unwrap().0;
        let second = reader.page(&format!("/stock/TEA?from={older}")).await;
        assert!(second.contains("opening stock") && second.contains(">Newest<"), "{second}");
    })
    .await;
}
