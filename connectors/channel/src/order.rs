//! Orders as a marketplace tells them.

use crate::{Bilingual, ListingId, Money, RemoteOrderId, Timestamp};

/// One order of a page.
#[derive(Clone, Debug, PartialEq)]
pub enum Read {
    /// Understood.
    Order(Box<RemoteOrder>),
    /// Not understood: kept with its payload in quarantine, so that it can be read again later.
    Unreadable {
        /// The order's id, if that much could be read.
        id: Option<RemoteOrderId>,
        /// What could not be understood, in plain words.
        reason: Bilingual,
        /// The marketplace's own text of this order.
        raw: String,
    },
}

/// The payment axis.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, serde::Serialize, serde::Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Payment {
    /// Nothing arrived yet.
    Awaiting,
    /// A part arrived.
    Partial,
    /// All of it arrived, or is guaranteed by the channel.
    Paid,
    /// A try failed; the buyer may try again.
    Failed,
    /// A part was given back.
    PartlyRefunded,
    /// All was given back.
    Refunded,
}

/// The fulfilment axis.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, serde::Serialize, serde::Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Fulfilment {
    /// Nothing left the house.
    Open,
    /// A part did.
    Partial,
    /// Everything did.
    Shipped,
    /// The order ended without shipping.
    Cancelled,
}

/// A postal address. Fields that a marketplace does not have stay empty; nothing is invented.
#[derive(Clone, Debug, Default, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
#[serde(default)]
pub struct Address {
    /// The person.
    pub name: String,
    /// Reading of the name (フリガナ), where the channel has it.
    pub name_kana: String,
    /// Company.
    pub company: String,
    /// ISO 3166-1 alpha-2.
    pub country: String,
    /// Postcode as written.
    pub postcode: String,
    /// Prefecture or state, as a name where the channel gives one.
    pub region: String,
    /// City, ward.
    pub city: String,
    /// Street and number.
    pub line1: String,
    /// Building, room.
    pub line2: String,
    /// Phone.
    pub phone: String,
}

/// Who bought.
#[derive(Clone, Debug, Default, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
#[serde(default)]
pub struct Buyer {
    /// Name.
    pub name: String,
    /// Mail address; empty where the channel gives none.
    pub email: String,
    /// Phone.
    pub phone: String,
    /// BCP 47 tag of the language the buyer used; empty if unknown.
    pub language: String,
}

/// The channel's own totals, kept as fact and never recomputed.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
pub struct Totals {
    /// Sum of the lines after line discounts, with tax where the channel's prices include it.
    pub items: Money,
    /// Discounts that are not in the lines (coupons, points), as a positive number.
    pub discount: Money,
    /// Shipping.
    pub shipping: Money,
    /// Fees (cash on delivery, wrapping).
    pub fees: Money,
    /// Tax that comes on top of the other parts; 0 where they include it.
    pub tax_on_top: Money,
    /// All tax in the order, on top or included, for information.
    pub tax: Money,
    /// What the buyer pays.
    pub grand: Money,
    /// What was given back so far.
    pub refunded: Money,
}

impl Totals {
    /// What the parts add up to; the guard compares it with `grand`. `None` if it does not fit in an `i64`.
    #[must_use]
    pub fn sum(&self) -> Option<Money> {
        self.items
            .0
            .checked_sub(self.discount.0)?
            .checked_add(self.shipping.0)?
            .checked_add(self.fees.0)?
            .checked_add(self.tax_on_top.0)
            .map(Money)
    }
}

/// One line of an order.
#[derive(Clone, Debug, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
pub struct RemoteLine {
    /// The channel's id of the line, unique within its order.
    pub id: String,
    /// The offer it was bought through, if the channel says so.
    pub listing: Option<ListingId>,
    /// The seller's code on the line; may be missing or stale.
    pub code: Option<String>,
    /// What the buyer saw.
    pub title: String,
    /// Ordered, never negative; what was cancelled later is still in it.
    pub quantity: i64,
    /// Taken out again before shipping.
    pub cancelled: i64,
    /// Come back after shipping.
    pub returned: i64,
    /// Shipped so far as the channel knows; `None` if it does not say by line.
    pub shipped: Option<i64>,
    /// Price of one.
    pub unit_price: Money,
    /// The line's total.
    pub total: Money,
    /// Tax rate in hundredths of a percent (800 = 8 %), if the channel says so.
    pub tax_rate_bp: Option<i64>,
}

/// A parcel as the channel knows it.
#[derive(Clone, Debug, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
pub struct RemoteShipment {
    /// The channel's id of it.
    pub id: String,
    /// Carrier.
    pub carrier: String,
    /// Tracking number.
    pub tracking: String,
    /// Where to follow it.
    pub tracking_url: Option<String>,
    /// When it left, if known.
    pub shipped_at: Option<Timestamp>,
    /// Line id and quantity; empty if the channel does not say.
    pub lines: Vec<(String, i64)>,
}

/// Money given back.
#[derive(Clone, Debug, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
pub struct RemoteRefund {
    /// The channel's id of it.
    pub id: String,
    /// How much, positive.
    pub amount: Money,
    /// When, if known.
    pub at: Option<Timestamp>,
    /// Why, in the channel's words.
    pub reason: String,
    /// Line id and quantity given back with it.
    pub lines: Vec<(String, i64)>,
}

/// One order, whole, as the marketplace tells it now.
#[derive(Clone, Debug, PartialEq)]
pub struct RemoteOrder {
    /// The marketplace's key.
    pub id: RemoteOrderId,
    /// The number people use; often the same.
    pub number: String,
    /// When the buyer placed it.
    pub placed_at: Timestamp,
    /// When it last changed there, if it says so.
    pub changed_at: Option<Timestamp>,
    /// Payment axis.
    pub payment: Payment,
    /// When it was paid, if it says so.
    pub paid_at: Option<Timestamp>,
    /// Fulfilment axis.
    pub fulfilment: Fulfilment,
    /// The marketplace's own status word, kept as text.
    pub status: String,
    /// ISO 4217 code as given; checked by the daemon's guard.
    pub currency: String,
    /// The marketplace's totals.
    pub totals: Totals,
    /// Whether the seller's own stock moves for it (false for goods that the marketplace ships from its own warehouse).
    pub moves_own_stock: bool,
    /// Units by which the marketplace has lowered its own numbers for this order so far, where it tells: some do so only
    /// once money is on its way, when the ledger has long set the goods aside.
    pub stock_taken: Option<i64>,
    /// Who bought.
    pub buyer: Buyer,
    /// Bill to.
    pub bill_to: Address,
    /// Ship to.
    pub ship_to: Address,
    /// The payment method's code.
    pub payment_method: String,
    /// The payment method as the buyer saw it.
    pub payment_title: String,
    /// The buyer's note.
    pub note: String,
    /// When it must leave, if the marketplace sets a date.
    pub ship_by: Option<Timestamp>,
    /// Lines; an order without any is put on hold by the daemon.
    pub lines: Vec<RemoteLine>,
    /// Parcels.
    pub shipments: Vec<RemoteShipment>,
    /// Refunds.
    pub refunds: Vec<RemoteRefund>,
    /// What the connector met and did not know (a status, a method), in plain words. Puts the order on hold.
    pub unknowns: Vec<Bilingual>,
    /// Why the marketplace says that it must not leave yet (a fraud check, a gift whose address is still to come), in
    /// plain words. Holds the order, and ends by itself when the marketplace no longer says so.
    pub wait: Option<Bilingual>,
    /// The marketplace's own text of this order, as received.
    pub raw: String,
}
