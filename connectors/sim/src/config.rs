//! What a simulated marketplace is like. A connector to a real one reads its part of `channels/<name>.toml` here.

use std::num::NonZeroU16;
use std::time::Duration;

use banto_channel::{
    Capabilities, Carrier, ListingId, MailOwner, MailPolicy, Money, NoticeKind, RemoteOffer, Secret,
    StockBasis, Timestamp,
};
use rand::rngs::StdRng;
use rand::{RngExt, SeedableRng};

/// When a marketplace that answers later has decided about what it was sent.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Decides {
    /// When it is asked the so-many-th time.
    AfterPolls(u32),
    /// After so much virtual time.
    After(Duration),
}

/// Everything that can differ between two simulated marketplaces. The capabilities are the switches: what they
/// claim the marketplace does, and what they do not claim it does not offer.
#[derive(Clone, Debug)]
pub struct SimSetup {
    /// Comes before the numbers of its orders and names it in answers; unique where several run side by side.
    pub name: String,
    /// Seeds its faults and the lag of its search.
    pub seed: u64,
    /// What it can do.
    pub capabilities: Capabilities,
    /// The credential that it accepts.
    pub token: Secret,
    /// What it signs webhooks with.
    pub hook_secret: Secret,
    /// When [`SimSetup::token`] runs out.
    pub token_expires: Option<Timestamp>,
    /// ISO 4217.
    pub currency: String,
    /// Tax in hundredths of a percent.
    pub tax_rate_bp: i64,
    /// Whether prices come without tax.
    pub tax_on_top: bool,
    /// Orders and offers on one page.
    pub page_size: usize,
    /// A change shows in its search up to so much later, each after a time of its own.
    pub search_lag: Duration,
    /// How far back the connector begins each pull; at least [`SimSetup::search_lag`], or orders get lost.
    pub overlap: Duration,
    /// When it decides, if it answers later.
    pub decides: Decides,
    /// What it sells at the start.
    pub offers: Vec<RemoteOffer>,
}

const ALL_NOTICES: &[NoticeKind] =
    &[NoticeKind::Shipped, NoticeKind::Cancelled, NoticeKind::Paid, NoticeKind::Note];

const CARRIERS: &[Carrier] = &[
    Carrier { code: "YAMATO", names: &["ヤマト運輸", "ヤマト"] },
    Carrier { code: "SAGAWA", names: &["佐川急便", "佐川"] },
    Carrier { code: "JP_POST", names: &["日本郵便", "ゆうパック"] },
];

const MAILS_ITSELF: MailPolicy = MailPolicy {
    received: MailOwner::Channel,
    paid: MailOwner::Channel,
    shipped: MailOwner::Channel,
    cancelled: MailOwner::Channel,
    may_widen: false,
    source: "connectors/README.md",
};

const LEAVES_MAILS_TO_US: MailPolicy = MailPolicy {
    received: MailOwner::Us,
    paid: MailOwner::Us,
    shipped: MailOwner::Us,
    cancelled: MailOwner::Us,
    may_widen: true,
    source: "connectors/README.md",
};

impl SimSetup {
    /// A shop that does at once what it is told: sellable numbers, webhooks, every notice, offers listed and stock
    /// read back; JPY with tax included; no idempotency keys, so its connector reads before it repeats.
    #[must_use]
    pub fn direct(name: &str) -> Self {
        let mut can = Capabilities::least("sim-direct", "Simulated shop", LEAVES_MAILS_TO_US);
        can.stock_batch_max = NonZeroU16::new(10).unwrap_or(NonZeroU16::MIN);
        can.lists_offers = true;
        can.reads_stock_back = true;
        can.webhooks = true;
        can.notices = ALL_NOTICES;
        can.pull_interval_min = Duration::from_secs(10);
        Self {
            name: name.to_owned(),
            seed: 1,
            capabilities: can,
            token: Secret::new("sim-direct-token-3f81"),
            hook_secret: Secret::new("sim-direct-hook-secret-77c0"),
            token_expires: None,
            currency: "JPY".to_owned(),
            tax_rate_bp: 1000,
            tax_on_top: false,
            page_size: 20,
            search_lag: Duration::ZERO,
            overlap: Duration::from_secs(2),
            decides: Decides::AfterPolls(1),
            offers: catalogue(1, 12, "JPY"),
        }
    }

    /// A marketplace that takes feeds: it answers later, takes the number on the shelf, knows idempotency keys, has
    /// no webhooks and no list of offers, and its search lags and misses payments, so that open orders are read
    /// again; USD with tax on top.
    #[must_use]
    pub fn by_feed(name: &str) -> Self {
        let mut can = Capabilities::least("sim-feed", "Simulated marketplace", MAILS_ITSELF);
        can.stock_batch_max = NonZeroU16::new(25).unwrap_or(NonZeroU16::MIN);
        can.stock_basis = StockBasis::Physical;
        can.stock_answers_later = true;
        can.keeps_idempotency_keys = true;
        can.reread_batch_max = 10;
        can.needs_open_order_rereads = true;
        can.notices = &[NoticeKind::Shipped];
        can.carriers = CARRIERS;
        Self {
            name: name.to_owned(),
            seed: 2,
            capabilities: can,
            token: Secret::new("sim-feed-token-c20e"),
            hook_secret: Secret::new("sim-feed-unused-secret-1b"),
            token_expires: None,
            currency: "USD".to_owned(),
            tax_rate_bp: 725,
            tax_on_top: true,
            page_size: 10,
            search_lag: Duration::from_secs(1),
            overlap: Duration::from_secs(5),
            decides: Decides::AfterPolls(3),
            offers: catalogue(2, 12, "USD"),
        }
    }

    /// The least that a connector can be: orders in, one number out at a time.
    #[must_use]
    pub fn bare(name: &str) -> Self {
        Self {
            capabilities: Capabilities::least("sim-bare", "Simulated stall", MAILS_ITSELF),
            ..Self::direct(name)
        }
    }
}

/// So many offers with codes, JANs, prices and 20 to 60 pieces each, equal for equal seeds.
#[must_use]
pub fn catalogue(seed: u64, count: usize, currency: &str) -> Vec<RemoteOffer> {
    const GOODS: &[&str] =
        &["湯呑み", "手ぬぐい", "急須", "風呂敷", "Tea caddy", "箸置き①", "髙級和紙", "Fan 🎐"];
    const COLOURS: &[&str] = &["藍", "朱", "抹茶", "墨", "white"];
    let mut rng = StdRng::seed_from_u64(seed);
    (1..=count)
        .map(|n| {
            let goods = GOODS[rng.random_range(0..GOODS.len())];
            let colour = COLOURS[rng.random_range(0..COLOURS.len())];
            let price = Money(rng.random_range(3..80_i64) * 100 - 20);
            RemoteOffer {
                id: ListingId(format!("{}", 1000 + n)),
                code: Some(format!("BT-{n:04}")),
                gtin: Some(jan(n)),
                title: format!("{goods} {colour}"),
                quantity: Some(rng.random_range(20..=60)),
                price: Some((price, currency.to_owned())),
                active: true,
            }
        })
        .collect()
}

/// A JAN of the range that GS1 keeps for use inside a shop (prefix 20), with its check digit.
fn jan(n: usize) -> String {
    let digits = format!("20{n:010}");
    let sum: u32 = digits
        .bytes()
        .zip([1, 3].into_iter().cycle())
        .map(|(digit, weight)| u32::from(digit - b'0') * weight)
        .sum();
    format!("{digits}{}", (10 - sum % 10) % 10)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_catalogue_is_equal_for_equal_seeds_and_its_keys_are_unique() {
        let one = catalogue(3, 40, "JPY");
        assert_eq!(one, catalogue(3, 40, "JPY"));
        assert_ne!(one, catalogue(4, 40, "JPY"));
        let mut gtins: Vec<_> = one.iter().filter_map(|o| o.gtin.clone()).collect();
        gtins.dedup();
        assert_eq!(gtins.len(), 40);
    }

    #[test]
    fn jans_carry_their_check_digit() {
        // 2000000000015: 2·1 + 0·3 + … + 1·3 = 5, and 5 more make 10.
        assert_eq!(jan(1), "2000000000015");
        assert!(jan(987).len() == 13);
    }

    #[test]
    fn every_setup_overlaps_at_least_its_lag() {
        for setup in [SimSetup::direct("a"), SimSetup::by_feed("b"), SimSetup::bare("c")] {
            assert!(setup.overlap >= setup.search_lag, "{}", setup.name);
        }
    }
}
