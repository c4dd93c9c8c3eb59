//! Who bought: what an order tells of a person, and when two orders are of the same one.
//!
//! Two orders are of one person when they share a mail address, or a name at an address, or a phone number under one
//! family name. A name alone never joins. What a person took apart stays apart.

mod fold;
mod roll;

use std::collections::{BTreeMap, BTreeSet};

use banto_channel::{Address, Timestamp};

use super::order::{Details, Order};
use super::search;

pub use fold::{fold_address, fold_mail, fold_name, fold_phone, is_masked, same_family};
pub use roll::{Placed, Roll};

/// Key of a customer.
pub type CustomerId = i64;

/// What a key is made of.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum KeyKind {
    /// A mail address of the person's own.
    Mail,
    /// An address that a marketplace made for the person; it says who somebody is there, and nothing elsewhere.
    Relay,
    /// Name, postcode and house number.
    Place,
    /// A phone number; joins within a family name only.
    Phone,
}

impl KeyKind {
    const fn letter(self) -> char {
        match self {
            Self::Mail => 'm',
            Self::Relay => 'r',
            Self::Place => 'a',
            Self::Phone => 'p',
        }
    }

    /// Whether it joins by itself.
    #[must_use]
    pub const fn is_strong(self) -> bool {
        !matches!(self, Self::Phone)
    }
}

/// Something by which a person is known again.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Key {
    /// What it is made of.
    pub kind: KeyKind,
    /// The folded text, with its kind's letter in front: `m:hanako@example.jp`.
    pub text: String,
    /// The folded name that came with a phone number; empty for the others.
    pub name: String,
}

impl Key {
    fn new(kind: KeyKind, text: &str, name: String) -> Self {
        Self { kind, text: format!("{}:{text}", kind.letter()), name }
    }

    /// Whether a key that is known (`name` as it stands there) is the same person's, given that the texts are equal.
    #[must_use]
    pub fn joins(&self, name: &str) -> bool {
        self.kind.is_strong() || same_family(&self.name, name)
    }
}

/// What one order tells of the person who placed it.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Face {
    /// Name as written.
    pub name: String,
    /// Its reading.
    pub kana: String,
    /// Mail address as written.
    pub email: String,
    /// Phone as written.
    pub phone: String,
    /// By what the person is known again.
    pub keys: BTreeSet<Key>,
}

impl Face {
    /// What an order's details tell. Whoever the goods go to is somebody else unless the name is the buyer's: a
    /// present's address is not the giver's.
    #[must_use]
    pub fn of(details: &Details) -> Self {
        let buyer = &details.buyer;
        let (bill, ship) = (&details.bill_to, &details.ship_to);
        let first = |texts: [&str; 3]| {
            texts.into_iter().map(str::trim).find(|t| !t.is_empty()).unwrap_or_default().to_owned()
        };
        let name = first([&buyer.name, &bill.name, &ship.name]);
        let folded = fold_name(&name);
        let own: Vec<&Address> =
            [bill, ship].into_iter().filter(|a| a.name.is_empty() || fold_name(&a.name) == folded).collect();
        let kana = own.iter().map(|a| a.name_kana.trim()).find(|k| !k.is_empty()).unwrap_or_default();
        let at_home = own.iter().map(|a| a.phone.trim()).find(|p| !p.is_empty()).unwrap_or_default();
        let phone = first([&buyer.phone, at_home, ""]);
        let mut keys = BTreeSet::new();
        if let Some(mail) = fold_mail(&buyer.email) {
            let kind = if is_masked(&mail) { KeyKind::Relay } else { KeyKind::Mail };
            keys.insert(Key::new(kind, &mail, String::new()));
        }
        if !folded.is_empty() {
            let places = own.iter().filter_map(|address| fold_address(address));
            keys.extend(places.map(|place| {
                Key::new(KeyKind::Place, &format!("{}|{place}", folded.replace(' ', "")), String::new())
            }));
            keys.extend(fold_phone(&phone).map(|phone| Key::new(KeyKind::Phone, &phone, folded.clone())));
        }
        Self { name, kana: kana.to_owned(), email: buyer.email.trim().to_owned(), phone, keys }
    }

    /// Whether it tells of nobody.
    #[must_use]
    pub fn is_blank(&self) -> bool {
        self.name.is_empty() && self.keys.is_empty()
    }

    /// The words under which the person is found, in the form of [`search::Query`].
    #[must_use]
    pub fn terms(&self) -> BTreeSet<String> {
        let mut terms = BTreeSet::new();
        for name in [&self.name, &self.kana] {
            let words = name.split(|c: char| c.is_whitespace() || matches!(c, '・' | '･'));
            terms.extend(words.map(search::fold));
            terms.insert(search::fold(name));
        }
        terms.insert(search::fold(&self.email));
        terms.insert(search::phone_digits(&self.phone));
        terms.remove("");
        terms
    }
}

/// A customer who has a key of an order.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Match {
    /// The customer.
    pub customer: CustomerId,
    /// How many strong keys are shared.
    pub strong: usize,
    /// When the customer last bought, microseconds since 1970.
    pub last_order_at: i64,
}

/// Which customers must not be joined, both ways round.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Apart(BTreeMap<CustomerId, BTreeSet<CustomerId>>);

impl Apart {
    /// Keeps two customers apart.
    pub fn keep(&mut self, one: CustomerId, other: CustomerId) {
        self.0.entry(one).or_default().insert(other);
        self.0.entry(other).or_default().insert(one);
    }

    /// Whether two customers may be joined.
    #[must_use]
    pub fn may_join(&self, one: CustomerId, other: CustomerId) -> bool {
        !self.0.get(&one).is_some_and(|others| others.contains(&other))
    }

    /// What was kept from `gone` is kept from `home`, into which it went.
    pub fn inherit(&mut self, gone: CustomerId, home: CustomerId) {
        for other in self.0.remove(&gone).unwrap_or_default() {
            if let Some(others) = self.0.get_mut(&other) {
                others.remove(&gone);
            }
            if other != home {
                self.keep(home, other);
            }
        }
    }
}

/// To whom an order belongs.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Belongs {
    /// The customer; `None` is a new one.
    pub home: Option<CustomerId>,
    /// Customers who turn out to be the same person.
    pub joins: Vec<CustomerId>,
}

/// Decides to whom an order belongs: to whom it did, else to the customer with whom it shares most; the others it
/// shares a key with are the same person, unless somebody took them apart.
#[must_use]
pub fn belongs(current: Option<CustomerId>, matches: &[Match], apart: &Apart) -> Belongs {
    let best = matches.iter().max_by_key(|m| (m.strong, m.last_order_at, std::cmp::Reverse(m.customer)));
    let Some(home) = current.or_else(|| best.map(|m| m.customer)) else { return Belongs::default() };
    let mut apart = apart.clone();
    let mut joins = Vec::new();
    let others: BTreeSet<CustomerId> = matches.iter().map(|m| m.customer).filter(|c| *c != home).collect();
    for other in others {
        if apart.may_join(home, other) {
            apart.inherit(other, home);
            joins.push(other);
        }
    }
    Belongs { home: Some(home), joins }
}

/// Takes everything out of an order's details that tells of a person. Country and region stay, for the books.
pub fn forget(details: &mut Details, at: Timestamp) {
    for address in [&mut details.bill_to, &mut details.ship_to] {
        let kept = Address {
            country: std::mem::take(&mut address.country),
            region: std::mem::take(&mut address.region),
            ..Address::default()
        };
        *address = kept;
    }
    details.buyer = banto_channel::Buyer {
        language: std::mem::take(&mut details.buyer.language),
        ..banto_channel::Buyer::default()
    };
    details.note.clear();
    details.wait = None;
    for refund in &mut details.refunds {
        refund.reason.clear();
    }
    if let Some(cancelled) = &mut details.house.cancelled {
        cancelled.reason.clear();
    }
    details.house.forgotten_at.get_or_insert(at);
}

/// When nothing can happen to an order any more: its last parcel's departure, or the change that ended it. `None` while
/// it is open.
#[must_use]
pub fn closed_at(order: &Order, changed_at: Timestamp) -> Option<Timestamp> {
    if order.is_open() {
        return None;
    }
    let left = order.parcels.iter().map(|parcel| parcel.shipped_at).max();
    Some(left.or(order.changed_at).unwrap_or(changed_at))
}

#[cfg(test)]
mod tests;
