//! The fake shop does what WooCommerce does: asked over real HTTP by a client that shares nothing with it.
#![expect(clippy::unwrap_used, reason = "tests")]

mod auth;
mod client;
mod faults;
mod hooks;
mod lists;
mod odd;
mod orders;
mod ship;
mod stock;

use std::sync::Arc;

use banto_channel::{Address, Buyer, ListingId, RemoteOrderId};
use banto_sim::SimClock;
use banto_sim::market::{BasketLine, Market, Purchase};
use banto_woocommerce::fake::{FakeConfig, FakeProduct, FakeShop, FakeVariation};
use client::Client;

/// A shop with two products, one of them with variations, and everything one needs beside it.
struct Stage {
    clock: Arc<SimClock>,
    shop: FakeShop,
    client: Client,
}

/// The ids that [`products`] get: a fresh shop counts from 11.
const MUG: &str = "11";
const SHIRT: &str = "12";
const SHIRT_RED: &str = "12:13";
const SHIRT_BLUE: &str = "12:14";

fn products() -> Vec<FakeProduct> {
    let variation = |option: &str, sku: &str, stock| FakeVariation {
        option: option.to_owned(),
        sku: sku.to_owned(),
        gtin: String::new(),
        price: 2_200,
        stock,
    };
    vec![
        FakeProduct {
            name: "マグカップ".to_owned(),
            sku: "MUG".to_owned(),
            gtin: "4900000000016".to_owned(),
            price: 1_080,
            stock: Some(50),
            reduced_tax: true,
            ..FakeProduct::default()
        },
        FakeProduct {
            name: "Shirt".to_owned(),
            sku: "SHIRT".to_owned(),
            stock: Some(7),
            attribute: "Color".to_owned(),
            variations: vec![variation("Red", "SHIRT-R", Some(3)), variation("Blue", "SHIRT-B", None)],
            ..FakeProduct::default()
        },
    ]
}

impl Stage {
    async fn open() -> Self {
        Self::with(|_| ()).await
    }

    async fn with(change: impl FnOnce(&mut FakeConfig)) -> Self {
        let clock = SimClock::usual();
        let mut config = FakeConfig::new(7, clock.clone());
        config.products = products();
        change(&mut config);
        let client = Client::new(&config, clock.clone());
        let shop = FakeShop::start(config).await.unwrap();
        let client = client.at(shop.url());
        Self { clock, shop, client }
    }

    fn buy(&self, listing: &str, quantity: i64) -> RemoteOrderId {
        self.shop.buy(&basket(&[(listing, quantity)], true)).unwrap()
    }

    fn shown(&self, listing: &str) -> Option<i64> {
        self.shop.shown(&ListingId(listing.to_owned()))
    }

    /// The order as the API shows it.
    async fn order(&self, id: &RemoteOrderId) -> serde_json::Value {
        let answer = self.client.get(&format!("/wc/v3/orders/{id}")).await.unwrap();
        assert_eq!(answer.status, 200, "{}", answer.text());
        answer.json()
    }
}

fn basket(lines: &[(&str, i64)], paid: bool) -> Purchase {
    Purchase {
        lines: lines
            .iter()
            .map(|(listing, quantity)| BasketLine {
                listing: ListingId((*listing).to_owned()),
                quantity: *quantity,
            })
            .collect(),
        buyer: Buyer {
            name: "山田 太郎".to_owned(),
            email: "taro@example.test".to_owned(),
            ..Buyer::default()
        },
        ship_to: Address {
            name: "山田 花子".to_owned(),
            country: "JP".to_owned(),
            postcode: "100-0001".to_owned(),
            region: "東京都".to_owned(),
            ..Address::default()
        },
        paid,
        ..Purchase::default()
    }
}
