//! What must be true after every step, and what is proved from time to time.

use std::collections::{BTreeMap, BTreeSet};

use banto::store::CHECKS;
use banto_channel::Clock;

use super::house::House;

impl House {
    /// The shelves that moved since the last look: nothing below zero, and what is held adds up. No mail came twice.
    pub async fn cheap_checks(&mut self) {
        let changes = self.store.stock_changes(self.seen_entry, 10_000).await.unwrap();
        self.seen_entry = changes.last().map_or(self.seen_entry, |c| c.id);
        let items: BTreeSet<i64> = changes.iter().map(|c| c.item_id).collect();
        if !items.is_empty() {
            let mut held: BTreeMap<(i64, i64), (i64, i64)> = BTreeMap::new();
            for hold in self.store.holdings_of(&items).await.unwrap() {
                assert!(hold.reserved >= 0 && hold.short >= 0, "{hold:?}");
                let sums = held.entry((hold.item_id, hold.location_id)).or_default();
                sums.0 += hold.reserved;
                sums.1 += hold.short;
            }
            for level in self.store.levels_of(&items).await.unwrap() {
                assert!(level.available >= 0, "{level:?}");
                let sums = held.remove(&(level.item_id, level.location_id)).unwrap_or_default();
                assert_eq!((level.reserved, level.short), sums, "{level:?}");
            }
            assert_eq!(held, BTreeMap::new(), "held where there is no level");
        }
        assert_eq!(self.post.twice(), Vec::<String>::new(), "a mail went out twice");
    }

    /// The whole ledger, and everything that the doctor calls grave.
    pub async fn prove(&self) {
        assert_eq!(self.store.verify_ledger().await.unwrap(), [], "the ledger");
        for check in CHECKS.iter().filter(|c| c.grave) {
            let named = self.store.ask(check, self.clock.now()).await.unwrap();
            assert_eq!(named.count, 0, "{}: {:?}", check.name, named.examples);
        }
    }
}
