//! Orders, notes, refunds and shipments as the REST API shows them.

use serde_json::{Value, json};

use super::FakeConfig;
use super::order::{
    Contact, Coupon, FulfilmentRow, Line, Note, Order, Refund, RefundLine, TaxRate, Tracking,
};
use super::php::{date, decimal, number, sql_date};
use super::product::meta_json;

/// What the JSON of an order depends on besides the order.
#[derive(Clone, Copy)]
pub(super) struct OrderView<'a> {
    pub(super) config: &'a FakeConfig,
    pub(super) site: &'a str,
    /// Decimals of the shop's currency, whatever the order's own currency is.
    pub(super) digits: u32,
    /// Decimals asked for.
    pub(super) dp: u32,
    pub(super) rates: &'a [TaxRate],
    /// The SKU of a product or variation as it is now; `None` after it was deleted.
    pub(super) sku: &'a dyn Fn(u64) -> Option<String>,
    /// The name of a product as it is now.
    pub(super) name: &'a dyn Fn(u64) -> Option<String>,
}

impl OrderView<'_> {
    fn amount(&self, minor: i64) -> String {
        decimal(minor, self.digits, self.dp)
    }

    fn local(&self, secs: i64) -> String {
        date(secs + self.config.utc_offset_secs())
    }

    fn rate(&self, id: u64) -> Option<&TaxRate> {
        self.rates.iter().find(|r| r.id == id)
    }

    fn major(&self, minor: f64) -> f64 {
        minor / 10_f64.powi(self.digits.cast_signed())
    }

    /// An amount with the six decimals that WooCommerce calculates with.
    fn six(&self, minor: f64) -> f64 {
        (self.major(minor) * 1e6).round() / 1e6
    }

    /// A tax before it was rounded to the currency, the text that stands in `taxes`.
    fn exact_tax(&self, net: i64, (rate, tax): (u64, i64), alone: bool, includes_tax: bool) -> String {
        match self.rate(rate) {
            Some(rate) if alone && includes_tax => {
                let gross = (net + tax) as f64;
                self.six(gross * rate.bp as f64 / (10_000 + rate.bp) as f64).to_string()
            }
            _ => decimal(tax, self.digits, self.digits),
        }
    }

    /// The line's total before it was rounded to the currency.
    fn exact_total(&self, line: &Line, includes_tax: bool) -> f64 {
        match (includes_tax, line.taxes.as_slice()) {
            (true, [(rate, tax)]) => match self.rate(*rate) {
                Some(rate) => {
                    let gross = (line.total + tax) as f64;
                    self.six(gross * 10_000.0 / (10_000 + rate.bp) as f64)
                }
                None => self.major(line.total as f64),
            },
            _ => self.major(line.total as f64),
        }
    }

    /// One element of `orders`.
    pub(super) fn order(&self, o: &Order) -> Value {
        let mut shown = self.head(o);
        extend(&mut shown, self.amounts(o));
        shown["billing"] = contact(&o.billing, true);
        shown["shipping"] = contact(&o.shipping, false);
        shown["meta_data"] = meta_json(&o.meta);
        shown["line_items"] = o.lines.iter().map(|l| self.line(o, l)).collect();
        shown["tax_lines"] = self.tax_lines(o);
        shown["shipping_lines"] = self.shipping_lines(o);
        shown["fee_lines"] = self.fee_lines(o);
        shown["coupon_lines"] = o.coupons.iter().map(|c| self.coupon(c)).collect();
        shown["refunds"] = o
            .refunds
            .iter()
            .map(
                |r| json!({ "id": r.id, "reason": r.reason, "total": format!("-{}", self.amount(r.amount)) }),
            )
            .collect();
        shown
    }

    /// Everything but amounts, addresses and lines.
    fn head(&self, o: &Order) -> Value {
        let key = format!("wc_order_{:013x}", o.id.wrapping_mul(0x9E37_79B9_7F4A_7C15) >> 12);
        let number = o.number.clone().unwrap_or_else(|| o.id.to_string());
        let pay = format!("{}/checkout/order-pay/{}/?pay_for_order=true&key={key}", self.site, o.id);
        let editable = ["pending", "on-hold", "auto-draft", "checkout-draft"].contains(&o.status.as_str());
        json!({
            "id": o.id, "parent_id": 0, "number": number, "status": o.status,
            "version": self.config.wc_version.to_string(),
            "date_created": self.local(o.created), "date_created_gmt": date(o.created),
            "date_modified": self.local(o.modified), "date_modified_gmt": date(o.modified),
            "date_paid": o.paid.map(|t| self.local(t)), "date_paid_gmt": o.paid.map(date),
            "date_completed": o.completed.map(|t| self.local(t)),
            "date_completed_gmt": o.completed.map(date),
            "customer_id": 0, "order_key": key, "created_via": "checkout",
            "customer_ip_address": "192.0.2.7", "customer_user_agent": "Mozilla/5.0",
            "customer_note": o.customer_note, "cart_hash": "",
            "payment_method": o.payment_method, "payment_method_title": o.payment_title,
            "transaction_id": o.transaction_id, "payment_url": pay, "is_editable": editable,
            "needs_payment": o.needs_payment(), "needs_processing": o.needs_processing(),
        })
    }

    fn amounts(&self, o: &Order) -> Value {
        let sums = o.sums();
        let base = format!("{}/wp-json/wc/v3/orders", self.site);
        json!({
            "currency": o.currency, "currency_symbol": symbol(&o.currency),
            "prices_include_tax": o.prices_include_tax,
            "discount_total": self.amount(sums.discount), "discount_tax": self.amount(sums.discount_tax),
            "shipping_total": self.amount(sums.shipping), "shipping_tax": self.amount(sums.shipping_tax),
            "cart_tax": self.amount(sums.cart_tax), "total": self.amount(sums.total),
            "total_tax": self.amount(sums.cart_tax + sums.shipping_tax),
            "_links": {
                "self": [{ "href": format!("{base}/{}", o.id) }],
                "collection": [{ "href": base }],
            },
        })
    }

    fn coupon(&self, c: &Coupon) -> Value {
        json!({
            "id": c.id, "code": c.code, "discount": self.amount(c.discount),
            "discount_tax": self.amount(c.discount_tax), "meta_data": [],
            "discount_type": "fixed_cart", "nominal_amount": number(self.major(c.discount as f64)),
            "free_shipping": false,
        })
    }

    fn taxes(&self, net: i64, taxes: &[(u64, i64)], includes_tax: bool) -> Value {
        taxes
            .iter()
            .map(|tax| {
                let exact = self.exact_tax(net, *tax, taxes.len() == 1, includes_tax);
                json!({ "id": tax.0, "total": exact, "subtotal": exact })
            })
            .collect()
    }

    fn line(&self, o: &Order, l: &Line) -> Value {
        // Ids of what was deleted are refused as the line is read, so that they show as 0.
        let living = |id: u64| if (self.sku)(id).is_some() { id } else { 0 };
        let (product, variation) = (living(l.product_id), living(l.variation_id));
        let sku = (self.sku)(if variation == 0 { product } else { variation });
        let deleted = sku.is_none();
        let exact = self.exact_total(l, o.prices_include_tax);
        let price = if l.quantity == 0 { 0.0 } else { exact / l.quantity as f64 };
        let parent_name = (variation != 0).then(|| (self.name)(l.product_id)).flatten();
        let mut meta: Vec<Value> = l.meta.iter().map(|m| meta_shown(m.id, &m.key, &m.value)).collect();
        if let Some(reduced) = l.reduced_stock {
            meta.push(meta_shown(l.id * 10, "_reduced_stock", &json!(reduced.to_string())));
        }
        json!({
            "id": l.id, "name": l.name, "product_id": product, "variation_id": variation,
            "quantity": l.quantity, "tax_class": l.tax_class,
            "subtotal": self.amount(l.subtotal), "subtotal_tax": self.amount(l.subtotal_tax),
            "total": self.amount(l.total), "total_tax": self.amount(l.total_tax()),
            "taxes": self.taxes(l.total, &l.taxes, o.prices_include_tax),
            "meta_data": meta, "sku": sku, "price": number(price),
            // Without a picture the id is an empty text; without a product it is the number 0.
            "image": { "id": if deleted { json!(0) } else { json!("") }, "src": "" },
            "parent_name": parent_name,
        })
    }

    fn shipping_lines(&self, o: &Order) -> Value {
        o.shipping_lines
            .iter()
            .map(|s| {
                let tax = s.taxes.iter().map(|(_, t)| t).sum();
                json!({
                    "id": s.id, "method_title": s.title, "method_id": s.method, "instance_id": "1",
                    "total": self.amount(s.total), "total_tax": self.amount(tax),
                    "taxes": self.taxes(s.total, &s.taxes, false), "tax_status": "taxable", "meta_data": [],
                })
            })
            .collect()
    }

    fn fee_lines(&self, o: &Order) -> Value {
        o.fees
            .iter()
            .map(|f| {
                let tax = f.taxes.iter().map(|(_, t)| t).sum();
                json!({
                    "id": f.id, "name": f.name, "tax_class": "",
                    "tax_status": if f.taxes.is_empty() { "none" } else { "taxable" },
                    "amount": self.amount(f.total), "total": self.amount(f.total),
                    "total_tax": self.amount(tax), "taxes": self.taxes(f.total, &f.taxes, false),
                    "meta_data": [],
                })
            })
            .collect()
    }

    fn tax_lines(&self, o: &Order) -> Value {
        let sum = |taxes: &[(u64, i64)], rate: u64| -> i64 {
            taxes.iter().filter(|(id, _)| *id == rate).map(|(_, tax)| tax).sum()
        };
        self.rates
            .iter()
            .filter_map(|rate| {
                let goods: i64 = o.lines.iter().map(|l| sum(&l.taxes, rate.id)).sum();
                let fees: i64 = o.fees.iter().map(|f| sum(&f.taxes, rate.id)).sum();
                let shipping: i64 = o.shipping_lines.iter().map(|s| sum(&s.taxes, rate.id)).sum();
                (goods != 0 || fees != 0 || shipping != 0).then(|| {
                    let percent = rate.bp as f64 / 100.0;
                    json!({
                        "id": o.id * 100 + rate.id, "rate_code": format!("JP-{percent}%-1"),
                        "rate_id": rate.id, "label": format!("{percent}%"), "compound": false,
                        "tax_total": self.amount(goods + fees), "shipping_tax_total": self.amount(shipping),
                        "rate_percent": number(percent), "meta_data": [],
                    })
                })
            })
            .collect()
    }

    /// One element of `orders/{id}/notes`.
    pub(super) fn note(&self, order: u64, n: &Note) -> Value {
        let base = format!("{}/wp-json/wc/v3/orders/{order}", self.site);
        json!({
            "id": n.id, "author": n.author, "date_created": self.local(n.created),
            "date_created_gmt": date(n.created), "note": n.text, "customer_note": n.for_customer,
            "_links": {
                "self": [{ "href": format!("{base}/notes/{}", n.id) }],
                "collection": [{ "href": format!("{base}/notes") }],
                "up": [{ "href": base }],
            },
        })
    }

    /// One element of `orders/{id}/refunds`; quantities and totals of its lines are negative.
    pub(super) fn refund(&self, o: &Order, r: &Refund) -> Value {
        let lines: Vec<Value> = r.lines.iter().map(|l| self.refund_line(o, l)).collect();
        json!({
            "id": r.id, "date_created": self.local(r.created), "date_created_gmt": date(r.created),
            "amount": self.amount(r.amount), "reason": r.reason, "refunded_by": 1,
            "refunded_payment": r.by_gateway, "meta_data": [], "line_items": lines,
            "shipping_lines": [], "tax_lines": [], "fee_lines": [],
            "_links": { "up": [{ "href": format!("{}/wp-json/wc/v3/orders/{}", self.site, o.id) }] },
        })
    }

    fn refund_line(&self, o: &Order, r: &RefundLine) -> Value {
        let line = o.lines.iter().find(|l| l.id == r.of);
        let mut shown = line.map_or_else(|| json!({}), |l| self.line(o, l));
        let tax: i64 = r.taxes.iter().map(|(_, t)| t).sum();
        let back: Vec<(u64, i64)> = r.taxes.iter().map(|(id, t)| (*id, -t)).collect();
        let price = if r.quantity == 0 { 0.0 } else { self.major(r.total as f64) / r.quantity as f64 };
        for (name, value) in [
            ("id", json!(r.id)),
            ("quantity", json!(-r.quantity)),
            ("subtotal", json!(self.amount(-r.total))),
            ("subtotal_tax", json!(self.amount(-tax))),
            ("total", json!(self.amount(-r.total))),
            ("total_tax", json!(self.amount(-tax))),
            ("taxes", self.taxes(-r.total, &back, false)),
            ("price", number(price)),
            ("meta_data", json!([meta_shown(r.id * 10, "_refunded_item_id", &json!(r.of.to_string()))])),
        ] {
            shown[name] = value;
        }
        shown
    }

    /// One element of `orders/{id}/fulfillments`.
    pub(super) fn fulfilment(&self, order: u64, f: &FulfilmentRow) -> Value {
        json!({
            "id": f.id, "entity_type": "WC_Order", "entity_id": order.to_string(), "status": f.status,
            "is_fulfilled": f.is_fulfilled,
            "date_updated": sql_date(f.updated + self.config.utc_offset_secs()),
            "meta_data": meta_json(&f.meta),
        })
    }
}

/// One element of the Shipment Tracking extension's list.
pub(super) fn tracking(t: &Tracking) -> Value {
    json!({
        "tracking_id": t.id, "tracking_provider": t.provider, "tracking_link": t.link,
        "tracking_number": t.number, "date_shipped": t.date_shipped,
    })
}

fn extend(shown: &mut Value, more: Value) {
    if let (Value::Object(shown), Value::Object(more)) = (shown, more) {
        shown.extend(more);
    }
}

fn meta_shown(id: u64, key: &str, value: &Value) -> Value {
    json!({ "id": id, "key": key, "value": value, "display_key": key, "display_value": value })
}

fn contact(c: &Contact, billing: bool) -> Value {
    let mut shown = json!({
        "first_name": c.first_name, "last_name": c.last_name, "company": c.company,
        "address_1": c.address_1, "address_2": c.address_2, "city": c.city, "state": c.state,
        "postcode": c.postcode, "country": c.country, "phone": c.phone,
    });
    if billing {
        shown["email"] = json!(c.email);
    }
    shown
}

fn symbol(currency: &str) -> &'static str {
    match currency {
        "JPY" => "¥",
        "EUR" => "€",
        "GBP" => "£",
        "USD" => "$",
        _ => "",
    }
}
