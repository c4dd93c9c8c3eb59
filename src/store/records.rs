//! Rows to domain records and back.

use banto_channel::{Money, Timestamp, Totals, both};

use super::tables::{EntryRow, LevelRow, LineRow, OrderRow, ParcelRow};
use super::{Result, StoreError};
use crate::domain::order::{
    Line, Order, ParcelRecord, fulfilment_from, fulfilment_name, payment_from, payment_name,
};
use crate::domain::stock::{Entry, Level};

impl LevelRow {
    /// Its numbers.
    #[must_use]
    pub const fn level(&self) -> Level {
        Level {
            available: self.available,
            reserved: self.reserved,
            short: self.short,
            last_entry: self.last_entry,
        }
    }
}

impl From<Entry> for EntryRow {
    fn from(e: Entry) -> Self {
        Self {
            id: e.id,
            at: e.at.0,
            item_id: e.item,
            location_id: e.location,
            source: e.source.name().to_owned(),
            target: e.target.name().to_owned(),
            quantity: e.quantity,
            available_after: e.after.available,
            reserved_after: e.after.reserved,
            short_after: e.after.short,
            prev_id: e.prev,
            order_id: e.cause.map(|c| c.0),
            line_no: e.cause.map(|c| c.1),
            reason: e.reason.to_owned(),
            actor: e.actor,
        }
    }
}

impl OrderRow {
    pub(super) fn from_order(order: &Order, now: Timestamp) -> Result<Self> {
        let t = &order.totals;
        Ok(Self {
            id: order.id,
            channel_id: order.channel,
            remote_id: order.remote_id.clone(),
            number: order.number.clone(),
            placed_at: order.placed_at.0,
            changed_at: order.changed_at.map(|t| t.0),
            imported_at: order.imported_at.0,
            updated_at: now.0,
            version: order.version,
            status: order.status.clone(),
            payment: payment_name(order.payment).to_owned(),
            fulfilment: fulfilment_name(order.fulfilment).to_owned(),
            hold: order.hold.clone(),
            open: order.is_open(),
            moves_stock: order.moves_stock,
            currency: order.currency.clone(),
            items_total: t.items.0,
            discount_total: t.discount.0,
            shipping_total: t.shipping.0,
            fees_total: t.fees.0,
            tax_on_top: t.tax_on_top.0,
            tax_total: t.tax.0,
            grand_total: t.grand.0,
            refunded_total: t.refunded.0,
            paid_at: order.paid_at.map(|t| t.0),
            ship_by: order.ship_by.map(|t| t.0),
            payment_method: order.payment_method.clone(),
            payment_title: order.payment_title.clone(),
            buyer_name: order.details.buyer.name.clone(),
            buyer_email: order.details.buyer.email.clone(),
            details: serde_json::to_string(&order.details).map_err(StoreError::Json)?,
            payload_id: order.payload_id,
            digest: order.digest.clone(),
        })
    }

    /// The order with its lines and parcels.
    ///
    /// Errors: [`StoreError::Json`] or [`StoreError::Refused`] when a stored word cannot be read.
    pub fn into_order(self, lines: Vec<LineRow>, parcels: Vec<ParcelRow>) -> Result<Order> {
        let unreadable = |what: &str| {
            let id = self.id;
            StoreError::Refused(both!(
                "order {id}: {what} cannot be read",
                "受注 {id}: {what} を読み取れません"
            ))
        };
        Ok(Order {
            payment: payment_from(&self.payment).ok_or_else(|| unreadable("payment"))?,
            fulfilment: fulfilment_from(&self.fulfilment).ok_or_else(|| unreadable("fulfilment"))?,
            totals: Totals {
                items: Money(self.items_total),
                discount: Money(self.discount_total),
                shipping: Money(self.shipping_total),
                fees: Money(self.fees_total),
                tax_on_top: Money(self.tax_on_top),
                tax: Money(self.tax_total),
                grand: Money(self.grand_total),
                refunded: Money(self.refunded_total),
            },
            id: self.id,
            channel: self.channel_id,
            remote_id: self.remote_id,
            number: self.number,
            placed_at: Timestamp(self.placed_at),
            changed_at: self.changed_at.map(Timestamp),
            imported_at: Timestamp(self.imported_at),
            version: self.version,
            status: self.status,
            hold: self.hold,
            moves_stock: self.moves_stock,
            currency: self.currency,
            paid_at: self.paid_at.map(Timestamp),
            ship_by: self.ship_by.map(Timestamp),
            payment_method: self.payment_method,
            payment_title: self.payment_title,
            details: serde_json::from_str(&self.details).map_err(StoreError::Json)?,
            payload_id: self.payload_id,
            digest: self.digest,
            lines: lines.into_iter().map(Line::from).collect(),
            parcels: parcels.into_iter().map(ParcelRow::into_record).collect::<Result<_>>()?,
        })
    }
}

impl From<LineRow> for Line {
    fn from(row: LineRow) -> Self {
        Self {
            no: row.line_no,
            remote_id: row.remote_id,
            listing: row.listing,
            code: row.code,
            title: row.title,
            item: row.item_id,
            per: row.per,
            quantity: row.quantity,
            cancelled: row.cancelled,
            shipped: row.shipped,
            returned: row.returned,
            unit_price: row.unit_price,
            total: row.total,
            tax_rate_bp: row.tax_rate_bp,
        }
    }
}

impl LineRow {
    pub(super) fn from_line(order: i64, line: &Line) -> Self {
        Self {
            order_id: order,
            line_no: line.no,
            remote_id: line.remote_id.clone(),
            listing: line.listing.clone(),
            code: line.code.clone(),
            title: line.title.clone(),
            item_id: line.item,
            per: line.per,
            quantity: line.quantity,
            cancelled: line.cancelled,
            shipped: line.shipped,
            returned: line.returned,
            unit_price: line.unit_price,
            total: line.total,
            tax_rate_bp: line.tax_rate_bp,
        }
    }
}

impl ParcelRow {
    pub(super) fn from_record(order: i64, parcel: &ParcelRecord) -> Result<Self> {
        Ok(Self {
            order_id: order,
            seq: parcel.seq,
            remote_id: parcel.remote_id.clone(),
            carrier: parcel.carrier.clone(),
            tracking: parcel.tracking.clone(),
            tracking_url: parcel.tracking_url.clone(),
            shipped_at: parcel.shipped_at.0,
            lines: serde_json::to_string(&parcel.lines).map_err(StoreError::Json)?,
            origin: if parcel.ours { "ours" } else { "channel" }.to_owned(),
        })
    }

    fn into_record(self) -> Result<ParcelRecord> {
        Ok(ParcelRecord {
            seq: self.seq,
            remote_id: self.remote_id,
            carrier: self.carrier,
            tracking: self.tracking,
            tracking_url: self.tracking_url,
            shipped_at: Timestamp(self.shipped_at),
            lines: serde_json::from_str(&self.lines).map_err(StoreError::Json)?,
            ours: self.origin == "ours",
        })
    }
}
