//! Every table as a row type, with the statements that write a whole batch of rows handed over as one JSON text.
//! Columns are numbered because a row travels as a JSON array; a test holds the numbers to the order.

use serde::ser::{Serialize, SerializeTuple, Serializer};
use sha2::{Digest, Sha256};

use super::StoreError;
use super::db::{Tx, args};

/// A table that can be written in batches and copied between stores.
pub(super) trait Table: super::db::Row + Serialize + 'static {
    const NAME: &'static str;
    /// Inserts the rows of a JSON array of arrays.
    const INSERT: &'static str;
    /// The same, replacing rows whose key is there.
    const UPSERT: &'static str;
    /// Reads every row, in key order.
    const SELECT: &'static str;
    #[cfg(test)]
    const NUMBERS: &'static [i64];
}

/// Writes rows as one statement.
pub(super) async fn insert<T: Table>(tx: &mut Tx, rows: &[T]) -> Result<(), StoreError> {
    write(tx, T::INSERT, rows).await
}

/// Writes rows as one statement, replacing those whose key is there.
pub(super) async fn upsert<T: Table>(tx: &mut Tx, rows: &[T]) -> Result<(), StoreError> {
    write(tx, T::UPSERT, rows).await
}

async fn write<T: Table>(tx: &mut Tx, text: &'static str, rows: &[T]) -> Result<(), StoreError> {
    if rows.is_empty() {
        return Ok(());
    }
    let json = serde_json::to_string(rows).map_err(StoreError::Json)?;
    tx.run(text, args![&without_nul(json)]).await?;
    Ok(())
}

/// JSON text whose NUL characters, which PostgreSQL's TEXT cannot hold, became U+FFFD: a buyer's name with a NUL in it
/// must not keep the orders beside it out.
fn without_nul(json: String) -> String {
    if !json.contains("\\u0000") {
        return json;
    }
    let mut clean = String::with_capacity(json.len());
    let mut rest = json.as_str();
    while let Some(at) = rest.find('\\') {
        let (before, escape) = rest.split_at(at);
        clean.push_str(before);
        // A backslash escapes what follows, another backslash included.
        let (end, kept) = match escape.strip_prefix("\\u0000") {
            Some(_) => (6, "\u{fffd}"),
            None => (2, escape.get(..2).unwrap_or(escape)),
        };
        clean.push_str(kept);
        rest = escape.get(end..).unwrap_or_default();
    }
    clean.push_str(rest);
    clean
}

macro_rules! tables {
    ($( $(#[$doc:meta])* $row:ident = $table:literal ($($key:ident),+) {
        $n0:literal $c0:ident : $t0:ty = $s0:literal,
        $( $n:literal $c:ident : $t:ty = $s:literal, )*
    } )*) => {
        $(
            $(#[$doc])*
            #[derive(Clone, Debug, PartialEq, Eq, sqlx::FromRow)]
            pub struct $row {
                #[doc = concat!("Column `", stringify!($c0), "`, explained in migrations/.")]
                pub $c0: $t0,
                $(
                    #[doc = concat!("Column `", stringify!($c), "`, explained in migrations/.")]
                    pub $c: $t,
                )*
            }

            impl Serialize for $row {
                fn serialize<S: Serializer>(&self, to: S) -> Result<S::Ok, S::Error> {
                    let mut row = to.serialize_tuple(1 $(+ { let _ = $n; 1 })*)?;
                    row.serialize_element(&self.$c0)?;
                    $(row.serialize_element(&self.$c)?;)*
                    row.end()
                }
            }

            impl Table for $row {
                const NAME: &'static str = $table;
                const INSERT: &'static str = concat!(
                    "INSERT INTO ", $table, " (", stringify!($c0), $(", ", stringify!($c),)* ") ",
                    "SELECT CAST(value ->> ", $n0, " AS ", $s0, ")",
                    $(", CAST(value ->> ", $n, " AS ", $s, ")",)* " FROM jsonb_each($1)");
                const UPSERT: &'static str = concat!(
                    "INSERT INTO ", $table, " (", stringify!($c0), $(", ", stringify!($c),)* ") ",
                    "SELECT CAST(value ->> ", $n0, " AS ", $s0, ")",
                    $(", CAST(value ->> ", $n, " AS ", $s, ")",)* " FROM jsonb_each($1) ",
                    // SQLite needs the WHERE to tell this ON from a join's (sqlite.org/lang_upsert.html).
                    "WHERE true ON CONFLICT (", tables!(@list $($key),+), ") DO UPDATE SET ",
                    stringify!($c0), " = excluded.", stringify!($c0),
                    $(", ", stringify!($c), " = excluded.", stringify!($c),)*);
                const SELECT: &'static str = concat!(
                    "SELECT ", stringify!($c0), $(", ", stringify!($c),)* " FROM ", $table,
                    " ORDER BY ", tables!(@list $($key),+));
                #[cfg(test)]
                const NUMBERS: &'static [i64] = &[$n0, $($n),*];
            }
        )*

        /// Every statement of this file, for the parity test.
        pub(super) const ALL: &[(&str, &str)] = &[
            $(($table, <$row as Table>::INSERT), ($table, <$row as Table>::UPSERT), ($table, <$row as Table>::SELECT),)*
        ];

        /// Copies every row of every table from a snapshot into an empty store; `told` hears each table's rows.
        pub(super) async fn copy_all(from: &mut Tx, to: &mut Tx, told: Told<'_>) -> Result<Vec<Tally>, StoreError> {
            let mut all = Vec::new();
            $(all.push(read::<$row>(from, Some(&mut *to), &mut *told).await?);)*
            Ok(all)
        }

        /// Reads every row of every table, to compare two stores.
        pub(super) async fn tally_all(from: &mut Tx, told: Told<'_>) -> Result<Vec<Tally>, StoreError> {
            let mut all = Vec::new();
            $(all.push(read::<$row>(from, None, &mut *told).await?);)*
            Ok(all)
        }

        #[cfg(test)]
        mod tests {
            use super::*;

            #[test]
            fn a_nul_is_replaced_and_nothing_else() {
                let json = |text: &str| serde_json::to_string(&[text]).unwrap();
                for same in ["", "a\\u0000", "\\", "\\\\u0000\n\u{1}髙", "\\\\"] {
                    assert_eq!(without_nul(json(same)), json(same));
                }
                assert_eq!(without_nul(json("\0a\0\\\0\\u0000")), json("\u{fffd}a\u{fffd}\\\u{fffd}\\u0000"));
            }

            #[test]
            fn columns_are_numbered_in_order() {
                $(for (at, n) in <$row as Table>::NUMBERS.iter().enumerate() {
                    assert_eq!(*n, at as i64, "{}", $table);
                })*
            }
        }
    };
    (@list $first:ident $(, $rest:ident)*) => { concat!(stringify!($first) $(, ", ", stringify!($rest))*) };
}

/// Hears how many more rows of a table were read.
pub(super) type Told<'a> = &'a mut (dyn FnMut(&'static str, u64) + Send);

/// What a table holds. Two tables with the same tally hold the same rows, in whatever order they were read.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Tally {
    pub(super) table: &'static str,
    pub(super) rows: u64,
    /// Sum of the rows' hashes.
    digest: u128,
}

impl Tally {
    fn add(&mut self, row: &str) {
        let hash = Sha256::digest(row.as_bytes());
        let mut first = [0; 16];
        first.copy_from_slice(&hash[..16]);
        self.rows += 1;
        self.digest = self.digest.wrapping_add(u128::from_be_bytes(first));
    }
}

/// Rows and bytes in one statement while copying: enough to be fast, little enough for a small server's memory.
const COPY_ROWS: u64 = 500;
const COPY_BYTES: usize = 1 << 20;

async fn read<T: Table>(from: &mut Tx, mut to: Option<&mut Tx>, told: Told<'_>) -> Result<Tally, StoreError> {
    use futures_util::TryStreamExt;
    let mut tally = Tally { table: T::NAME, rows: 0, digest: 0 };
    let (mut batch, mut in_batch) = (String::from("["), 0);
    macro_rules! stream {
        ($c:expr) => {{
            let mut rows = sqlx::query_as::<_, T>(T::SELECT).fetch(&mut **$c);
            while let Some(row) = rows.try_next().await? {
                let row = serde_json::to_string(&row).map_err(StoreError::Json)?;
                tally.add(&row);
                batch.push_str(&row);
                in_batch += 1;
                if in_batch == COPY_ROWS || batch.len() > COPY_BYTES {
                    flush::<T>(to.as_deref_mut(), &mut batch).await?;
                    told(T::NAME, std::mem::take(&mut in_batch));
                } else {
                    batch.push(',');
                }
            }
        }};
    }
    match from {
        Tx::Sqlite(c) => stream!(c),
        Tx::Postgres(c) => stream!(c),
    }
    if in_batch > 0 {
        batch.pop();
        flush::<T>(to, &mut batch).await?;
        told(T::NAME, in_batch);
    }
    Ok(tally)
}

async fn flush<T: Table>(to: Option<&mut Tx>, batch: &mut String) -> Result<(), StoreError> {
    batch.push(']');
    if let Some(to) = to {
        // The counter is there from the first migration on; every other row is new.
        to.run(T::UPSERT, args![&*batch]).await?;
    }
    batch.clear();
    batch.push('[');
    Ok(())
}

tables! {
    /// The id counter.
    CounterRow = "counter" (name) { 0 name: String = "TEXT", 1 next: i64 = "BIGINT", }

    /// A channel.
    ChannelRow = "channel" (id) {
        0 id: i64 = "BIGINT", 1 name: String = "TEXT", 2 kind: String = "TEXT", 3 mode: String = "TEXT",
        4 locations: String = "TEXT", 5 paused: bool = "BOOLEAN", 6 stopped: Option<String> = "TEXT",
        7 approved: bool = "BOOLEAN", 8 cursor: Option<String> = "TEXT", 9 created_at: i64 = "BIGINT",
        10 live_since: Option<i64> = "BIGINT", 11 pulled_at: Option<i64> = "BIGINT",
        12 pull_error: Option<String> = "TEXT", 13 pull_failed_since: Option<i64> = "BIGINT",
        14 last_order_at: Option<i64> = "BIGINT", 15 order_gap: Option<i64> = "BIGINT",
        16 credentials_expire: Option<i64> = "BIGINT", 17 owner: Option<String> = "TEXT",
        18 lease_until: Option<i64> = "BIGINT", 19 mapped: i64 = "BIGINT", 20 push_asked: i64 = "BIGINT",
    }

    /// A stock location.
    LocationRow = "location" (id) { 0 id: i64 = "BIGINT", 1 code: String = "TEXT", 2 name: String = "TEXT", }

    /// An item or set.
    ItemRow = "item" (id) {
        0 id: i64 = "BIGINT", 1 code: String = "TEXT", 2 name: String = "TEXT", 3 gtin: Option<String> = "TEXT",
        4 price: Option<i64> = "BIGINT", 5 currency: String = "TEXT", 6 tax_rate_bp: Option<i64> = "BIGINT",
        7 is_set: bool = "BOOLEAN", 8 created_at: i64 = "BIGINT", 9 updated_at: i64 = "BIGINT",
    }

    /// A component of a set.
    ComponentRow = "component" (set_id, item_id) {
        0 set_id: i64 = "BIGINT", 1 item_id: i64 = "BIGINT", 2 quantity: i64 = "BIGINT",
    }

    /// An item's level at a location.
    LevelRow = "level" (item_id, location_id) {
        0 item_id: i64 = "BIGINT", 1 location_id: i64 = "BIGINT", 2 available: i64 = "BIGINT",
        3 reserved: i64 = "BIGINT", 4 short: i64 = "BIGINT", 5 last_entry: i64 = "BIGINT",
    }

    /// A ledger entry.
    EntryRow = "entry" (id) {
        0 id: i64 = "BIGINT", 1 at: i64 = "BIGINT", 2 item_id: i64 = "BIGINT", 3 location_id: i64 = "BIGINT",
        4 source: String = "TEXT", 5 target: String = "TEXT", 6 quantity: i64 = "BIGINT",
        7 available_after: i64 = "BIGINT", 8 reserved_after: i64 = "BIGINT", 9 short_after: i64 = "BIGINT",
        10 prev_id: i64 = "BIGINT", 11 order_id: Option<i64> = "BIGINT", 12 line_no: Option<i64> = "BIGINT",
        13 reason: String = "TEXT", 14 actor: String = "TEXT",
    }

    /// An order.
    OrderRow = "orders" (id) {
        0 id: i64 = "BIGINT", 1 channel_id: i64 = "BIGINT", 2 remote_id: String = "TEXT", 3 number: String = "TEXT",
        4 placed_at: i64 = "BIGINT", 5 changed_at: Option<i64> = "BIGINT", 6 imported_at: i64 = "BIGINT",
        7 updated_at: i64 = "BIGINT", 8 version: i64 = "BIGINT", 9 status: String = "TEXT",
        10 payment: String = "TEXT", 11 fulfilment: String = "TEXT", 12 hold: Option<String> = "TEXT",
        13 open: bool = "BOOLEAN", 14 moves_stock: bool = "BOOLEAN", 15 currency: String = "TEXT",
        16 items_total: i64 = "BIGINT", 17 discount_total: i64 = "BIGINT", 18 shipping_total: i64 = "BIGINT",
        19 fees_total: i64 = "BIGINT", 20 tax_on_top: i64 = "BIGINT", 21 tax_total: i64 = "BIGINT",
        22 grand_total: i64 = "BIGINT", 23 refunded_total: i64 = "BIGINT", 24 paid_at: Option<i64> = "BIGINT",
        25 ship_by: Option<i64> = "BIGINT", 26 payment_method: String = "TEXT", 27 payment_title: String = "TEXT",
        28 buyer_name: String = "TEXT", 29 buyer_email: String = "TEXT", 30 details: String = "TEXT",
        31 payload_id: i64 = "BIGINT", 32 digest: String = "TEXT",
    }

    /// An order line.
    LineRow = "order_line" (order_id, line_no) {
        0 order_id: i64 = "BIGINT", 1 line_no: i64 = "BIGINT", 2 remote_id: String = "TEXT",
        3 listing: Option<String> = "TEXT", 4 code: Option<String> = "TEXT", 5 title: String = "TEXT",
        6 item_id: Option<i64> = "BIGINT", 7 per: i64 = "BIGINT", 8 quantity: i64 = "BIGINT",
        9 cancelled: i64 = "BIGINT", 10 shipped: i64 = "BIGINT", 11 returned: i64 = "BIGINT",
        12 unit_price: i64 = "BIGINT", 13 total: i64 = "BIGINT", 14 tax_rate_bp: Option<i64> = "BIGINT",
    }

    /// What an order line holds of an item.
    ReservationRow = "reservation" (order_id, line_no, item_id, location_id) {
        0 order_id: i64 = "BIGINT", 1 line_no: i64 = "BIGINT", 2 item_id: i64 = "BIGINT",
        3 location_id: i64 = "BIGINT", 4 reserved: i64 = "BIGINT", 5 short: i64 = "BIGINT",
    }

    /// A parcel.
    ParcelRow = "parcel" (order_id, seq) {
        0 order_id: i64 = "BIGINT", 1 seq: i64 = "BIGINT", 2 remote_id: String = "TEXT", 3 carrier: String = "TEXT",
        4 tracking: String = "TEXT", 5 tracking_url: Option<String> = "TEXT", 6 shipped_at: i64 = "BIGINT",
        7 lines: String = "TEXT", 8 origin: String = "TEXT",
    }

    /// Something that happened to an order.
    TimelineRow = "timeline" (order_id, id) {
        0 order_id: i64 = "BIGINT", 1 id: i64 = "BIGINT", 2 at: i64 = "BIGINT", 3 kind: String = "TEXT",
        4 detail: String = "TEXT", 5 actor: String = "TEXT",
    }

    /// A raw payload.
    PayloadRow = "payload" (id) {
        0 id: i64 = "BIGINT", 1 channel_id: i64 = "BIGINT", 2 remote_id: String = "TEXT", 3 at: i64 = "BIGINT",
        4 prev_id: i64 = "BIGINT", 5 body: String = "TEXT",
    }

    /// An order that could not be understood.
    QuarantineRow = "quarantine" (id) {
        0 id: i64 = "BIGINT", 1 channel_id: i64 = "BIGINT", 2 remote_id: Option<String> = "TEXT",
        3 digest: String = "TEXT", 4 at: i64 = "BIGINT", 5 reason: String = "TEXT", 6 body: String = "TEXT",
        7 resolved_at: Option<i64> = "BIGINT",
    }

    /// A listing.
    ListingRow = "listing" (id) {
        0 id: i64 = "BIGINT", 1 channel_id: i64 = "BIGINT", 2 remote_id: String = "TEXT",
        3 code: Option<String> = "TEXT", 4 gtin: Option<String> = "TEXT", 5 title: String = "TEXT",
        6 active: bool = "BOOLEAN", 7 item_id: Option<i64> = "BIGINT", 8 per: i64 = "BIGINT",
        9 ignored: bool = "BOOLEAN", 10 proposal: Option<String> = "TEXT", 11 answered: Option<i64> = "BIGINT",
        12 answered_at: Option<i64> = "BIGINT", 13 sent: Option<i64> = "BIGINT", 14 sent_version: i64 = "BIGINT",
        15 sent_at: Option<i64> = "BIGINT", 16 shown: Option<i64> = "BIGINT", 17 shown_version: i64 = "BIGINT",
        18 shown_at: Option<i64> = "BIGINT", 19 receipt: Option<String> = "TEXT", 20 error: Option<String> = "TEXT",
        21 error_at: Option<i64> = "BIGINT", 22 retry_at: Option<i64> = "BIGINT", 23 tries: i64 = "BIGINT",
    }

    /// A job.
    JobRow = "job" (id) {
        0 id: i64 = "BIGINT", 1 lane: String = "TEXT", 2 kind: String = "TEXT", 3 key: String = "TEXT",
        4 payload: String = "TEXT", 5 state: String = "TEXT", 6 run_at: i64 = "BIGINT", 7 attempts: i64 = "BIGINT",
        8 lease_until: i64 = "BIGINT", 9 last_error: Option<String> = "TEXT", 10 created_at: i64 = "BIGINT",
        11 owner: Option<String> = "TEXT",
    }

    /// A mail to a buyer.
    MailRow = "mail" (order_id, kind, revision) {
        0 order_id: i64 = "BIGINT", 1 kind: String = "TEXT", 2 revision: i64 = "BIGINT", 3 channel_id: i64 = "BIGINT",
        4 state: String = "TEXT", 5 recipient: String = "TEXT", 6 message_id: String = "TEXT",
        7 subject: Option<String> = "TEXT", 8 body_text: Option<String> = "TEXT", 9 body_html: Option<String> = "TEXT",
        10 attempts: i64 = "BIGINT", 11 answer: Option<String> = "TEXT", 12 created_at: i64 = "BIGINT",
        13 updated_at: i64 = "BIGINT", 14 sent_at: Option<i64> = "BIGINT",
    }

    /// Something the merchant must know.
    AlertRow = "alert" (id) {
        0 id: i64 = "BIGINT", 1 key: String = "TEXT", 2 channel_id: Option<i64> = "BIGINT", 3 kind: String = "TEXT",
        4 detail: String = "TEXT", 5 since: i64 = "BIGINT", 6 last_at: i64 = "BIGINT",
        7 mailed_at: Option<i64> = "BIGINT", 8 cleared_at: Option<i64> = "BIGINT",
    }

    /// A change that a person made.
    AuditRow = "audit" (id) {
        0 id: i64 = "BIGINT", 1 at: i64 = "BIGINT", 2 actor: String = "TEXT", 3 action: String = "TEXT",
        4 subject: String = "TEXT", 5 detail: String = "TEXT", 6 before_state: Option<String> = "TEXT",
        7 after_state: Option<String> = "TEXT",
    }

    /// Somebody who uses the screen.
    PersonRow = "person" (id) {
        0 id: i64 = "BIGINT", 1 name: String = "TEXT", 2 full_name: String = "TEXT", 3 password: String = "TEXT",
        4 role: String = "TEXT", 5 language: String = "TEXT", 6 totp: Option<String> = "TEXT",
        7 totp_step: Option<i64> = "BIGINT", 8 created_at: i64 = "BIGINT", 9 disabled_at: Option<i64> = "BIGINT",
        10 last_login_at: Option<i64> = "BIGINT", 11 version: i64 = "BIGINT",
        12 totp_salt: Option<String> = "TEXT",
    }

    /// An order that was written since the projections looked at it.
    OrderTouchedRow = "order_touched" (order_id) { 0 order_id: i64 = "BIGINT", }

    /// A term that an order is found by.
    OrderTermRow = "order_term" (term, order_id) { 0 term: String = "TEXT", 1 order_id: i64 = "BIGINT", }

    /// All terms of an order, one a line.
    OrderTermsRow = "order_terms" (order_id) { 0 order_id: i64 = "BIGINT", 1 terms: String = "TEXT", }

    /// A list of orders that somebody named.
    SavedFilterRow = "saved_filter" (id) {
        0 id: i64 = "BIGINT", 1 person_id: i64 = "BIGINT", 2 name: String = "TEXT", 3 query: String = "TEXT",
    }

    /// A program of the merchant's that uses the API.
    TokenRow = "api_token" (id) {
        0 id: i64 = "BIGINT", 1 name: String = "TEXT", 2 digest: String = "TEXT", 3 scopes: String = "TEXT",
        4 created_by: String = "TEXT", 5 created_at: i64 = "BIGINT", 6 expires_at: Option<i64> = "BIGINT",
        7 used_at: Option<i64> = "BIGINT", 8 revoked_at: Option<i64> = "BIGINT",
    }

    /// A request of such a program.
    RequestRow = "api_request" (id) {
        0 id: i64 = "BIGINT", 1 token_id: i64 = "BIGINT", 2 key: String = "TEXT", 3 digest: String = "TEXT",
        4 claim: i64 = "BIGINT", 5 claimed_until: i64 = "BIGINT", 6 done: bool = "BOOLEAN",
        7 status: Option<i64> = "BIGINT", 8 body: Option<String> = "TEXT", 9 created_at: i64 = "BIGINT",
    }

    /// Where such a program is told what happened.
    WebhookRow = "webhook" (id) {
        0 id: i64 = "BIGINT", 1 url: String = "TEXT", 2 events: String = "TEXT", 3 secret: String = "TEXT",
        4 active: bool = "BOOLEAN", 5 stopped: Option<String> = "TEXT", 6 created_by: String = "TEXT",
        7 created_at: i64 = "BIGINT", 8 delivered_at: Option<i64> = "BIGINT",
        9 failing_since: Option<i64> = "BIGINT", 10 last_error: Option<String> = "TEXT",
        11 salt: Option<String> = "TEXT",
    }

    /// A term that an item is found by.
    ItemTermRow = "item_term" (item_id, term) { 0 item_id: i64 = "BIGINT", 1 term: String = "TEXT", }

    /// What the store remembers of its house beside the books.
    HouseFactRow = "house_fact" (name) { 0 name: String = "TEXT", 1 value: String = "TEXT", }

    /// A customer.
    CustomerRow = "customer" (id) {
        0 id: i64 = "BIGINT", 1 version: i64 = "BIGINT", 2 name: String = "TEXT", 3 email: String = "TEXT",
        4 phone: String = "TEXT", 5 terms: String = "TEXT", 6 orders: i64 = "BIGINT",
        7 first_order_at: i64 = "BIGINT", 8 last_order_at: i64 = "BIGINT", 9 blocked_at: Option<i64> = "BIGINT",
        10 blocked_reason: Option<String> = "TEXT", 11 merged_into: Option<i64> = "BIGINT",
        12 erased_at: Option<i64> = "BIGINT",
    }

    /// A term that a customer is found by.
    CustomerTermRow = "customer_term" (term, customer_id) {
        0 term: String = "TEXT", 1 customer_id: i64 = "BIGINT",
    }

    /// What a customer is known again by.
    CustomerKeyRow = "customer_key" (key, customer_id, name) {
        0 key: String = "TEXT", 1 customer_id: i64 = "BIGINT", 2 name: String = "TEXT",
    }

    /// Whose an order is.
    CustomerOrderRow = "customer_order" (order_id) {
        0 order_id: i64 = "BIGINT", 1 customer_id: i64 = "BIGINT", 2 channel_id: i64 = "BIGINT",
        3 placed_at: i64 = "BIGINT", 4 closed_at: Option<i64> = "BIGINT",
    }

    /// Two customers who are not one.
    CustomerApartRow = "customer_apart" (customer_id, other_id) {
        0 customer_id: i64 = "BIGINT", 1 other_id: i64 = "BIGINT",
    }

    /// A note about a customer, or what was done to them.
    CustomerNoteRow = "customer_note" (customer_id, id) {
        0 customer_id: i64 = "BIGINT", 1 id: i64 = "BIGINT", 2 at: i64 = "BIGINT", 3 kind: String = "TEXT",
        4 text: String = "TEXT", 5 actor: String = "TEXT",
    }

    /// What an order counts for in the reports.
    SaleRow = "sale" (order_id) {
        0 order_id: i64 = "BIGINT", 1 day: i64 = "BIGINT", 2 channel_id: i64 = "BIGINT",
        3 currency: String = "TEXT", 4 cancelled: i64 = "BIGINT", 5 units: i64 = "BIGINT", 6 total: i64 = "BIGINT",
        7 refunded: i64 = "BIGINT", 8 items: String = "TEXT",
    }

    /// Sales of a day in a shop.
    SalesDayRow = "sales_day" (day, channel_id, currency) {
        0 day: i64 = "BIGINT", 1 channel_id: i64 = "BIGINT", 2 currency: String = "TEXT", 3 orders: i64 = "BIGINT",
        4 cancelled: i64 = "BIGINT", 5 units: i64 = "BIGINT", 6 total: i64 = "BIGINT", 7 refunded: i64 = "BIGINT",
    }

    /// Sales of an item on a day in a shop.
    SalesItemDayRow = "sales_item_day" (day, channel_id, item_id, currency) {
        0 day: i64 = "BIGINT", 1 channel_id: i64 = "BIGINT", 2 item_id: i64 = "BIGINT",
        3 currency: String = "TEXT", 4 units: i64 = "BIGINT", 5 total: i64 = "BIGINT",
    }

    /// Sales of an item in a month.
    SalesItemMonthRow = "sales_item_month" (month, channel_id, item_id, currency) {
        0 month: i64 = "BIGINT", 1 channel_id: i64 = "BIGINT", 2 item_id: i64 = "BIGINT",
        3 currency: String = "TEXT", 4 units: i64 = "BIGINT", 5 total: i64 = "BIGINT",
    }

    /// Units sold of an item on a day of the last weeks.
    SalesItemRecentRow = "sales_item_recent" (item_id, day) {
        0 item_id: i64 = "BIGINT", 1 day: i64 = "BIGINT", 2 units: i64 = "BIGINT",
    }
}
