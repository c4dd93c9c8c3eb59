//! Pages, cursors, outcomes and notices.

use crate::{Bilingual, NoticeKind, Timestamp};

macro_rules! text_id {
    ($(#[$doc:meta])* $name:ident) => {
        $(#[$doc])*
        #[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, serde::Serialize, serde::Deserialize)]
        #[serde(transparent)]
        pub struct $name(pub String);

        impl $name {
            /// The text.
            #[must_use]
            pub fn as_str(&self) -> &str {
                &self.0
            }
        }

        impl<T: Into<String>> From<T> for $name {
            fn from(text: T) -> Self {
                Self(text.into())
            }
        }

        impl std::fmt::Display for $name {
            fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                f.write_str(&self.0)
            }
        }
    };
}

text_id! {
    /// The marketplace's key of one offer: whatever `push_stock` needs to find it again.
    ListingId
}
text_id! {
    /// The marketplace's key of one order. Unique within its channel for ever.
    RemoteOrderId
}
text_id! {
    /// Where a pull stands. Opaque to the daemon; overlap windows are the connector's matter.
    Cursor
}
text_id! {
    /// A marketplace's promise to answer later.
    Receipt
}
text_id! {
    /// The name of one intent, stored before the first try and equal on each resend.
    IdempotencyKey
}

/// A page of something, and where the next begins.
#[derive(Clone, Debug, PartialEq)]
pub struct Page<T> {
    /// What the page holds.
    pub items: Vec<T>,
    /// Hand this to the next call; stored in the transaction that stores `items`.
    pub next: Cursor,
    /// Whether the next call would bring more right now.
    pub more: bool,
}

/// What became of one item.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Outcome {
    /// Done, and the channel said so.
    Applied,
    /// Taken; the answer comes later through `poll_receipt`.
    Pending(Receipt),
    /// Not done, and trying the same again will not help.
    Refused {
        /// Why, for a person; the marketplace's own words are quoted as they came.
        reason: Bilingual,
    },
    /// Not done; try again after `after`.
    Retry {
        /// How long to wait at least.
        after: std::time::Duration,
        /// Why, for a person.
        reason: Bilingual,
    },
}

/// One parcel of an order.
#[derive(Clone, Debug, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
pub struct Parcel {
    /// The carrier as the merchant wrote it: a name, or the channel's code ([`crate::Carrier::find`] reads both).
    pub carrier: String,
    /// The carrier's number; empty where there is none (post without tracking).
    pub tracking: String,
    /// A page where the buyer can follow the parcel, if known.
    pub tracking_url: Option<String>,
    /// When it left.
    pub shipped_at: Timestamp,
    /// Line id and quantity; empty means everything that is still open.
    pub lines: Vec<(String, i64)>,
    /// Whether nothing of the order remains to be shipped after this parcel.
    pub completes: bool,
}

/// Something to tell a channel about an order.
#[derive(Clone, Debug, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
#[serde(tag = "kind", rename_all = "snake_case")]
pub enum Notice {
    /// A parcel left.
    Shipped(Parcel),
    /// The order is cancelled.
    Cancelled {
        /// Why, for the channel's record.
        reason: String,
    },
    /// Money arrived outside the channel.
    Paid {
        /// When.
        at: Timestamp,
    },
    /// A note for the shop's staff, not for the buyer.
    Note {
        /// The text.
        text: String,
    },
    /// The house takes the order.
    Confirmed,
}

impl Notice {
    /// Its kind, to compare with the capabilities.
    #[must_use]
    pub const fn kind(&self) -> NoticeKind {
        match self {
            Self::Shipped(_) => NoticeKind::Shipped,
            Self::Cancelled { .. } => NoticeKind::Cancelled,
            Self::Paid { .. } => NoticeKind::Paid,
            Self::Note { .. } => NoticeKind::Note,
            Self::Confirmed => NoticeKind::Confirmed,
        }
    }
}

/// A webhook as it came in.
#[derive(Clone, Copy, Debug)]
pub struct Webhook<'a> {
    /// Header names in lower case.
    pub headers: &'a [(String, String)],
    /// The raw body, which is what is signed.
    pub body: &'a [u8],
}

/// What a probe found.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct ProbeReport {
    /// The shop's own name and version, if it says so.
    pub server: String,
    /// When the credentials run out, if the marketplace says so.
    pub credentials_expire: Option<Timestamp>,
    /// Things that work but should be looked at, in plain words.
    pub warnings: Vec<Bilingual>,
}
