//! Customers: who bought, in whichever shops; what the house knows of them and decides about them.

mod one;

use askama::Template;
use axum::extract::{Query, State};
use axum::response::Response;
use banto_channel::both;
use percent_encoding::{NON_ALPHANUMERIC, utf8_percent_encode};
use serde::Deserialize;

use super::access::Routes;
use super::{Access, Desk, Fault, Page, Section, Visit, html};
use crate::domain::customer::{fold_mail, is_masked};
use crate::store::{CustomerFilter, CustomerRow};

/// Customers on one page.
const PAGE: usize = 50;

pub(super) fn routes(routes: Routes) -> Routes {
    routes
        .page("/customers", list)
        .page("/customers/{id}", one::show)
        .post("/customers/{id}/note", Access::Staff, one::note)
        .post("/customers/{id}/block", Access::Staff, one::block)
        .post("/customers/{id}/unblock", Access::Staff, one::unblock)
        .get("/customers/{id}/merge", Access::Staff, one::choose)
        .post("/customers/{id}/merge", Access::Staff, one::merge)
        .post("/customers/{id}/split", Access::Staff, one::split)
        .post("/customers/{id}/export", Access::Staff, one::export)
        .post("/customers/{id}/erase", Access::Owner, one::erase)
}

/// What the list is asked for.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(default)]
struct ListQuery {
    q: String,
    show: String,
    after: Option<String>,
}

/// A customer as a list shows them.
#[derive(Clone, Debug)]
struct CustomerCell {
    id: i64,
    name: String,
    email: String,
    masked: bool,
    phone: String,
    orders: i64,
    first: i64,
    last: i64,
    blocked: Option<String>,
    erased: bool,
}

impl From<CustomerRow> for CustomerCell {
    fn from(row: CustomerRow) -> Self {
        Self {
            id: row.id,
            masked: fold_mail(&row.email).is_some_and(|mail| is_masked(&mail)),
            name: row.name,
            email: row.email,
            phone: row.phone,
            orders: row.orders,
            first: row.first_order_at,
            last: row.last_order_at,
            blocked: row.blocked_at.map(|_| row.blocked_reason.unwrap_or_default()),
            erased: row.erased_at.is_some(),
        }
    }
}

#[derive(Template)]
#[template(path = "customers.html", config = "src/web/askama.toml")]
struct CustomersPage {
    p: Page,
    query: ListQuery,
    rows: Vec<CustomerCell>,
    next: Option<String>,
}

async fn list(
    State(desk): State<Desk>,
    visit: Visit,
    Query(query): Query<ListQuery>,
) -> Result<Response, Fault> {
    let q = query.q.trim();
    let filter = match (q.is_empty(), query.show.as_str()) {
        (false, _) => CustomerFilter::Find(q),
        (true, "blocked") => CustomerFilter::Blocked,
        (true, _) => CustomerFilter::All,
    };
    let page = desk.store().customers(filter, query.after.as_deref(), PAGE).await?;
    let next = page.next.map(|after| {
        let encode = |text: &str| utf8_percent_encode(text, NON_ALPHANUMERIC).to_string();
        format!("/customers?q={}&show={}&after={}", encode(q), encode(&query.show), encode(&after))
    });
    let p = desk.page(&visit, Section::Customers, &both!("Customers", "顧客"));
    html(&CustomersPage { p, query, rows: page.rows.into_iter().map(CustomerCell::from).collect(), next })
}

#[cfg(test)]
mod tests;
