//! Why something was refused or given up is told in the reader's language: a number of a listing, what a channel was told of
//! an order, a mail. What was stored before there were two languages shows as it is.

use std::sync::Arc;

use banto::config::Uncertain;
use banto::domain::people::Role;
use banto::mail::{Stage, Verdict};
use banto::queue::lane_once;
use banto::queue::notice_lane::NoticeLane;
use banto_channel::{Bilingual, Error, ErrorKind, Outcome, Payment, StockBasis, both};
use tokio_util::sync::CancellationToken;

use super::site::{Browser, Site};
use super::stock::Shop;
use crate::queue::mails::{House, Next};
use crate::queue::notices::Ear;
use crate::stores::{Fresh, each_store};
use crate::trading::raw;

/// Two people, of whom one reads English and one Japanese.
struct Readers {
    english: Browser,
    japanese: Browser,
}

impl Readers {
    async fn of(site: &Site) -> Self {
        site.person("owner", Role::Owner).await;
        let english = site.log_in_as("bob", Role::Staff).await;
        let japanese = site.log_in_as("hanako", Role::Staff).await;
        japanese.post("/me/language", &[("language", "ja")]).await.expect(303);
        Self { english, japanese }
    }

    /// A page says it to each in their own language, and in no other.
    async fn are_told(&self, path: &str, said: &Bilingual) {
        let (english, japanese) = (self.english.page(path).await, self.japanese.page(path).await);
        assert!(english.contains(&said.en) && !english.contains(&said.ja), "{path}: {english}");
        assert!(japanese.contains(&said.ja) && !japanese.contains(&said.en), "{path}: {japanese}");
        assert!(!english.contains('\u{1e}') && !japanese.contains('\u{1e}'), "{path}: {japanese}");
    }
}

#[tokio::test]
async fn why_a_listing_was_refused() {
    each_store(async |fresh: &Fresh| {
        let shop = Shop::open(fresh).await;
        shop.offer(&[("honten", "L2", Some("CUP"), "湯のみ", 2)]).await;
        let readers = Readers::of(&shop.site).await;
        let pages = [
            "/listings?tab=errors",
            "/stock",
            "/stock/CUP",
            "/stock/CUP/explain/honten/L2",
            "/channels/honten",
            "/channels/honten/diff?all=1",
        ];
        let reason = both!("the shop does not count this product", "在庫管理の対象外の商品です")
            .with(&Bilingual::quoted("stock_off"));
        shop.pushed("honten", "L2", 2, Outcome::Refused { reason: reason.clone() }).await;
        for path in pages {
            readers.are_told(path, &reason).await;
        }
        fresh.run("UPDATE listing SET error = 'no such product (HTTP 404)' WHERE error IS NOT NULL").await;
        for path in pages {
            for reader in [&readers.english, &readers.japanese] {
                let page = reader.page(path).await;
                assert!(page.contains("no such product (HTTP 404)"), "{path}: {page}");
            }
        }
    })
    .await;
}

#[tokio::test]
async fn why_a_notice_was_given_up() {
    each_store(async |fresh: &Fresh| {
        let shop = Shop::open(fresh).await;
        let (t, ear) = (&shop.t, Arc::new(Ear::counting(StockBasis::Sellable)));
        let lane = NoticeLane::new("honten", Arc::clone(&ear) as _, t.clock.cx());
        let readers = Readers::of(&shop.site).await;
        let refused = both!("the order is locked", "注文がロックされています");
        let missing = both!("the shop has no such order", "ショップにこの注文がありません");
        let answers = [
            (Ok(Outcome::Refused { reason: refused.clone() }), refused),
            (Err(Error::told(ErrorKind::NotFound, missing.clone())), missing),
        ];
        for (id, (answer, said)) in ["1", "2"].into_iter().zip(answers) {
            let mut order = t.remote(id, &[("TEA", 1)]);
            order.payment = Payment::Awaiting;
            let order = t.order(raw(order)).await;
            t.store.pay_order(&t.act(order), t.now()).await.unwrap();
            ear.will(answer);
            assert_eq!(lane_once(&lane, &t.cx(), &CancellationToken::new()).await.unwrap(), 1);
            readers.are_told("/queue?tab=dead", &said).await;
            let told = both!("paid: {en}", "入金: {ja}", en = said.en, ja = said.ja);
            readers.are_told(&format!("/orders/{order}"), &told).await;
            // Alert mails have both to choose from.
            let alerts = t.store.alerts().await.unwrap();
            let mut alerts = alerts.iter().map(|alert| Bilingual::unpacked(&alert.detail));
            assert!(alerts.any(|alert| alert.en.contains(&said.en) && alert.ja.contains(&said.ja)));
        }
        fresh.run("UPDATE job SET last_error = 'HTTP 404 (not_found)' WHERE state = 'dead'").await;
        for reader in [&readers.english, &readers.japanese] {
            assert!(reader.page("/queue?tab=dead").await.contains("HTTP 404 (not_found)"));
        }
    })
    .await;
}

#[tokio::test]
async fn why_a_mail_waits() {
    each_store(async |fresh: &Fresh| {
        let house = House::open(fresh, Uncertain::Ask).await;
        let site = Site::on(fresh).await;
        let readers = Readers::of(&site).await;
        house.order("1").await;
        let not_now = Verdict::Temporary {
            code: Some(451),
            text: "4.7.1 greylisted".to_owned(),
            stage: Stage::Recipient,
            retry_after: None,
        };
        house.server.will(Next::Say(not_now));
        assert_eq!(house.run().await, 1);
        let said = both!(
            "not taken now, naming the recipient: 451 4.7.1 greylisted",
            "今は受け付けられませんでした（宛先の指定）: 451 4.7.1 greylisted"
        );
        readers.are_told("/queue", &said).await;
    })
    .await;
}
