//! `GET orders`: filters, order and pages over the two date indexes.

use axum::body::Bytes;

use super::order::Order;
use super::php;
use super::query::{Checked, WpError};
use super::server::{Answer, Call, Reply, only_fields, paged};
use super::state::Shop;

/// The statuses of core; plugins add theirs.
pub(super) const STATUSES: [&str; 9] = [
    "auto-draft",
    "pending",
    "processing",
    "on-hold",
    "completed",
    "cancelled",
    "refunded",
    "failed",
    "checkout-draft",
];

/// The parameters of a list that were understood.
#[derive(Debug)]
struct Asked {
    page: i64,
    per_page: i64,
    offset: Option<i64>,
    descending: bool,
    orderby: String,
    after: Option<i64>,
    before: Option<i64>,
    modified_after: Option<i64>,
    modified_before: Option<i64>,
    /// `None`: everything that lists show.
    statuses: Option<Vec<String>>,
    include: Vec<u64>,
    exclude: Vec<u64>,
    product: Option<u64>,
    customer: Option<i64>,
    search: Option<String>,
    dp: Option<u32>,
}

fn asked(shop: &Shop, call: &Call) -> Result<Asked, WpError> {
    let offset_secs = shop.config.utc_offset_secs();
    let mut args = Checked::new(&call.query, offset_secs);
    let gmt = args.boolean("dates_are_gmt", false);
    // Orders are indexed by UTC. A local date means the instant at which the shop's clock shows it.
    let to_utc = |secs: Option<i64>| secs.map(|s| if gmt { s } else { s - offset_secs });
    let mut allowed = vec!["any", "trash"];
    allowed.extend(STATUSES);
    allowed.extend(shop.config.custom_statuses.iter().map(String::as_str));
    let statuses = args
        .some_of("status", &allowed)
        .filter(|words| !words.is_empty() && !words.iter().any(|w| w == "any"));
    let order_words = ["date", "id", "include", "title", "slug", "modified"];
    let number = |name: &str| call.query.text(name).is_some();
    let asked = Asked {
        page: args.int("page", 1, 1, None),
        per_page: args.int("per_page", 10, 1, Some(i64::from(shop.config.per_page_max))),
        offset: number("offset").then(|| args.int("offset", 0, i64::MIN, None)),
        descending: args.one_of("order", "desc", &["asc", "desc"]) == "desc",
        orderby: args.one_of("orderby", "date", &order_words),
        after: to_utc(args.date("after")),
        before: to_utc(args.date("before")),
        modified_after: to_utc(args.date("modified_after")),
        modified_before: to_utc(args.date("modified_before")),
        statuses,
        include: args.ints("include"),
        exclude: args.ints("exclude"),
        product: number("product").then(|| args.int("product", 0, i64::MIN, None).unsigned_abs()),
        customer: number("customer").then(|| args.int("customer", 0, i64::MIN, None)),
        search: call.query.text("search").map(str::to_lowercase),
        dp: number("dp").then(|| u32::try_from(args.int("dp", 0, 0, Some(10))).unwrap_or(0)),
    };
    args.done()?;
    Ok(asked)
}

impl Asked {
    /// Whether the index that is walked decides alone.
    fn plain(&self, by_modified: bool) -> bool {
        let other_dates =
            if by_modified { (self.after, self.before) } else { (self.modified_after, self.modified_before) };
        other_dates == (None, None)
            && self.statuses.is_none()
            && self.include.is_empty()
            && self.exclude.is_empty()
            && self.product.is_none()
            && self.customer.is_none()
            && self.search.is_none()
    }

    fn takes(&self, order: &Order) -> bool {
        let within = |t: i64, after: Option<i64>, before: Option<i64>| {
            after.is_none_or(|a| t > a) && before.is_none_or(|b| t < b)
        };
        within(order.created, self.after, self.before)
            && within(order.modified, self.modified_after, self.modified_before)
            && self.statuses.as_ref().is_none_or(|s| s.contains(&order.status))
            && (self.include.is_empty() || self.include.contains(&order.id))
            && !self.exclude.contains(&order.id)
            && self.product.is_none_or(|p| order.lines.iter().any(|l| l.product_id == p))
            && self.customer.is_none_or(|c| c == 0)
            && self.search.as_ref().is_none_or(|s| found(order, s))
    }
}

fn found(order: &Order, text: &str) -> bool {
    let b = &order.billing;
    order.id.to_string() == text
        || [&b.email, &b.first_name, &b.last_name, &b.company]
            .iter()
            .any(|field| field.to_lowercase().contains(text))
}

/// The ids of the page, and how many orders there are on all pages.
fn select(shop: &Shop, asked: &Asked) -> (Vec<u64>, usize) {
    let by_modified = asked.orderby == "modified";
    let (index, after, before) = if by_modified {
        (&shop.by_modified, asked.modified_after, asked.modified_before)
    } else {
        (&shop.by_created, asked.after, asked.before)
    };
    let per_page = usize::try_from(asked.per_page).unwrap_or(1);
    let skip = match asked.offset {
        Some(offset) => usize::try_from(offset).unwrap_or(0),
        None => usize::try_from(asked.page - 1).unwrap_or(0).saturating_mul(per_page),
    };
    // Both ends are exclusive, to the second.
    let low = (after.map_or(i64::MIN, |a| a.saturating_add(1)), 0);
    let high = (before.unwrap_or(i64::MAX), 0);
    if low >= high {
        return (Vec::new(), 0);
    }
    let plain = asked.plain(by_modified);
    let keep = |id: u64| {
        if plain {
            !shop.hidden.contains(&id)
        } else {
            let listed = asked.statuses.is_some() || !shop.hidden.contains(&id);
            listed && shop.orders.get(&id).is_some_and(|o| asked.takes(o))
        }
    };
    let walk = index.range(low..high).map(|(_, id)| *id);
    let mut all: Vec<u64> = walk.filter(|id| keep(*id)).collect();
    match asked.orderby.as_str() {
        "id" => all.sort_unstable(),
        "include" if !asked.include.is_empty() => {
            all.sort_by_key(|id| asked.include.iter().position(|i| i == id));
        }
        _ => {}
    }
    if asked.descending && asked.orderby != "include" {
        all.reverse();
    }
    let page = all.iter().skip(skip).take(per_page).copied().collect();
    (page, all.len())
}

/// `GET orders`.
pub(super) fn list(shop: &mut Shop, call: &Call) -> Answer {
    let asked = asked(shop, call)?;
    let (ids, total) = select(shop, &asked);
    let fields = call.query.list("_fields");
    let mut body = Vec::with_capacity(ids.len() * 4096 + 2);
    body.push(b'[');
    for id in ids {
        if body.len() > 1 {
            body.push(b',');
        }
        if fields.is_none() && asked.dp.is_none() {
            body.extend_from_slice(&shop.order_text(id).unwrap_or_default());
        } else if let Some(order) = shop.orders.get(&id) {
            let shown = shop.with_order_view(asked.dp, |view| view.order(order));
            body.extend(php::json(&only_fields(shown, fields.as_deref())));
        }
    }
    body.push(b']');
    let reply = Reply { status: 200, headers: Vec::new(), body: Bytes::from(body) };
    Ok(paged(reply, shop, call, asked.page, asked.per_page, total))
}
