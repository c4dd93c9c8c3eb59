-- One stock ledger, one order book, one outgoing queue. The file of the same name in ../sqlite makes the
-- same tables; tests/suite/parity.rs compares the two. Rules: ../README.md.
-- Ids come from `counter`, inside the one write transaction at a time, so id order is commit order.

CREATE TABLE counter (name TEXT PRIMARY KEY NOT NULL, next BIGINT NOT NULL);
INSERT INTO counter (name, next) VALUES ('id', 1);

CREATE TABLE channel (
    id BIGINT PRIMARY KEY NOT NULL,
    name TEXT NOT NULL UNIQUE,
    kind TEXT NOT NULL,
    mode TEXT NOT NULL,
    locations TEXT NOT NULL,  -- JSON: location ids it sells from, in order of preference
    paused BOOLEAN NOT NULL,
    stopped TEXT,             -- why the guard stopped pushes; NULL when it did not
    approved BOOLEAN NOT NULL, -- a person let the stopped push go, once
    cursor TEXT,
    created_at BIGINT NOT NULL,
    live_since BIGINT,        -- orders placed before this get no mail from us
    pulled_at BIGINT,
    pull_error TEXT,
    pull_failed_since BIGINT,
    last_order_at BIGINT,
    order_gap BIGINT,         -- smoothed time between two orders, microseconds
    credentials_expire BIGINT,
    owner TEXT,               -- the daemon that runs it, until lease_until
    lease_until BIGINT,
    mapped BIGINT NOT NULL    -- grows whenever a person says which item a listing is; the daemon then looks at all
);

CREATE TABLE location (id BIGINT PRIMARY KEY NOT NULL, code TEXT NOT NULL UNIQUE, name TEXT NOT NULL);

CREATE TABLE item (
    id BIGINT PRIMARY KEY NOT NULL,
    code TEXT NOT NULL UNIQUE,
    name TEXT NOT NULL,
    gtin TEXT,
    price BIGINT,
    currency TEXT NOT NULL,
    tax_rate_bp BIGINT,
    is_set BOOLEAN NOT NULL,
    created_at BIGINT NOT NULL,
    updated_at BIGINT NOT NULL
);
CREATE INDEX item_gtin ON item (gtin) WHERE gtin IS NOT NULL;

CREATE TABLE component (
    set_id BIGINT NOT NULL REFERENCES item (id),
    item_id BIGINT NOT NULL REFERENCES item (id),
    quantity BIGINT NOT NULL CHECK (quantity > 0),
    PRIMARY KEY (set_id, item_id)
);
CREATE INDEX component_item ON component (item_id);

-- Kept beside the ledger in the same transaction; `last_entry` heads the item's chain of entries there, so
-- that an explanation needs no index on the ledger, and is the version of the level.
CREATE TABLE level (
    item_id BIGINT NOT NULL REFERENCES item (id),
    location_id BIGINT NOT NULL REFERENCES location (id),
    available BIGINT NOT NULL CHECK (available >= 0),
    reserved BIGINT NOT NULL CHECK (reserved >= 0),
    short BIGINT NOT NULL CHECK (short >= 0),
    last_entry BIGINT NOT NULL,
    PRIMARY KEY (item_id, location_id)
);

-- The ledger: append-only. `*_after` repeat the level after the entry; `prev_id` is the entry before it for the
-- same item and location.
CREATE TABLE entry (
    id BIGINT PRIMARY KEY NOT NULL,
    at BIGINT NOT NULL,
    item_id BIGINT NOT NULL,
    location_id BIGINT NOT NULL,
    source TEXT NOT NULL,
    target TEXT NOT NULL,
    quantity BIGINT NOT NULL CHECK (quantity > 0),
    available_after BIGINT NOT NULL,
    reserved_after BIGINT NOT NULL,
    short_after BIGINT NOT NULL,
    prev_id BIGINT NOT NULL,
    order_id BIGINT,
    line_no BIGINT,
    reason TEXT NOT NULL,
    actor TEXT NOT NULL
);

CREATE TABLE orders (
    id BIGINT PRIMARY KEY NOT NULL,
    channel_id BIGINT NOT NULL REFERENCES channel (id),
    remote_id TEXT NOT NULL,
    number TEXT NOT NULL,
    placed_at BIGINT NOT NULL,
    changed_at BIGINT,
    imported_at BIGINT NOT NULL,
    updated_at BIGINT NOT NULL,
    version BIGINT NOT NULL,
    status TEXT NOT NULL,
    payment TEXT NOT NULL,
    fulfilment TEXT NOT NULL,
    hold TEXT,
    open BOOLEAN NOT NULL,
    moves_stock BOOLEAN NOT NULL,
    currency TEXT NOT NULL,
    items_total BIGINT NOT NULL,
    discount_total BIGINT NOT NULL,
    shipping_total BIGINT NOT NULL,
    fees_total BIGINT NOT NULL,
    tax_on_top BIGINT NOT NULL,
    tax_total BIGINT NOT NULL,
    grand_total BIGINT NOT NULL,
    refunded_total BIGINT NOT NULL,
    paid_at BIGINT,
    ship_by BIGINT,
    payment_method TEXT NOT NULL,
    payment_title TEXT NOT NULL,
    buyer_name TEXT NOT NULL,
    buyer_email TEXT NOT NULL,
    details TEXT NOT NULL,     -- JSON: buyer, addresses, note, refunds
    payload_id BIGINT NOT NULL,
    digest TEXT NOT NULL,
    UNIQUE (channel_id, remote_id)
);
CREATE INDEX orders_open ON orders (id) WHERE open;
CREATE INDEX orders_hold ON orders (id) WHERE hold IS NOT NULL;

CREATE TABLE order_line (
    order_id BIGINT NOT NULL REFERENCES orders (id),
    line_no BIGINT NOT NULL,
    remote_id TEXT NOT NULL,
    listing TEXT,
    code TEXT,
    title TEXT NOT NULL,
    item_id BIGINT,            -- NULL: unmatched, waits for a person
    per BIGINT NOT NULL,       -- units of the item in one unit of the listing
    quantity BIGINT NOT NULL,
    cancelled BIGINT NOT NULL,
    shipped BIGINT NOT NULL,
    returned BIGINT NOT NULL,
    unit_price BIGINT NOT NULL,
    total BIGINT NOT NULL,
    tax_rate_bp BIGINT,
    PRIMARY KEY (order_id, line_no)
);
CREATE INDEX order_line_unmatched ON order_line (order_id) WHERE item_id IS NULL;

-- What an order line holds of an item, and what it is short of. Rows go when nothing is left.
CREATE TABLE reservation (
    order_id BIGINT NOT NULL,
    line_no BIGINT NOT NULL,
    item_id BIGINT NOT NULL,
    location_id BIGINT NOT NULL,
    reserved BIGINT NOT NULL CHECK (reserved >= 0),
    short BIGINT NOT NULL CHECK (short >= 0),
    PRIMARY KEY (order_id, line_no, item_id, location_id)
);
CREATE INDEX reservation_short ON reservation (item_id) WHERE short > 0;

CREATE TABLE parcel (
    order_id BIGINT NOT NULL REFERENCES orders (id),
    seq BIGINT NOT NULL,
    remote_id TEXT NOT NULL,
    carrier TEXT NOT NULL,
    tracking TEXT NOT NULL,
    tracking_url TEXT,
    shipped_at BIGINT NOT NULL,
    lines TEXT NOT NULL,       -- JSON: [[line_no, quantity], …]
    origin TEXT NOT NULL,      -- ours, channel
    PRIMARY KEY (order_id, seq)
);

CREATE TABLE timeline (
    order_id BIGINT NOT NULL,
    id BIGINT NOT NULL,
    at BIGINT NOT NULL,
    kind TEXT NOT NULL,
    detail TEXT NOT NULL,
    actor TEXT NOT NULL,
    PRIMARY KEY (order_id, id)
);

-- The marketplace's own text of each version of an order; `prev_id` is the version before.
CREATE TABLE payload (
    id BIGINT PRIMARY KEY NOT NULL,
    channel_id BIGINT NOT NULL,
    remote_id TEXT NOT NULL,
    at BIGINT NOT NULL,
    prev_id BIGINT NOT NULL,
    body TEXT NOT NULL
);

CREATE TABLE quarantine (
    id BIGINT PRIMARY KEY NOT NULL,
    channel_id BIGINT NOT NULL REFERENCES channel (id),
    remote_id TEXT,
    digest TEXT NOT NULL,
    at BIGINT NOT NULL,
    reason TEXT NOT NULL,
    body TEXT NOT NULL,
    resolved_at BIGINT,
    UNIQUE (channel_id, digest)
);

CREATE TABLE listing (
    id BIGINT PRIMARY KEY NOT NULL,
    channel_id BIGINT NOT NULL REFERENCES channel (id),
    remote_id TEXT NOT NULL,
    code TEXT,
    gtin TEXT,
    title TEXT NOT NULL,
    active BOOLEAN NOT NULL,
    item_id BIGINT REFERENCES item (id),
    per BIGINT NOT NULL CHECK (per > 0),
    ignored BOOLEAN NOT NULL,
    proposal TEXT,             -- JSON: what the mapping proposes, and by which rule
    answered BIGINT,           -- what the channel said it shows, when last read
    answered_at BIGINT,
    sent BIGINT,               -- the newest quantity sent, and the version it was computed from
    sent_version BIGINT NOT NULL,
    sent_at BIGINT,
    shown BIGINT,              -- the newest quantity that the channel took
    shown_version BIGINT NOT NULL,
    shown_at BIGINT,
    receipt TEXT,
    error TEXT,
    error_at BIGINT,
    retry_at BIGINT,
    tries BIGINT NOT NULL,
    UNIQUE (channel_id, remote_id)
);
CREATE INDEX listing_item ON listing (item_id) WHERE item_id IS NOT NULL;
CREATE INDEX listing_receipt ON listing (channel_id) WHERE receipt IS NOT NULL;

-- What must happen once per event. A finished job's row goes; what it did stands in mail or timeline.
CREATE TABLE job (
    id BIGINT PRIMARY KEY NOT NULL,
    lane TEXT NOT NULL,
    kind TEXT NOT NULL,
    key TEXT NOT NULL UNIQUE,
    payload TEXT NOT NULL,
    state TEXT NOT NULL,       -- ready, running, dead
    run_at BIGINT NOT NULL,
    attempts BIGINT NOT NULL,
    lease_until BIGINT NOT NULL,
    last_error TEXT,
    created_at BIGINT NOT NULL
);
CREATE INDEX job_due ON job (lane, run_at) WHERE state <> 'dead';

CREATE TABLE mail (
    order_id BIGINT NOT NULL,
    kind TEXT NOT NULL,
    revision BIGINT NOT NULL,
    channel_id BIGINT NOT NULL,
    state TEXT NOT NULL,       -- queued, by_hand, held, sending, sent, refused, uncertain, dropped
    recipient TEXT NOT NULL,
    message_id TEXT NOT NULL,
    subject TEXT,
    body_text TEXT,
    body_html TEXT,
    attempts BIGINT NOT NULL,
    answer TEXT,
    created_at BIGINT NOT NULL,
    updated_at BIGINT NOT NULL,
    sent_at BIGINT,
    PRIMARY KEY (order_id, kind, revision)
);
CREATE INDEX mail_pending ON mail (state) WHERE state NOT IN ('sent', 'dropped');

CREATE TABLE alert (
    id BIGINT PRIMARY KEY NOT NULL,
    key TEXT NOT NULL UNIQUE,
    channel_id BIGINT,
    kind TEXT NOT NULL,
    detail TEXT NOT NULL,
    since BIGINT NOT NULL,
    last_at BIGINT NOT NULL,
    mailed_at BIGINT,
    cleared_at BIGINT
);

CREATE TABLE audit (
    id BIGINT PRIMARY KEY NOT NULL,
    at BIGINT NOT NULL,
    actor TEXT NOT NULL,
    action TEXT NOT NULL,
    subject TEXT NOT NULL,
    detail TEXT NOT NULL
);

-- SQLite's jsonb_each reads an array; PostgreSQL's own reads objects only. With this one, a batch handed over as
-- one JSON text is read by the same statement on both engines.
CREATE FUNCTION jsonb_each(rows TEXT) RETURNS TABLE (key TEXT, value JSONB) LANGUAGE SQL IMMUTABLE ROWS 100 AS
$$ SELECT CAST(n - 1 AS TEXT), element FROM jsonb_array_elements(CAST(rows AS JSONB)) WITH ORDINALITY AS e (element, n) $$;
