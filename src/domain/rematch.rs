//! Order lines that waited for an item and now have one: a listing was mapped, or an item with the line's code came.

use banto_channel::Timestamp;

use super::intake::Catalogue;
use super::order::{Event, Order};
use super::stock::{Book, Cause, StockError};
use super::{Ids, ItemId, LineNo, LocationId};

/// What a line is now known to sell.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Match {
    /// The line.
    pub line: LineNo,
    /// The item or set.
    pub item: ItemId,
    /// Its code, for the timeline.
    pub code: String,
    /// Units of it in one unit of the listing.
    pub per: i64,
}

/// Who matches, when, and from where the order's channel sells.
#[derive(Clone, Debug)]
pub struct Matching<'a> {
    /// Where the order's channel sells from, in order of preference.
    pub locations: &'a [LocationId],
    /// Sets and their components.
    pub catalogue: &'a Catalogue,
    /// Who: `cli:hanako`.
    pub actor: &'a str,
    /// When.
    pub now: Timestamp,
}

/// Gives lines their items and reserves what they still have to ship, as intake would have done; units that have
/// left leave the ledger now. Lines that have an item stay as they are.
///
/// Errors: [`StockError`] when the ledger cannot hold the quantities; nothing may be written then.
pub fn rematch(
    matching: &Matching<'_>,
    book: &mut Book,
    ids: &mut dyn Ids,
    order: &mut Order,
    matches: &[Match],
) -> Result<Vec<Event>, StockError> {
    let mut events = Vec::new();
    let cause = |reason| Cause { at: matching.now, actor: matching.actor.to_owned(), reason };
    for found in matches {
        let Some(line) = order.lines.iter_mut().find(|l| l.no == found.line && l.item.is_none()) else {
            continue;
        };
        (line.item, line.per) = (Some(found.item), found.per);
        events.push(Event {
            kind: "matched",
            detail: format!("{}: {} × {}", line.title, line.quantity * found.per, found.code),
            actor: matching.actor.to_owned(),
        });
        if !order.moves_stock {
            continue;
        }
        let by = (order.id, line.no);
        let units = |n: i64| matching.catalogue.explode(found.item, n.saturating_mul(found.per));
        let (shipped, returned, to_ship) = (units(line.shipped), units(line.returned), units(line.to_ship()));
        for (part, units) in shipped {
            book.ship_unheld(ids, &cause("shipped"), by, part, units, matching.locations)?;
        }
        for (part, units) in returned {
            let Some(shelf) = matching.locations.first() else { continue };
            book.set_aside_return(ids, &cause("returned"), (part, *shelf), units, by)?;
        }
        for (part, units) in to_ship {
            book.reserve(ids, &cause("matched"), by, part, units, matching.locations)?;
        }
    }
    if !events.is_empty() {
        order.version += 1;
        book.allow(order.id, matching.locations);
    }
    Ok(events)
}
