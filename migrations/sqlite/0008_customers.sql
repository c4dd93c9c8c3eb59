-- What the store remembers of its house beside the books: the zone of the reports, how far payloads are emptied.
CREATE TABLE house_fact (name TEXT PRIMARY KEY NOT NULL, value TEXT NOT NULL) WITHOUT ROWID;

-- A person who bought, in whichever shops. Follows the orders (0005_search.sql).
CREATE TABLE customer (
    id INTEGER PRIMARY KEY NOT NULL,
    version BIGINT NOT NULL,      -- of what people change: the optimistic lock
    name TEXT NOT NULL,           -- as the newest order has them
    email TEXT NOT NULL,
    phone TEXT NOT NULL,
    terms TEXT NOT NULL,          -- what it is found by, one a line
    orders BIGINT NOT NULL,
    first_order_at BIGINT NOT NULL,
    last_order_at BIGINT NOT NULL,
    blocked_at BIGINT,
    blocked_reason TEXT,
    merged_into BIGINT,           -- the customer who is the same person; nothing hangs on this row any more
    erased_at BIGINT
);
CREATE INDEX customer_last ON customer (last_order_at, id) WHERE merged_into IS NULL;
CREATE INDEX customer_blocked ON customer (id) WHERE blocked_at IS NOT NULL;

-- The same words one by one.
CREATE TABLE customer_term (
    term TEXT NOT NULL,
    customer_id BIGINT NOT NULL,
    PRIMARY KEY (term, customer_id)
) WITHOUT ROWID;

-- By what a person is known again; after a split two customers may have the same. `name` came with a phone number.
CREATE TABLE customer_key (
    key TEXT NOT NULL,
    customer_id BIGINT NOT NULL,
    name TEXT NOT NULL,
    PRIMARY KEY (key, customer_id, name)
) WITHOUT ROWID;
CREATE INDEX customer_key_customer ON customer_key (customer_id);

-- Whose an order is. `closed_at`: when nothing could happen to it any more; NULL while it is open, and again once what
-- it told of the person is gone.
CREATE TABLE customer_order (
    order_id INTEGER PRIMARY KEY NOT NULL,
    customer_id BIGINT NOT NULL,
    channel_id BIGINT NOT NULL,
    placed_at BIGINT NOT NULL,
    closed_at BIGINT
);
CREATE INDEX customer_order_customer ON customer_order (customer_id, order_id);
CREATE INDEX customer_order_closed ON customer_order (channel_id, closed_at) WHERE closed_at IS NOT NULL;

-- Customers whom a person took apart, both ways round: they are never joined again by the machine.
CREATE TABLE customer_apart (
    customer_id BIGINT NOT NULL,
    other_id BIGINT NOT NULL,
    PRIMARY KEY (customer_id, other_id)
) WITHOUT ROWID;

CREATE TABLE customer_note (
    customer_id BIGINT NOT NULL,
    id BIGINT NOT NULL,
    at BIGINT NOT NULL,
    kind TEXT NOT NULL,           -- note, blocked, unblocked, joined, merged, split, exported, erased
    text TEXT NOT NULL,
    actor TEXT NOT NULL,
    PRIMARY KEY (customer_id, id)
) WITHOUT ROWID;

-- What each order counts for in the reports now: what is taken off again when it changes. Days are numbered from
-- 1970-01-01 in the zone of the reports.
CREATE TABLE sale (
    order_id INTEGER PRIMARY KEY NOT NULL,
    day BIGINT NOT NULL,
    channel_id BIGINT NOT NULL,
    currency TEXT NOT NULL,
    cancelled BIGINT NOT NULL,
    units BIGINT NOT NULL,
    total BIGINT NOT NULL,
    refunded BIGINT NOT NULL,
    items TEXT NOT NULL           -- JSON: [[item, units, total], …]
);

CREATE TABLE sales_day (
    day BIGINT NOT NULL,
    channel_id BIGINT NOT NULL,
    currency TEXT NOT NULL,
    orders BIGINT NOT NULL,
    cancelled BIGINT NOT NULL,
    units BIGINT NOT NULL,
    total BIGINT NOT NULL,
    refunded BIGINT NOT NULL,
    PRIMARY KEY (day, channel_id, currency)
) WITHOUT ROWID;

CREATE TABLE sales_item_day (
    day BIGINT NOT NULL,
    channel_id BIGINT NOT NULL,
    item_id BIGINT NOT NULL,
    currency TEXT NOT NULL,
    units BIGINT NOT NULL,
    total BIGINT NOT NULL,
    PRIMARY KEY (day, channel_id, item_id, currency)
) WITHOUT ROWID;

-- By month (year × 12 + month − 1), and of all channels together under 0: too many to be summed while somebody waits.
CREATE TABLE sales_item_month (
    month BIGINT NOT NULL,
    channel_id BIGINT NOT NULL,
    item_id BIGINT NOT NULL,
    currency TEXT NOT NULL,
    units BIGINT NOT NULL,
    total BIGINT NOT NULL,
    PRIMARY KEY (month, channel_id, item_id, currency)
) WITHOUT ROWID;
CREATE INDEX sales_item_month_total ON sales_item_month (month, channel_id, currency, total, item_id);

-- Orders that are there already come in through the same door.
INSERT INTO order_touched (order_id) SELECT id FROM orders WHERE true ON CONFLICT (order_id) DO NOTHING;
