//! Pulling orders the way the daemon does: page by page, with the cursor it was given.

use std::collections::{BTreeMap, BTreeSet};

use banto_channel::{Cursor, Page, Read, RemoteOrder, RemoteOrderId};

use crate::fixture::Fixture;

/// Pages pulled until there were no more.
pub(crate) struct Walk {
    pub(crate) reads: Vec<Read>,
    pub(crate) next: Cursor,
    pub(crate) pages: usize,
}

impl Walk {
    /// The newest state of each order that was understood.
    pub(crate) fn orders(&self) -> BTreeMap<RemoteOrderId, RemoteOrder> {
        understood(&self.reads).map(|order| (order.id.clone(), order.clone())).collect()
    }

    /// Fails unless each of these was returned, and says which was not.
    pub(crate) fn ensure_has(&self, ids: &[RemoteOrderId]) -> Result<(), String> {
        let orders = self.orders();
        let missing: Vec<&str> =
            ids.iter().filter(|id| !orders.contains_key(id)).map(|id| id.as_str()).collect();
        if missing.is_empty() {
            return Ok(());
        }
        let unreadable = self.reads.iter().find_map(|read| match read {
            Read::Unreadable { reason, .. } => Some(format!("; one was unreadable: {reason}")),
            Read::Order(_) => None,
        });
        let told = unreadable.unwrap_or_default();
        Err(format!("{} of {} orders never came: {}{told}", missing.len(), ids.len(), missing.join(", ")))
    }
}

pub(crate) fn understood(reads: &[Read]) -> impl Iterator<Item = &RemoteOrder> {
    reads.iter().filter_map(|read| match read {
        Read::Order(order) => Some(&**order),
        Read::Unreadable { .. } => None,
    })
}

impl Fixture {
    /// One page; every error is a failure.
    pub(crate) async fn page(&self, after: Option<&Cursor>) -> Result<Page<Read>, String> {
        let pulled = self.connector.pull_orders(&self.cx, after).await;
        pulled.map_err(|e| format!("pull_orders failed without a fault: {e}"))
    }

    /// So many pages are enough for everything in the market, whatever the page size.
    pub(crate) fn most_pages(&self) -> usize {
        20 + 2 * self.market.orders().len()
    }

    /// Everything from `after` to the end; every error is a failure, and so is a walk without an end.
    pub(crate) async fn walk(&self, after: Option<Cursor>) -> Result<Walk, String> {
        self.walk_and(after, || ()).await
    }

    /// The same, with something that happens after each page.
    pub(crate) async fn walk_and(
        &self,
        after: Option<Cursor>,
        mut meanwhile: impl FnMut(),
    ) -> Result<Walk, String> {
        let (mut cursor, mut reads, mut cursors) = (after, Vec::new(), BTreeSet::new());
        let most = self.most_pages();
        for pages in 1..=most {
            let page = self.page(cursor.as_ref()).await?;
            reads.extend(page.items);
            if !page.more {
                return Ok(Walk { reads, next: page.next, pages });
            }
            meanwhile();
            if !cursors.insert(page.next.clone()) {
                return Err(format!("it says that there are more, and hands out {} again", page.next));
            }
            cursor = Some(page.next);
        }
        Err(format!("after {most} pages it still says that there are more"))
    }

    /// The same in bad weather: a temporary error is waited out and the page asked for again, as the daemon does.
    pub(crate) async fn walk_through(&self, after: Option<Cursor>) -> Result<Walk, String> {
        let (mut cursor, mut reads, mut pages) = (after, Vec::new(), 0);
        let most = 5 * self.most_pages();
        for _ in 0..most {
            match self.connector.pull_orders(&self.cx, cursor.as_ref()).await {
                Ok(page) => {
                    pages += 1;
                    reads.extend(page.items);
                    if !page.more {
                        return Ok(Walk { reads, next: page.next, pages });
                    }
                    cursor = Some(page.next);
                }
                Err(e) if e.kind.is_temporary() => (self.advance)(e.retry_after.unwrap_or(self.settle)),
                Err(e) => return Err(format!("a passing fault became a lasting error: {e}")),
            }
        }
        Err(format!("after {most} tries there is no end"))
    }

    /// Every order as the connector tells it now, with open orders read again where the search misses changes.
    pub(crate) async fn orders_now(&self) -> Result<BTreeMap<RemoteOrderId, RemoteOrder>, String> {
        let mut orders = self.walk(None).await?.orders();
        if self.can().needs_open_order_rereads {
            let ids: Vec<RemoteOrderId> = orders.keys().cloned().collect();
            let again = self.reread(&ids).await?;
            orders.extend(understood(&again).map(|order| (order.id.clone(), order.clone())));
        }
        Ok(orders)
    }

    /// One order as the connector tells it now.
    pub(crate) async fn order_now(&self, id: &RemoteOrderId) -> Result<RemoteOrder, String> {
        self.orders_now().await?.remove(id).ok_or_else(|| format!("order {id} never came"))
    }

    /// Reads orders again, as many at once as the capabilities allow.
    pub(crate) async fn reread(&self, ids: &[RemoteOrderId]) -> Result<Vec<Read>, String> {
        let mut reads = Vec::new();
        for some in ids.chunks(usize::from(self.can().reread_batch_max).max(1)) {
            let again = self.connector.reread_orders(&self.cx, some).await;
            reads.extend(again.map_err(|e| format!("reread_orders failed without a fault: {e}"))?);
        }
        Ok(reads)
    }
}
