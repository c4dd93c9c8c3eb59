//! The roll of customers as far as a batch of orders touches it: loaded for a transaction, changed here, written back.

use std::collections::{BTreeMap, BTreeSet};

use super::{Apart, Belongs, CustomerId, Face, Match, belongs};
use crate::domain::{Ids, OrderId};

/// Where an order belongs.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Placed {
    /// The customer.
    pub customer: CustomerId,
    /// Nobody had a key of it: the customer is new.
    pub new_customer: bool,
    /// It belonged to nobody before.
    pub new_order: bool,
    /// Customers who were found to be the same person, and are no more.
    pub joined: Vec<CustomerId>,
}

/// The working set.
#[derive(Clone, Debug, Default)]
pub struct Roll {
    /// By a key's text: who has it, and the name that came with it.
    keys: BTreeMap<String, BTreeSet<(CustomerId, String)>>,
    pub(super) homes: BTreeMap<OrderId, CustomerId>,
    last_order_at: BTreeMap<CustomerId, i64>,
    pub(super) apart: Apart,
}

impl Roll {
    /// A customer of the store, and when the last order came.
    pub fn load_customer(&mut self, customer: CustomerId, last_order_at: i64) {
        self.last_order_at.insert(customer, last_order_at);
    }

    /// A key of the store.
    pub fn load_key(&mut self, text: String, customer: CustomerId, name: String) {
        self.keys.entry(text).or_default().insert((customer, name));
    }

    /// Whose an order is in the store.
    pub fn load_home(&mut self, order: OrderId, customer: CustomerId) {
        self.homes.insert(order, customer);
    }

    /// Customers whom a person took apart.
    pub fn load_apart(&mut self, one: CustomerId, other: CustomerId) {
        self.apart.keep(one, other);
    }

    /// Whose an order is.
    #[must_use]
    pub fn home(&self, order: OrderId) -> Option<CustomerId> {
        self.homes.get(&order).copied()
    }

    /// Finds out whose an order is, with what that says about others. `None` for an order that tells of nobody.
    pub fn place(&mut self, ids: &mut dyn Ids, order: OrderId, face: &Face, at: i64) -> Option<Placed> {
        let current = self.home(order);
        if face.is_blank() {
            return None;
        }
        let Belongs { home, joins } = belongs(current, &self.matches(face), &self.apart);
        let customer = home.unwrap_or_else(|| ids.next_id());
        for gone in &joins {
            self.join(*gone, customer);
        }
        for key in &face.keys {
            self.keys.entry(key.text.clone()).or_default().insert((customer, key.name.clone()));
        }
        self.homes.insert(order, customer);
        let last = self.last_order_at.entry(customer).or_insert(at);
        *last = at.max(*last);
        let (new_customer, new_order) = (home.is_none(), current.is_none());
        Some(Placed { customer, new_customer, new_order, joined: joins })
    }

    fn matches(&self, face: &Face) -> Vec<Match> {
        let mut strong: BTreeMap<CustomerId, BTreeSet<&str>> = BTreeMap::new();
        for key in &face.keys {
            for (customer, name) in self.keys.get(&key.text).into_iter().flatten() {
                if key.joins(name) {
                    let shared = strong.entry(*customer).or_default();
                    if key.kind.is_strong() {
                        shared.insert(&key.text);
                    }
                }
            }
        }
        let last = |customer: CustomerId| self.last_order_at.get(&customer).copied().unwrap_or(0);
        strong
            .into_iter()
            .map(|(customer, keys)| Match { customer, strong: keys.len(), last_order_at: last(customer) })
            .collect()
    }

    fn join(&mut self, gone: CustomerId, home: CustomerId) {
        for holders in self.keys.values_mut() {
            let (moved, kept): (BTreeSet<_>, BTreeSet<_>) =
                std::mem::take(holders).into_iter().partition(|(customer, _)| *customer == gone);
            *holders = kept;
            holders.extend(moved.into_iter().map(|(_, name)| (home, name)));
        }
        for customer in self.homes.values_mut().filter(|customer| **customer == gone) {
            *customer = home;
        }
        self.apart.inherit(gone, home);
        let last = self.last_order_at.remove(&gone).unwrap_or(0);
        let there = self.last_order_at.entry(home).or_insert(last);
        *there = last.max(*there);
    }
}
