//! Parcels where the shop has a place for them: the Shipment Tracking extension, WooCommerce's own fulfilments.

use std::collections::BTreeMap;

use banto_channel::{Cx, Error, ErrorKind, IdempotencyKey, Method, Parcel, Result, both};
use serde::Serialize;
use serde::de::IgnoredAny;

use crate::WooCommerce;
use crate::calls::{json, text};
use crate::lenient::List;
use crate::model::{Fulfillment, TrackingItem};
use crate::money::Exact;
use crate::notify::Stand;

/// The meta key under which a fulfilment of ours keeps its idempotency key.
const KEY: &str = "_banto_key";

#[derive(Serialize)]
struct NewTracking<'a> {
    tracking_number: &'a str,
    date_shipped: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    tracking_provider: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    custom_tracking_provider: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    custom_tracking_link: Option<&'a str>,
}

#[derive(Serialize)]
struct NewFulfillment {
    status: &'static str,
    is_fulfilled: bool,
    meta_data: Vec<NewMeta>,
}

/// WooCommerce passes over an entry without an id, and then says that the fulfilment has no items; a new one's is 0.
#[derive(Serialize)]
struct NewMeta {
    id: u8,
    key: &'static str,
    value: MetaValue,
}

#[derive(Serialize)]
#[serde(untagged)]
enum MetaValue {
    Text(String),
    Items(Vec<NewItem>),
}

#[derive(Serialize)]
struct NewItem {
    item_id: i64,
    qty: i64,
}

impl WooCommerce {
    /// Adds a parcel to the Shipment Tracking extension unless one with this number is there.
    pub(crate) async fn track_once(&self, cx: &Cx, id: u64, stand: &Stand, parcel: &Parcel) -> Result<()> {
        let route = format!("wc-shipment-tracking/v3/orders/{id}/shipment-trackings");
        let response = self
            .send(cx, self.request(Method::Get, &route), "reading parcels")
            .await
            .map_err(missing_extension)?;
        let body = text(&response);
        let List(known): List<TrackingItem> = json(&response, &body)?;
        let number = parcel.tracking.trim();
        if known.iter().any(|item| item.tracking_number.0.trim() == number) {
            return Ok(());
        }
        let carrier = parcel.carrier.trim();
        let provider = self.provider(cx, carrier).await?;
        let custom = provider.is_none();
        let tracking = NewTracking {
            tracking_number: number,
            date_shipped: stand.day(parcel.shipped_at),
            tracking_provider: provider.as_deref(),
            custom_tracking_provider: custom.then_some(carrier),
            custom_tracking_link: parcel.tracking_url.as_deref().filter(|_| custom),
        };
        let request = self.request(Method::Post, &route).json(&tracking)?;
        self.send(cx, request, "adding a parcel").await.map(drop)
    }

    /// The extension's own name of a carrier, which brings its own tracking link.
    async fn provider(&self, cx: &Cx, carrier: &str) -> Result<Option<String>> {
        let route = "wc-shipment-tracking/v3/shipment-trackings/providers";
        let response = self
            .send(cx, self.request(Method::Get, route), "reading carriers")
            .await
            .map_err(missing_extension)?;
        let body = text(&response);
        let regions: BTreeMap<String, BTreeMap<String, IgnoredAny>> = json(&response, &body)?;
        Ok(regions
            .into_values()
            .flat_map(BTreeMap::into_keys)
            .find(|name| name.eq_ignore_ascii_case(carrier)))
    }

    /// Adds a fulfilment unless one of ours with this key, or any with this tracking number, is there.
    pub(crate) async fn fulfil_once(
        &self,
        cx: &Cx,
        id: u64,
        stand: &Stand,
        parcel: &Parcel,
        key: &IdempotencyKey,
    ) -> Result<()> {
        let path = format!("orders/{id}/fulfillments");
        let response =
            self.send(cx, self.get(&path), "reading fulfilments").await.map_err(missing_extension)?;
        let body = text(&response);
        let List(known): List<Fulfillment<'_>> = json(&response, &body)?;
        let number = parcel.tracking.trim();
        let is_ours = |f: &Fulfillment<'_>| {
            f.meta(KEY).is_some_and(|k| k == key.as_str())
                || (!number.is_empty() && f.meta("_tracking_number").is_some_and(|n| n == number))
        };
        if known.iter().filter(|f| f.date_deleted.0.is_empty()).any(is_ours) {
            return Ok(());
        }
        let items = contents(stand, &known, parcel)?;
        let text = |key, value: &str| NewMeta { id: 0, key, value: MetaValue::Text(value.to_owned()) };
        let mut meta_data = vec![
            NewMeta { id: 0, key: "_items", value: MetaValue::Items(items) },
            text("_shipment_provider", parcel.carrier.trim()),
            text(KEY, key.as_str()),
        ];
        if !number.is_empty() {
            meta_data.push(text("_tracking_number", number));
        }
        if let Some(url) = &parcel.tracking_url {
            meta_data.push(text("_tracking_url", url));
        }
        let request = self.post(&path).query("notify_customer", "false").json(&NewFulfillment {
            status: "fulfilled",
            is_fulfilled: true,
            meta_data,
        })?;
        self.send(cx, request, "adding a fulfilment").await.map(drop)
    }
}

/// What the parcel holds: what it names, or everything that is in no fulfilment yet.
fn contents(stand: &Stand, known: &[Fulfillment<'_>], parcel: &Parcel) -> Result<Vec<NewItem>> {
    let refuse = |words| Error::told(ErrorKind::Refused, words);
    let items: Vec<NewItem> = match parcel.lines.is_empty() {
        false => parcel
            .lines
            .iter()
            .map(|(line, qty)| {
                let item_id = line.parse().map_err(|_| {
                    refuse(both!(
                        "a line of the parcel is not one of this shop",
                        "出荷する明細「{line}」はこのショップのものではありません"
                    ))
                })?;
                Ok(NewItem { item_id, qty: *qty })
            })
            .collect::<Result<_>>()?,
        true => {
            let mut packed: BTreeMap<i64, i64> = BTreeMap::new();
            for item in known.iter().filter(|f| f.date_deleted.0.is_empty()).flat_map(Fulfillment::items) {
                *packed.entry(item.item_id.0).or_default() += whole(&item.qty.0);
            }
            stand
                .line_items
                .0
                .iter()
                .map(|line| NewItem {
                    item_id: line.id.0,
                    qty: whole(&line.quantity.0) - packed.get(&line.id.0).copied().unwrap_or(0),
                })
                .filter(|item| item.qty > 0)
                .collect()
        }
    };
    match items.is_empty() {
        true => Err(refuse(both!(
            "every line is already in a fulfilment of the shop",
            "すべての明細がショップで出荷登録済みです"
        ))),
        false => Ok(items),
    }
}

fn whole(text: &str) -> i64 {
    Exact::parse(text).map_or(0, Exact::ceil)
}

fn missing_extension(e: Error) -> Error {
    match e.kind {
        ErrorKind::Config => e.reworded(|words| {
            both!(
                "{en}; or set tracking = \"order_note\"",
                "{ja}。または tracking = \"order_note\" を設定してください",
                en = words.en,
                ja = words.ja.trim_end_matches('。')
            )
        }),
        _ => e,
    }
}
