//! Finding out whose an order is, for a batch of orders at a time.

use std::collections::{BTreeMap, BTreeSet};

use banto_channel::Timestamp;

use super::super::db::args;
use super::super::tables::{
    self, CustomerApartRow, CustomerKeyRow, CustomerNoteRow, CustomerOrderRow, CustomerRow, CustomerTermRow,
};
use super::super::{Result, StoreError, Write, keys};
use super::{
    CUSTOMER_APART_COPY, CUSTOMER_APART_COPY_BACK, CUSTOMER_APART_DROP, CUSTOMER_APART_DROP_BACK,
    CUSTOMER_APART_FROM, CUSTOMER_HOMES, CUSTOMER_KEYS_COPY, CUSTOMER_KEYS_DROP, CUSTOMER_KEYS_KNOWN,
    CUSTOMER_NOTES_MOVE, CUSTOMER_ORDERS_MOVE, CUSTOMER_TERMS_DROP, CUSTOMERS_BY_IDS, note,
};
use crate::domain::customer::{CustomerId, Face, Roll, closed_at, fold_mail, is_masked};
use crate::domain::order::Order;

/// Words that one customer is found by; somebody with more is a shop's dummy.
const MOST_TERMS: usize = 200;

/// Finds out whose these orders are, as they are now.
///
/// Errors: [`StoreError::Sql`], [`StoreError::DiskFull`].
pub(in crate::store) async fn project(write: &mut Write, orders: &[Order], now: Timestamp) -> Result<()> {
    let faces: Vec<(&Order, Face)> = orders.iter().map(|order| (order, Face::of(&order.details))).collect();
    let mut work = Working::load(write, &faces).await?;
    for (order, face) in &faces {
        work.take(write, order, face, now);
    }
    work.write(write).await
}

/// What a batch of orders touches.
#[derive(Default)]
struct Working {
    roll: Roll,
    customers: BTreeMap<CustomerId, CustomerRow>,
    changed: BTreeSet<CustomerId>,
    homes: Vec<CustomerOrderRow>,
    keys: BTreeSet<(String, CustomerId, String)>,
    known_keys: BTreeSet<(String, CustomerId, String)>,
    terms: BTreeSet<(String, CustomerId)>,
    dropped_terms: BTreeSet<(String, CustomerId)>,
    /// Who turned out to be whom, in the order in which that was found.
    joined: Vec<(CustomerId, CustomerId)>,
    notes: Vec<CustomerNoteRow>,
}

impl Working {
    async fn load(write: &mut Write, faces: &[(&Order, Face)]) -> Result<Self> {
        let mut work = Self::default();
        let ids = keys(faces.iter().map(|(order, _)| order.id))?;
        let homes: Vec<CustomerOrderRow> = write.tx.all(CUSTOMER_HOMES, args![&ids]).await?;
        let texts: BTreeSet<&str> =
            faces.iter().flat_map(|(_, face)| &face.keys).map(|k| k.text.as_str()).collect();
        let known: Vec<CustomerKeyRow> = write.tx.all(CUSTOMER_KEYS_KNOWN, args![&keys(texts)?]).await?;
        let mut customers: BTreeSet<CustomerId> = known.iter().map(|k| k.customer_id).collect();
        customers.extend(homes.iter().map(|home| home.customer_id));
        if !customers.is_empty() {
            let ids = keys(&customers)?;
            let rows: Vec<CustomerRow> = write.tx.all(CUSTOMERS_BY_IDS, args![&ids]).await?;
            for row in rows {
                work.roll.load_customer(row.id, row.last_order_at);
                work.customers.insert(row.id, row);
            }
            let apart: Vec<CustomerApartRow> = write.tx.all(CUSTOMER_APART_FROM, args![&ids]).await?;
            for pair in apart {
                work.roll.load_apart(pair.customer_id, pair.other_id);
            }
        }
        for home in homes {
            work.roll.load_home(home.order_id, home.customer_id);
        }
        for row in known {
            work.roll.load_key(row.key.clone(), row.customer_id, row.name.clone());
            work.known_keys.insert((row.key, row.customer_id, row.name));
        }
        Ok(work)
    }

    fn take(&mut self, write: &mut Write, order: &Order, face: &Face, now: Timestamp) {
        let placed_at = order.placed_at.0;
        let Some(placed) = self.roll.place(&mut write.ids, order.id, face, placed_at) else {
            if let Some(customer) = self.roll.home(order.id) {
                self.homes.push(home_row(order, customer, now));
            }
            return;
        };
        for gone in &placed.joined {
            let id = write.id();
            self.join(*gone, placed.customer, id, now);
        }
        let customer = self.customers.entry(placed.customer).or_insert_with(|| CustomerRow {
            id: placed.customer,
            version: 1,
            name: String::new(),
            email: String::new(),
            phone: String::new(),
            terms: String::new(),
            orders: 0,
            first_order_at: placed_at,
            last_order_at: placed_at,
            blocked_at: None,
            blocked_reason: None,
            merged_into: None,
            erased_at: None,
        });
        let before = customer.clone();
        customer.orders += i64::from(placed.new_order);
        wear(customer, face, placed_at);
        let had: BTreeSet<&str> = lines(&before.terms).collect();
        let new = lines(&customer.terms).filter(|term| !had.contains(term));
        self.terms.extend(new.map(|term| (term.to_owned(), customer.id)));
        if placed.new_customer || *customer != before {
            self.changed.insert(customer.id);
        }
        for key in &face.keys {
            self.keys.insert((key.text.clone(), customer.id, key.name.clone()));
        }
        self.homes.push(home_row(order, customer.id, now));
    }

    /// `gone` turned out to be `home`: what is known of the one is the other's.
    fn join(&mut self, gone: CustomerId, home: CustomerId, note_id: i64, now: Timestamp) {
        let Some(mut other) = self.customers.get(&gone).cloned() else { return };
        let Some(customer) = self.customers.get_mut(&home) else { return };
        absorb(customer, &mut other);
        self.terms.extend(lines(&customer.terms).map(|term| (term.to_owned(), home)));
        self.dropped_terms.extend(lines(&other.terms).map(|term| (term.to_owned(), gone)));
        other.terms.clear();
        self.customers.insert(gone, other);
        self.changed.extend([gone, home]);
        self.joined.push((gone, home));
        self.notes.push(note(note_id, home, "joined", &format!("#{gone}"), "daemon", now));
    }

    /// Who somebody is by now.
    fn home_of(&self, customer: CustomerId) -> CustomerId {
        self.joined.iter().fold(customer, |at, (gone, home)| if at == *gone { *home } else { at })
    }

    async fn write(mut self, write: &mut Write) -> Result<()> {
        let rows: Vec<CustomerRow> =
            self.changed.iter().filter_map(|id| self.customers.get(id)).cloned().collect();
        tables::upsert(&mut write.tx, &rows).await?;
        let terms = std::mem::take(&mut self.terms);
        let terms: BTreeSet<(String, CustomerId)> =
            terms.into_iter().map(|(term, customer)| (term, self.home_of(customer))).collect();
        write.drop_terms(&self.dropped_terms).await?;
        for (gone, home) in &self.joined {
            write.move_customer(*gone, *home).await?;
        }
        let keys = std::mem::take(&mut self.keys);
        let keys: BTreeSet<_> =
            keys.into_iter().map(|(key, customer, name)| (key, self.home_of(customer), name)).collect();
        let new_keys = keys.difference(&self.known_keys).cloned();
        let new_keys: Vec<CustomerKeyRow> =
            new_keys.map(|(key, customer_id, name)| CustomerKeyRow { key, customer_id, name }).collect();
        tables::upsert(&mut write.tx, &new_keys).await?;
        let terms: Vec<CustomerTermRow> =
            terms.into_iter().map(|(term, customer_id)| CustomerTermRow { term, customer_id }).collect();
        tables::upsert(&mut write.tx, &terms).await?;
        for home in &mut self.homes {
            home.customer_id = self.roll.home(home.order_id).unwrap_or(home.customer_id);
        }
        tables::upsert(&mut write.tx, &self.homes).await?;
        tables::insert(&mut write.tx, &self.notes).await
    }
}

fn home_row(order: &Order, customer: CustomerId, now: Timestamp) -> CustomerOrderRow {
    let known = order.details.house.forgotten_at.is_none();
    CustomerOrderRow {
        order_id: order.id,
        customer_id: customer,
        channel_id: order.channel,
        placed_at: order.placed_at.0,
        closed_at: closed_at(order, now).filter(|_| known).map(|at| at.0),
    }
}

/// Has a customer look as an order shows them: the newest order's name, address and phone stand, an own mail address
/// before one that a marketplace made.
pub(super) fn wear(customer: &mut CustomerRow, face: &Face, placed_at: i64) {
    let newest = placed_at >= customer.last_order_at;
    let set = |there: &mut String, new: &str| {
        if !new.is_empty() && (newest || there.is_empty()) {
            new.clone_into(there);
        }
    };
    set(&mut customer.name, &face.name);
    set(&mut customer.phone, &face.phone);
    let own = |mail: &str| fold_mail(mail).is_some_and(|mail| !is_masked(&mail));
    match (own(&customer.email), own(&face.email)) {
        (true, false) => {}
        (false, true) => face.email.clone_into(&mut customer.email),
        _ => set(&mut customer.email, &face.email),
    }
    customer.first_order_at = customer.first_order_at.min(placed_at);
    customer.last_order_at = customer.last_order_at.max(placed_at);
    customer.terms = with_terms(&customer.terms, face.terms());
}

/// The terms of a customer's row.
pub(super) fn lines(terms: &str) -> impl Iterator<Item = &str> {
    terms.split('\n').filter(|term| !term.is_empty())
}

fn with_terms(there: &str, more: BTreeSet<String>) -> String {
    let mut terms: BTreeSet<String> = lines(there).map(str::to_owned).collect();
    for term in more {
        if terms.len() < MOST_TERMS {
            terms.insert(term);
        }
    }
    terms.into_iter().collect::<Vec<_>>().join("\n")
}

/// Gives a customer what another one is known by; the other points here from now on.
pub(super) fn absorb(customer: &mut CustomerRow, other: &mut CustomerRow) {
    customer.orders += std::mem::take(&mut other.orders);
    let newer = other.last_order_at > customer.last_order_at;
    for (ours, theirs) in [
        (&mut customer.name, &mut other.name),
        (&mut customer.email, &mut other.email),
        (&mut customer.phone, &mut other.phone),
    ] {
        let theirs = std::mem::take(theirs);
        if ours.is_empty() || (newer && !theirs.is_empty()) {
            *ours = theirs;
        }
    }
    customer.first_order_at = customer.first_order_at.min(other.first_order_at);
    customer.last_order_at = customer.last_order_at.max(other.last_order_at);
    customer.terms = with_terms(&customer.terms, lines(&other.terms).map(str::to_owned).collect());
    if customer.blocked_at.is_none() {
        customer.blocked_at = other.blocked_at;
        customer.blocked_reason.clone_from(&other.blocked_reason);
    }
    other.blocked_at = None;
    other.blocked_reason = None;
    other.merged_into = Some(customer.id);
}

impl Write {
    /// Moves what hangs on one customer to another: orders, keys, notes, and who they are not.
    pub(super) async fn move_customer(&mut self, gone: CustomerId, home: CustomerId) -> Result<()> {
        for text in [CUSTOMER_ORDERS_MOVE, CUSTOMER_KEYS_COPY, CUSTOMER_NOTES_MOVE, CUSTOMER_APART_COPY] {
            self.tx.run(text, args![gone, home]).await?;
        }
        self.tx.run(CUSTOMER_APART_COPY_BACK, args![gone, home]).await?;
        for text in [CUSTOMER_KEYS_DROP, CUSTOMER_APART_DROP_BACK, CUSTOMER_APART_DROP] {
            self.tx.run(text, args![gone]).await?;
        }
        Ok(())
    }

    pub(super) async fn drop_terms(&mut self, terms: &BTreeSet<(String, CustomerId)>) -> Result<()> {
        if terms.is_empty() {
            return Ok(());
        }
        let rows = serde_json::to_string(terms).map_err(StoreError::Json)?;
        self.tx.run(CUSTOMER_TERMS_DROP, args![&rows]).await.map(drop)
    }
}
