//! Who mails the buyer, and when: one owner per kind of mail and channel.

use banto_channel::{Bilingual, MailOwner, MailPolicy, both};

/// A kind of mail to the buyer.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum MailKind {
    /// The order has arrived.
    Received,
    /// The payment has arrived.
    Paid,
    /// A parcel has left; one mail per parcel.
    Shipped,
    /// The order is cancelled.
    Cancelled,
    /// The payment has not arrived yet.
    Reminder,
}

impl MailKind {
    /// Every kind, in the order of an order's life.
    pub const ALL: [Self; 5] = [Self::Received, Self::Reminder, Self::Paid, Self::Shipped, Self::Cancelled];

    /// The stable word in the store, in config files and in template names.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Received => "received",
            Self::Paid => "paid",
            Self::Shipped => "shipped",
            Self::Cancelled => "cancelled",
            Self::Reminder => "reminder",
        }
    }

    /// Reads the word back.
    #[must_use]
    pub fn from_name(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|k| k.name() == name)
    }
}

/// A mail's state as people call it, by its stored word.
#[must_use]
pub fn mail_state_in_words(state: &str) -> Bilingual {
    match state {
        "queued" => both!("waits to be sent", "送信待ち"),
        "by_hand" => both!("waits for your word", "送信の確認待ち"),
        "held" => both!("held with the order", "保留中"),
        "sending" => both!("being sent", "送信中"),
        "sent" => both!("sent", "送信済み"),
        "refused" => both!("refused", "送信不可"),
        "uncertain" => both!("uncertain", "到達不明"),
        "dropped" => both!("dropped", "取りやめ"),
        other => Bilingual::quoted(other),
    }
}

/// What one channel does about one kind.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct MailRule {
    /// Who sends it.
    pub owner: MailOwner,
    /// It waits for a person's word.
    pub by_hand: bool,
}

/// What one channel does about every kind.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct MailRules {
    /// Order received.
    pub received: MailRule,
    /// Payment received.
    pub paid: MailRule,
    /// Shipped.
    pub shipped: MailRule,
    /// Cancelled.
    pub cancelled: MailRule,
}

impl MailRules {
    /// The connector's safe default, everything automatic.
    #[must_use]
    pub const fn from_policy(policy: &MailPolicy) -> Self {
        const fn rule(owner: MailOwner) -> MailRule {
            MailRule { owner, by_hand: false }
        }
        Self {
            received: rule(policy.received),
            paid: rule(policy.paid),
            shipped: rule(policy.shipped),
            cancelled: rule(policy.cancelled),
        }
    }

    /// The rule of one kind. A reminder belongs to whoever confirms payments.
    #[must_use]
    pub const fn of(&self, kind: MailKind) -> MailRule {
        match kind {
            MailKind::Received => self.received,
            MailKind::Paid | MailKind::Reminder => self.paid,
            MailKind::Shipped => self.shipped,
            MailKind::Cancelled => self.cancelled,
        }
    }
}

/// A mail that an order's change asks for. Unique by (order, kind, revision).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct MailIntent {
    /// What kind.
    pub kind: MailKind,
    /// The parcel's number for `Shipped`, else 1.
    pub revision: i64,
    /// Waits for a person's word.
    pub by_hand: bool,
}
