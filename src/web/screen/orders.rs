//! Orders of all shops: lists, search, one order on one page, and what people do to them, one by one or many at once.

mod acts;
mod bulk;
mod list;
mod order;
mod payload;
mod quarantine;
#[cfg(test)]
mod tests;
mod words;

use super::Access;
use super::access::Routes;

pub(super) fn routes(routes: Routes) -> Routes {
    routes
        .page("/orders", list::show)
        .post("/orders/filters", Access::Read, list::save_filter)
        .post("/orders/filters/{id}/drop", Access::Read, list::drop_filter)
        .post("/orders/bulk/preview", Access::Staff, bulk::preview)
        .post("/orders/bulk", Access::Staff, bulk::perform)
        .page("/orders/{id}", order::show)
        .get("/orders/{id}/payload", Access::Staff, payload::show)
        .post("/orders/{id}/note", Access::Staff, acts::note)
        .post("/orders/{id}/retry", Access::Staff, acts::retry)
        .post("/orders/{id}/{deed}", Access::Staff, acts::deed)
        .page("/quarantine", quarantine::list)
        .get("/quarantine/{id}", Access::Staff, quarantine::show)
        .post("/quarantine/{id}/close", Access::Staff, quarantine::close)
}
