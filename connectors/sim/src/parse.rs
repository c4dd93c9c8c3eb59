//! From the marketplace's text of an order to [`Read`]. Pure: no clock, no call, no state.
//!
//! Three kinds of surprise, three answers. What cannot be read (torn text, money that is no money) makes
//! [`Read::Unreadable`], with the key if that much was there. What can be read and is not known (a new state) makes
//! an order with a line in `unknowns`, and the daemon holds it. What is merely odd (no lines, totals that do not add
//! up) is passed on as it stands: it is fact, and the daemon's guards look at it.

use banto_channel::{
    Address, Bilingual, Buyer, Fulfilment, ListingId, Money, Parcel, Payment, Read, RemoteLine, RemoteOrder,
    RemoteOrderId, RemoteRefund, RemoteShipment, Timestamp, Totals, both,
};
use serde::Deserialize;

#[derive(Deserialize)]
struct Order {
    id: RemoteOrderId,
    number: String,
    placed_at: Timestamp,
    changed_at: Timestamp,
    state: String,
    payment: String,
    paid_at: Option<Timestamp>,
    currency: String,
    totals: Amounts,
    buyer: Buyer,
    ship_to: Address,
    note: String,
    lines: Vec<Line>,
    parcels: Vec<Parcel>,
    refunds: Vec<Refund>,
}

#[derive(Deserialize)]
struct Amounts {
    items: String,
    discount: String,
    shipping: String,
    fees: String,
    tax_on_top: String,
    tax: String,
    grand: String,
    refunded: String,
}

#[derive(Deserialize)]
struct Line {
    id: String,
    offer: Option<ListingId>,
    code: Option<String>,
    title: String,
    quantity: i64,
    cancelled: i64,
    returned: i64,
    shipped: i64,
    unit_price: String,
    total: String,
    tax_rate_bp: Option<i64>,
}

#[derive(Deserialize)]
struct Refund {
    amount: String,
    at: Timestamp,
    reason: String,
    lines: Vec<(String, i64)>,
}

/// Reads one order.
pub(crate) fn order(text: &str) -> Read {
    match serde_json::from_str::<Order>(text)
        .map_err(|e| both!("{e}", "注文データを読み取れません: {e}"))
        .and_then(|o| translate(o, text))
    {
        Ok(order) => Read::Order(Box::new(order)),
        Err(reason) => Read::Unreadable { id: key(text), reason, raw: text.to_owned() },
    }
}

/// The key of an order that is otherwise not understood.
fn key(text: &str) -> Option<RemoteOrderId> {
    let value: serde_json::Value = serde_json::from_str(text).ok()?;
    value.get("id")?.as_str().map(RemoteOrderId::from)
}

fn translate(order: Order, text: &str) -> Result<RemoteOrder, Bilingual> {
    let mut unknowns = Vec::new();
    let fulfilment = fulfilment(&order.state, &mut unknowns);
    let payment = payment(&order.payment, &mut unknowns);
    let currency = order.currency;
    let lines = order.lines.into_iter().map(|l| line(l, &currency)).collect::<Result<_, _>>()?;
    let refunds = (1..).zip(order.refunds).map(|(n, r)| refund(n, r, &currency)).collect::<Result<_, _>>()?;
    Ok(RemoteOrder {
        id: order.id,
        number: order.number,
        placed_at: order.placed_at,
        changed_at: Some(order.changed_at),
        payment,
        paid_at: order.paid_at,
        fulfilment,
        status: order.state,
        totals: totals(&order.totals, &currency)?,
        currency,
        moves_own_stock: true,
        stock_taken: None,
        buyer: order.buyer,
        bill_to: order.ship_to.clone(),
        ship_to: order.ship_to,
        payment_method: "sim".to_owned(),
        payment_title: "シミュレーション払い".to_owned(),
        note: order.note,
        ship_by: None,
        lines,
        shipments: (1..).zip(order.parcels).map(|(n, p)| shipment(n, p)).collect(),
        refunds,
        unknowns,
        wait: None,
        raw: text.to_owned(),
    })
}

fn money(text: &str, currency: &str) -> Result<Money, Bilingual> {
    Money::parse(text, currency).map_err(|e| e.words())
}

fn totals(t: &Amounts, currency: &str) -> Result<Totals, Bilingual> {
    Ok(Totals {
        items: money(&t.items, currency)?,
        discount: money(&t.discount, currency)?,
        shipping: money(&t.shipping, currency)?,
        fees: money(&t.fees, currency)?,
        tax_on_top: money(&t.tax_on_top, currency)?,
        tax: money(&t.tax, currency)?,
        grand: money(&t.grand, currency)?,
        refunded: money(&t.refunded, currency)?,
    })
}

fn fulfilment(state: &str, unknowns: &mut Vec<Bilingual>) -> Fulfilment {
    match state {
        "awaiting_payment" | "to_ship" => Fulfilment::Open,
        "part_shipped" => Fulfilment::Partial,
        "shipped" => Fulfilment::Shipped,
        "cancelled" => Fulfilment::Cancelled,
        other => {
            unknowns.push(both!("state {other:?}", "不明なステータス「{other}」です"));
            Fulfilment::Open
        }
    }
}

fn payment(word: &str, unknowns: &mut Vec<Bilingual>) -> Payment {
    match word {
        "unpaid" => Payment::Awaiting,
        "paid" => Payment::Paid,
        "part_refunded" => Payment::PartlyRefunded,
        "refunded" => Payment::Refunded,
        other => {
            unknowns.push(both!("payment {other:?}", "不明な入金状況「{other}」です"));
            Payment::Awaiting
        }
    }
}

fn line(line: Line, currency: &str) -> Result<RemoteLine, Bilingual> {
    if line.quantity < 0 {
        let (id, quantity) = (&line.id, line.quantity);
        return Err(both!("line {id} has the quantity {quantity}", "明細 {id} の数量が {quantity} です"));
    }
    Ok(RemoteLine {
        unit_price: money(&line.unit_price, currency)?,
        total: money(&line.total, currency)?,
        id: line.id,
        listing: line.offer,
        code: line.code,
        title: line.title,
        quantity: line.quantity,
        cancelled: line.cancelled,
        returned: line.returned,
        shipped: Some(line.shipped),
        tax_rate_bp: line.tax_rate_bp,
    })
}

fn shipment(n: usize, parcel: Parcel) -> RemoteShipment {
    RemoteShipment {
        id: n.to_string(),
        carrier: parcel.carrier,
        tracking: parcel.tracking,
        tracking_url: parcel.tracking_url,
        shipped_at: Some(parcel.shipped_at),
        lines: parcel.lines,
    }
}

fn refund(n: usize, refund: Refund, currency: &str) -> Result<RemoteRefund, Bilingual> {
    Ok(RemoteRefund {
        id: n.to_string(),
        amount: money(&refund.amount, currency)?,
        at: Some(refund.at),
        reason: refund.reason,
        lines: refund.lines,
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{Market, SimClock, SimMarket, SimSetup};

    /// The text of each odd order as the marketplace writes it, by its true key.
    fn odd_reads() -> Vec<(RemoteOrderId, Read)> {
        let setup = SimSetup::direct("ODD");
        let token = setup.token.clone();
        let market = SimMarket::open(setup, SimClock::usual());
        let ids = market.place_odd_orders();
        let texts = market.read_orders(&token, &ids).unwrap_or_default();
        assert_eq!(texts.len(), ids.len());
        assert_eq!(market.orders().len(), ids.len());
        ids.into_iter().zip(texts.iter().map(|t| order(t))).collect()
    }

    #[test]
    fn each_odd_order_gets_the_answer_it_deserves() {
        let verdicts: Vec<String> = odd_reads()
            .into_iter()
            .map(|(true_id, read)| match read {
                Read::Order(o) => format!(
                    "{} lines, unknown {:?}, {}",
                    o.lines.len(),
                    o.unknowns.iter().map(|why| &why.en).collect::<Vec<_>>(),
                    { if o.totals.sum() == Some(o.totals.grand) { "adds up" } else { "does not add up" } }
                ),
                Read::Unreadable { id, reason, .. } => {
                    let known = if id == Some(true_id) { "known" } else { "no key" };
                    format!("{known}: {}", reason.en.split(" at line").next().unwrap_or_default())
                }
            })
            .collect();
        let expected = [
            "0 lines, unknown [], adds up",
            "500 lines, unknown [], adds up",
            r#"2 lines, unknown ["state \"in_customs\""], adds up"#,
            r#"known: unknown currency "XXQ""#,
            "2 lines, unknown [], does not add up",
            r#"known: "free of charge" is not an amount"#,
            "known: line 1 has the quantity -1",
            "no key: invalid type: null, expected a string",
            "no key: EOF while parsing a string",
        ];
        for (verdict, expected) in verdicts.iter().zip(expected) {
            assert!(verdict.starts_with(expected), "{verdict} is not {expected}");
        }
        assert_eq!(verdicts.len(), expected.len());
    }

    #[test]
    fn a_text_that_is_no_order_at_all_is_unreadable() {
        for text in ["", "null", "[]", "\"sold out\"", "<html>", "{\"id\": 7}"] {
            assert!(matches!(order(text), Read::Unreadable { id: None, .. }), "{text:?}");
        }
    }
}
