//! Shopify's global ids (`gid://shopify/Order/123`) and the short forms that banto keeps.

use banto_channel::{Error, ErrorKind, ListingId, RemoteOrderId, Result, both};

/// The global id of a numbered thing.
pub(crate) fn gid(kind: &str, number: u64) -> String {
    format!("gid://shopify/{kind}/{number}")
}

/// The number of a global id; `None` for what has none.
pub(crate) fn number(gid: &str) -> Option<u64> {
    let tail = gid.rsplit('/').next().unwrap_or_default();
    tail.split('?').next().unwrap_or_default().parse().ok()
}

/// The number as text, or the whole id where it has none.
pub(crate) fn short(gid: &str) -> String {
    number(gid).map_or_else(|| gid.to_owned(), |number| number.to_string())
}

/// The global id of an order.
///
/// Errors: [`ErrorKind::NotFound`] for what is no number of Shopify's.
pub(crate) fn order(order: &RemoteOrderId) -> Result<String> {
    match digits(order.as_str()) {
        Some(number) => Ok(gid("Order", number)),
        None => Err(Error::told(
            ErrorKind::NotFound,
            both!(
                "{number:?} is not an order's number of Shopify",
                "「{number}」はShopifyの注文番号ではありません",
                number = order.as_str()
            ),
        )),
    }
}

/// An offer: a variant and the inventory item that its stock is counted on.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Place {
    variant: u64,
    pub(crate) item: u64,
}

impl Place {
    /// Reads `"variant:item"`.
    pub(crate) fn of(listing: &ListingId) -> Option<Self> {
        let (variant, item) = listing.as_str().split_once(':')?;
        Some(Self { variant: digits(variant)?, item: digits(item)? })
    }

    /// From the global ids of both.
    pub(crate) fn named(variant: &str, item: &str) -> Option<Self> {
        Some(Self { variant: number(variant)?, item: number(item)? })
    }

    /// The inverse of [`Place::of`].
    pub(crate) fn listing(self) -> ListingId {
        ListingId(format!("{}:{}", self.variant, self.item))
    }

    /// The inventory item's global id.
    pub(crate) fn item_gid(self) -> String {
        gid("InventoryItem", self.item)
    }
}

/// A number written without sign and blanks.
fn digits(text: &str) -> Option<u64> {
    text.bytes().all(|b| b.is_ascii_digit()).then(|| text.parse().ok()).flatten()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ids_go_both_ways() {
        assert_eq!(number("gid://shopify/Order/450789469"), Some(450_789_469));
        assert_eq!(number("gid://shopify/InventoryLevel/12?inventory_item_id=3"), Some(12));
        assert_eq!(short("gid://shopify/Odd/abc"), "gid://shopify/Odd/abc");
        assert_eq!(order(&RemoteOrderId::from("12")), Ok("gid://shopify/Order/12".to_owned()));
        assert!(
            order(&RemoteOrderId::from("+12")).is_err() && order(&RemoteOrderId::from("12 OR 1")).is_err()
        );
        let place = Place::of(&ListingId::from("7:9"));
        assert_eq!(place.map(Place::listing), Some(ListingId::from("7:9")));
        for odd in ["7", "7:", ":9", "7:9:1", "髙:1", "-7:9"] {
            assert_eq!(Place::of(&ListingId::from(odd)), None, "{odd}");
        }
    }
}
