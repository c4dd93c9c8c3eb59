//! An order as the house knows it: separate axes for payment, fulfilment and hold, and lines that carry their own
//! shipped, cancelled and returned quantities.

use banto_channel::{
    Address, Bilingual, Buyer, Fulfilment, Payment, RemoteRefund, RemoteShipment, Timestamp, Totals, both,
};
use serde::{Deserialize, Serialize};

use super::{ChannelId, ItemId, LineNo, OrderId};

/// Parts of an order that are only read whole.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct Details {
    /// Who bought.
    pub buyer: Buyer,
    /// Bill to.
    pub bill_to: Address,
    /// Ship to.
    pub ship_to: Address,
    /// The buyer's note.
    pub note: String,
    /// Money given back, as the channel tells it.
    pub refunds: Vec<RemoteRefund>,
    /// Why the channel says that it must not leave yet, in both languages (`timeline::hold_in_words` reads it).
    pub wait: Option<String>,
    /// Units that the channel has taken off its own numbers for it so far, where it tells.
    pub stock_taken: Option<i64>,
    /// What the house decided and the channel's next word must not undo.
    pub house: House,
}

/// Decisions of the house about an order, which stand until the channel has come to the same.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct House {
    /// We cancelled what had not left.
    pub cancelled: Option<Cancelled>,
    /// Money arrived outside the channel.
    pub paid_at: Option<Timestamp>,
    /// The channel was told that we take the order.
    pub confirmed_at: Option<Timestamp>,
    /// What it told of its buyer was taken out, and the channel's next word does not bring it back.
    pub forgotten_at: Option<Timestamp>,
}

/// A cancellation by the house.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Cancelled {
    /// When.
    pub at: Timestamp,
    /// Why, for the buyer; empty if nothing is said.
    pub reason: String,
    /// The channel has come to the same; from then on its word decides.
    #[serde(default)]
    pub followed: bool,
}

impl House {
    /// Whether we cancelled and the channel may not know it yet.
    #[must_use]
    pub fn ended(&self) -> bool {
        self.cancelled.as_ref().is_some_and(|c| !c.followed)
    }
}

/// One line.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Line {
    /// Its number within the order, from 1; never used again for another line.
    pub no: LineNo,
    /// The channel's id of it.
    pub remote_id: String,
    /// The offer it was bought through, in the channel's terms.
    pub listing: Option<String>,
    /// The code on the line.
    pub code: Option<String>,
    /// What the buyer saw.
    pub title: String,
    /// Our item; `None` waits for a person.
    pub item: Option<ItemId>,
    /// Units of the item in one unit of the listing.
    pub per: i64,
    /// Ordered.
    pub quantity: i64,
    /// Taken out before shipping.
    pub cancelled: i64,
    /// Left the house.
    pub shipped: i64,
    /// Came back.
    pub returned: i64,
    /// Price of one, minor units.
    pub unit_price: i64,
    /// Line total, minor units.
    pub total: i64,
    /// Tax rate in hundredths of a percent.
    pub tax_rate_bp: Option<i64>,
}

impl Line {
    /// Units that still have to leave the house.
    #[must_use]
    pub const fn to_ship(&self) -> i64 {
        let left = self.quantity - self.cancelled - self.shipped;
        if left > 0 { left } else { 0 }
    }
}

/// A parcel.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ParcelRecord {
    /// Its number within the order, from 1; the revision of its mail.
    pub seq: i64,
    /// The channel's id of it; empty if we made it.
    pub remote_id: String,
    /// Carrier.
    pub carrier: String,
    /// Tracking number; may be empty.
    pub tracking: String,
    /// Where to follow it.
    pub tracking_url: Option<String>,
    /// When it left.
    pub shipped_at: Timestamp,
    /// Line number and quantity; empty if the channel does not say.
    pub lines: Vec<(LineNo, i64)>,
    /// Whether we made it (and told the channel) or the channel told us.
    pub ours: bool,
}

impl ParcelRecord {
    /// Whether the channel's shipment is this parcel: by its id, by its tracking number however it is written, or,
    /// where neither has a number, as the answer to the parcel that we told it of.
    #[must_use]
    pub fn is(&self, shipment: &RemoteShipment) -> bool {
        let number = |text: &str| -> String {
            let kept = text.chars().filter(|c| c.is_ascii_alphanumeric());
            kept.map(|c| c.to_ascii_uppercase()).collect()
        };
        if !self.remote_id.is_empty() && self.remote_id == shipment.id {
            return true;
        }
        match (number(&self.tracking), number(&shipment.tracking)) {
            (ours, theirs) if ours.is_empty() && theirs.is_empty() => {
                self.remote_id.is_empty() && (self.ours || shipment.id.is_empty())
            }
            (ours, theirs) => ours == theirs,
        }
    }
}

/// An order with everything that intake compares.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Order {
    /// Key.
    pub id: OrderId,
    /// The channel it came from.
    pub channel: ChannelId,
    /// The channel's key; (channel, `remote_id`) is unique for ever.
    pub remote_id: String,
    /// The number people use.
    pub number: String,
    /// When the buyer placed it.
    pub placed_at: Timestamp,
    /// When it last changed at the channel.
    pub changed_at: Option<Timestamp>,
    /// When we first saw it.
    pub imported_at: Timestamp,
    /// Counts our changes; the optimistic lock.
    pub version: i64,
    /// The channel's own status word.
    pub status: String,
    /// Payment axis.
    pub payment: Payment,
    /// Fulfilment axis.
    pub fulfilment: Fulfilment,
    /// Why it is on hold, in both languages (`timeline::hold_in_words` reads it); `None` when it is not.
    pub hold: Option<String>,
    /// Whether own stock moves for it.
    pub moves_stock: bool,
    /// ISO 4217, as the channel gave it.
    pub currency: String,
    /// The channel's totals, as fact.
    pub totals: Totals,
    /// When it was paid.
    pub paid_at: Option<Timestamp>,
    /// When it must leave.
    pub ship_by: Option<Timestamp>,
    /// Payment method's code.
    pub payment_method: String,
    /// Payment method as the buyer saw it.
    pub payment_title: String,
    /// Names, addresses, note, refunds.
    pub details: Details,
    /// The newest raw payload.
    pub payload_id: i64,
    /// Hash of the newest raw payload.
    pub digest: String,
    /// Lines.
    pub lines: Vec<Line>,
    /// Parcels.
    pub parcels: Vec<ParcelRecord>,
}

impl Order {
    /// Whether anything may still happen to it without the channel's doing: goods to ship, money to come.
    #[must_use]
    pub fn is_open(&self) -> bool {
        matches!(self.fulfilment, Fulfilment::Open | Fulfilment::Partial)
    }

    /// The fulfilment axis that the lines' quantities amount to.
    #[must_use]
    pub fn fulfilment_of_lines(&self) -> Fulfilment {
        let shipped: i64 = self.lines.iter().map(|l| l.shipped).sum();
        let left: i64 = self.lines.iter().map(Line::to_ship).sum();
        match (shipped, left) {
            (0, 0) if !self.lines.is_empty() => Fulfilment::Cancelled,
            (0, _) => Fulfilment::Open,
            (_, 0) => Fulfilment::Shipped,
            _ => Fulfilment::Partial,
        }
    }
}

/// Something that happened to an order, for its timeline.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Event {
    /// A stable word: `imported`, `paid`, `shipped`, `cancelled`, `held` …
    pub kind: &'static str,
    /// What exactly, for a person.
    pub detail: String,
    /// Who: `channel:honten`, `cli:root`, `daemon`.
    pub actor: String,
}

/// The stable words of the payment axis.
#[must_use]
pub const fn payment_name(payment: Payment) -> &'static str {
    match payment {
        Payment::Awaiting => "awaiting",
        Payment::Partial => "partial",
        Payment::Paid => "paid",
        Payment::Failed => "failed",
        Payment::PartlyRefunded => "partly_refunded",
        Payment::Refunded => "refunded",
    }
}

/// Reads a word of the payment axis back.
#[must_use]
pub fn payment_from(name: &str) -> Option<Payment> {
    [
        Payment::Awaiting,
        Payment::Partial,
        Payment::Paid,
        Payment::Failed,
        Payment::PartlyRefunded,
        Payment::Refunded,
    ]
    .into_iter()
    .find(|p| payment_name(*p) == name)
}

/// The stable words of the fulfilment axis.
#[must_use]
pub const fn fulfilment_name(fulfilment: Fulfilment) -> &'static str {
    match fulfilment {
        Fulfilment::Open => "open",
        Fulfilment::Partial => "partial",
        Fulfilment::Shipped => "shipped",
        Fulfilment::Cancelled => "cancelled",
    }
}

/// Reads a word of the fulfilment axis back.
#[must_use]
pub fn fulfilment_from(name: &str) -> Option<Fulfilment> {
    [Fulfilment::Open, Fulfilment::Partial, Fulfilment::Shipped, Fulfilment::Cancelled]
        .into_iter()
        .find(|f| fulfilment_name(*f) == name)
}

/// A state of the payment axis for a person.
#[must_use]
pub fn payment_in_words(payment: Payment) -> Bilingual {
    match payment {
        Payment::Awaiting => both!("unpaid", "入金待ち"),
        Payment::Partial => both!("partly paid", "一部入金"),
        Payment::Paid => both!("paid", "入金済み"),
        Payment::Failed => both!("payment failed", "決済失敗"),
        Payment::PartlyRefunded => both!("partly refunded", "一部返金"),
        Payment::Refunded => both!("refunded", "返金済み"),
    }
}

/// A state of the fulfilment axis for a person.
#[must_use]
pub fn fulfilment_in_words(fulfilment: Fulfilment) -> Bilingual {
    match fulfilment {
        Fulfilment::Open => both!("not shipped", "未出荷"),
        Fulfilment::Partial => both!("partly shipped", "一部出荷"),
        Fulfilment::Shipped => both!("shipped", "出荷済み"),
        Fulfilment::Cancelled => both!("cancelled", "キャンセル"),
    }
}
