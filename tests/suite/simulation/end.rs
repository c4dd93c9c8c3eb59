//! The end: good weather and time, until everything is in, out and shown; then both sides are compared.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use banto::store::{JobFilter, OrderFilter};
use banto_sim::{FaultRates, Market};

use super::acts::Hop;
use super::house::House;
use crate::e2e::truth::{Side, disagreements, insist_on_mails, orders_of};

/// Half hours until everything must have come to rest; a job's longest patience is an hour.
const ROUNDS: u32 = 60;

impl House {
    fn sides(&self) -> Vec<Side<'_>> {
        let side = |stall: &'_ super::house::Stall| stall.connector.capabilities().stock_basis;
        self.stalls
            .iter()
            .map(|s| Side {
                basis: side(s),
                buffer: s.channel.config.stock.rule.buffer.map_or(0, i64::from),
                ..Side::new(&s.channel.name, s.market.as_ref())
            })
            .collect()
    }

    /// Everybody has gone home but the daemon.
    pub async fn drain(&mut self) {
        for stall in &self.stalls {
            stall.market.faults().set_rates(FaultRates::default());
        }
        self.post.calm();
        self.release_all().await;
        for _ in 0..ROUNDS {
            for at in 0..self.stalls.len() {
                self.map_bundle(at).await;
                for hop in [Hop::Pull, Hop::Reread, Hop::Offers] {
                    self.hop(hop, at).await;
                }
                for _ in 0..12 {
                    for hop in [Hop::Push, Hop::Receipts, Hop::Notices, Hop::Mails] {
                        self.hop(hop, at).await;
                    }
                    self.clock.advance(Duration::from_secs(61));
                }
            }
            if disagreements(&self.store, &self.sides()).await.is_empty() {
                return;
            }
            self.clock.advance(Duration::from_secs(1800));
        }
        let wrong = disagreements(&self.store, &self.sides()).await;
        panic!(
            "{} disagreements, the first of them:\n{}",
            wrong.len(),
            wrong[..wrong.len().min(8)].join("\n")
        );
    }

    async fn release_all(&mut self) {
        for stall in &self.stalls {
            let held =
                self.store.orders(OrderFilter::Held, Some(stall.channel.id), i64::MAX, 10_000).await.unwrap();
            for order in held {
                let act = banto::store::Act {
                    order: order.id,
                    version: None,
                    seller: stall.channel.seller(),
                    actor: "cli:test",
                    now: stall.channel.now(),
                };
                self.store.release_order(&act).await.unwrap();
            }
        }
    }

    /// Both sides agree; now what was done on the way.
    pub async fn last_checks(&mut self, days: u64) {
        self.prove().await;
        let sides = self.sides();
        let mailing: Vec<Side<'_>> = self
            .sides()
            .into_iter()
            .filter(|s| s.name != "feed") // It writes to its buyers itself.
            .collect();
        insist_on_mails(&self.store, &mailing, &self.post.kept()).await;
        let given_up = self.store.jobs(JobFilter { lane: None, dead: true }, 0, 10_000).await.unwrap();
        let given_up: BTreeSet<i64> = given_up.iter().filter_map(|j| j.order()).collect();
        for side in &sides {
            let ours = orders_of(&self.store, side.name).await;
            let truth: BTreeMap<_, _> =
                side.market.orders().into_iter().map(|o| (o.id.0.clone(), o)).collect();
            for (id, row) in ours.iter().filter(|(_, row)| !given_up.contains(&row.id)) {
                let told: Vec<&str> = truth[id].parcels.iter().map(|p| p.tracking.as_str()).collect();
                let once: BTreeSet<&str> = told.iter().copied().collect();
                assert_eq!(told.len(), once.len(), "{} {id} was told twice: {told:?}", side.name);
                let view = self.store.order_view(row.id).await.unwrap();
                for parcel in view.order.parcels.iter().filter(|p| p.ours) {
                    assert!(
                        told.contains(&parcel.tracking.as_str()),
                        "{} was not told of {parcel:?}",
                        side.name
                    );
                }
            }
        }
        let [readable, blind] = self.trades.each_ref().map(|t| t.counts().placed);
        assert!(readable > 15 * days && blind > 5 * days, "hardly any trade: {}", self.summary());
        assert!(self.faults() > 10 * days, "hardly any fault: {}", self.summary());
    }
}
