//! What the shop sells.

use std::collections::BTreeMap;

use banto_channel::{ListingId, Money, RemoteOffer};

use super::state::Shop;

/// A variant with its inventory item.
#[derive(Clone, Debug, Default)]
pub(super) struct Variant {
    pub(super) id: u64,
    pub(super) item: u64,
    pub(super) product: u64,
    pub(super) title: String,
    pub(super) option: String,
    pub(super) sku: String,
    pub(super) barcode: String,
    pub(super) price: i64,
    pub(super) tracked: bool,
    /// `available` by location.
    pub(super) stock: BTreeMap<u64, i64>,
    pub(super) reduced_tax: bool,
}

impl Variant {
    pub(super) fn listing(&self) -> ListingId {
        ListingId(format!("{}:{}", self.id, self.item))
    }

    /// As a line names it.
    pub(super) fn name(&self) -> String {
        match self.option.is_empty() {
            true => self.title.clone(),
            false => format!("{} - {}", self.title, self.option),
        }
    }
}

impl Shop {
    /// The variants of the config, with ids.
    pub(super) fn stock_up(&mut self) {
        let mut last = (String::new(), 0);
        for given in self.config.variants.clone() {
            if given.product != last.0 || given.option.is_empty() {
                last = (given.product.clone(), self.id());
            }
            let (id, item) = (self.id(), self.id());
            let mut stock = BTreeMap::from([(self.config.location, given.stock.unwrap_or(0))]);
            stock.extend(self.config.second_location.map(|second| (second, 1000)));
            let variant = Variant {
                id,
                item,
                product: last.1,
                title: given.product,
                option: given.option,
                sku: given.sku,
                barcode: given.barcode,
                price: given.price,
                tracked: given.stock.is_some(),
                stock,
                reduced_tax: given.reduced_tax,
            };
            self.by_item.insert(item, id);
            self.variants.insert(id, variant);
        }
    }

    pub(super) fn variant_of(&self, listing: &ListingId) -> Option<&Variant> {
        let (variant, _) = listing.as_str().split_once(':')?;
        self.variants.get(&variant.parse().ok()?).filter(|variant| variant.listing() == *listing)
    }

    pub(super) fn available(&self, variant: &Variant, location: u64) -> Option<i64> {
        variant.stock.get(&location).copied().filter(|_| variant.tracked)
    }

    /// Takes units off a location (negative: puts them back).
    pub(super) fn move_stock(&mut self, variant: u64, location: u64, units: i64) {
        if let Some(stock) = self.variants.get_mut(&variant).and_then(|v| v.stock.get_mut(&location)) {
            *stock -= units;
        }
    }

    pub(super) fn offer(&self, variant: &Variant) -> RemoteOffer {
        let some = |text: &str| (!text.is_empty()).then(|| text.to_owned());
        RemoteOffer {
            id: variant.listing(),
            code: some(&variant.sku),
            gtin: some(&variant.barcode),
            title: variant.name(),
            quantity: self.available(variant, self.config.location),
            price: Some((Money(variant.price), self.config.currency.clone())),
            active: true,
        }
    }
}
