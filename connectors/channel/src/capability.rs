//! What a channel can do, as data.

use std::num::NonZeroU16;
use std::time::Duration;

/// Whether a channel takes the number that may be sold or the number that lies on the shelf.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum StockBasis {
    /// The channel shows what it is told; it knows nothing of our reservations.
    Sellable,
    /// The channel subtracts its own open orders from what it is told (Magento, Vendure, Medusa).
    Physical,
}

/// Something a channel can be told about an order.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum NoticeKind {
    /// Goods left, with carrier and tracking number.
    Shipped,
    /// The order is cancelled.
    Cancelled,
    /// Money arrived outside the channel (bank transfer).
    Paid,
    /// A note for the shop's staff.
    Note,
    /// The house takes the order, where the marketplace waits for that word (Rakuten's 注文確認, Walmart's acknowledge).
    Confirmed,
}

impl NoticeKind {
    /// Every kind.
    pub const ALL: [Self; 5] = [Self::Confirmed, Self::Paid, Self::Shipped, Self::Cancelled, Self::Note];

    /// A stable word for logs and the store.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Shipped => "shipped",
            Self::Cancelled => "cancelled",
            Self::Paid => "paid",
            Self::Note => "note",
            Self::Confirmed => "confirmed",
        }
    }
}

/// A carrier that a marketplace knows by a code of its own.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Carrier {
    /// The marketplace's code.
    pub code: &'static str,
    /// Names that people write for it, the marketplace's own first. Compared without regard to case and blanks.
    pub names: &'static [&'static str],
}

impl Carrier {
    /// The carrier that somebody wrote, by its code or by one of its names.
    #[must_use]
    pub fn find<'a>(table: &'a [Self], written: &str) -> Option<&'a Self> {
        let plain = |text: &str| {
            text.chars().filter(|c| !c.is_whitespace()).flat_map(char::to_lowercase).collect::<String>()
        };
        let written = plain(written);
        table.iter().find(|c| plain(c.code) == written || c.names.iter().any(|name| plain(name) == written))
    }
}

/// A mail server of the marketplace through which alone its masked addresses are reached.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct MailRelay {
    /// Addresses of this domain and of those under it.
    pub domain: &'static str,
    /// The server.
    pub host: &'static str,
    /// Its port; STARTTLS and a login are used.
    pub port: u16,
    /// Where that comes from: a document's address or title.
    pub source: &'static str,
}

/// Who sends one kind of mail to the buyer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum MailOwner {
    /// banto does.
    Us,
    /// The marketplace or shop does; a second one from us would be a duplicate.
    Channel,
    /// Nobody may (Amazon) or nobody does.
    Nobody,
}

/// The safe default of who mails the buyer, per kind, with the place where that is documented.
#[derive(Clone, Copy, Debug)]
pub struct MailPolicy {
    /// Order received.
    pub received: MailOwner,
    /// Payment received.
    pub paid: MailOwner,
    /// Shipped, per parcel.
    pub shipped: MailOwner,
    /// Cancelled.
    pub cancelled: MailOwner,
    /// Whether the config may hand a kind to banto ([`MailOwner::Us`]) although the default says otherwise.
    pub may_widen: bool,
    /// Where the rule comes from: a document's address or title.
    pub source: &'static str,
}

/// A group of calls that share one allowance at the marketplace.
#[derive(Clone, Copy, Debug)]
pub struct Quota {
    /// The name that [`crate::Request::group`] refers to, or [`Quota::EVERY_GROUP`].
    pub group: &'static str,
    /// Calls allowed per [`Quota::per`] in the long run.
    pub calls: u32,
    /// The span that [`Quota::calls`] refers to.
    pub per: Duration,
    /// Calls that may be made at once after a rest; at least 1.
    pub burst: u32,
}

impl Quota {
    /// As [`Quota::group`]: the allowance spans the whole channel, so each call is counted in it beside its own group.
    pub const EVERY_GROUP: &'static str = "*";
}

/// What a channel can do and how much at once. Built from [`Capabilities::least`].
#[non_exhaustive]
#[derive(Clone, Debug)]
pub struct Capabilities {
    /// The connector's name in config files (`kind = "woocommerce"`).
    pub kind: &'static str,
    /// The marketplace's name as people write it.
    pub title: &'static str,
    /// Most items in one [`crate::Connector::push_stock`].
    pub stock_batch_max: NonZeroU16,
    /// What kind of number the channel takes.
    pub stock_basis: StockBasis,
    /// `push_stock` may answer `Pending`; `poll_receipt` works.
    pub stock_answers_later: bool,
    /// A resend with the same key is recognised by the marketplace itself.
    pub keeps_idempotency_keys: bool,
    /// `list_offers` works.
    pub lists_offers: bool,
    /// `read_stock` works.
    pub reads_stock_back: bool,
    /// Most ids in one `reread_orders`; 0 means that the call is not supported.
    pub reread_batch_max: u16,
    /// The order search misses some changes, so open orders must be read again from time to time.
    pub needs_open_order_rereads: bool,
    /// `verify_webhook` and `ensure_webhooks` work.
    pub webhooks: bool,
    /// What `notify_order` accepts.
    pub notices: &'static [NoticeKind],
    /// Who mails the buyer unless the config says otherwise.
    pub mail_policy: MailPolicy,
    /// Shortest sensible time between two pulls when nothing is going on.
    pub pull_interval_min: Duration,
    /// Allowances that the marketplace documents; empty if it documents none.
    pub quotas: &'static [Quota],
    /// Carriers the marketplace knows by a code of its own; empty means free text. A carrier that is not in the table
    /// is refused before it is sent.
    pub carriers: &'static [Carrier],
    /// The way to buyers whose address the marketplace masks.
    pub mail_relay: Option<MailRelay>,
}

impl Capabilities {
    /// A channel that can do nothing optional: one item a push, no extras.
    #[must_use]
    pub const fn least(kind: &'static str, title: &'static str, mail_policy: MailPolicy) -> Self {
        Self {
            kind,
            title,
            stock_batch_max: NonZeroU16::MIN,
            stock_basis: StockBasis::Sellable,
            stock_answers_later: false,
            keeps_idempotency_keys: false,
            lists_offers: false,
            reads_stock_back: false,
            reread_batch_max: 0,
            needs_open_order_rereads: false,
            webhooks: false,
            notices: &[],
            mail_policy,
            pull_interval_min: Duration::from_secs(60),
            quotas: &[],
            carriers: &[],
            mail_relay: None,
        }
    }

    /// Whether `notify_order` accepts this kind.
    #[must_use]
    pub fn can_notify(&self, kind: NoticeKind) -> bool {
        self.notices.contains(&kind)
    }
}
