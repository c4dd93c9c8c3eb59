-- Orders that were written since the screen's own tables (search, customers, reports) last looked at them. At the start
-- that is every order.
CREATE TABLE order_touched (order_id INTEGER PRIMARY KEY NOT NULL);
INSERT INTO order_touched (order_id) SELECT id FROM orders;

-- What an order is found by: names, numbers, phones, codes, each in one form.
CREATE TABLE order_term (
    term TEXT NOT NULL,
    order_id BIGINT NOT NULL,
    PRIMARY KEY (term, order_id)
) WITHOUT ROWID;

-- The same by order, one a line: only what changed is rewritten above, and a query of several words looks here.
CREATE TABLE order_terms (order_id INTEGER PRIMARY KEY NOT NULL, terms TEXT NOT NULL);

-- A list that somebody named, as the query of its address.
CREATE TABLE saved_filter (
    id INTEGER PRIMARY KEY NOT NULL,
    person_id BIGINT NOT NULL,
    name TEXT NOT NULL,
    query TEXT NOT NULL,
    UNIQUE (person_id, name)
);

-- The newest orders of one channel; and those whose money has not come, which are few.
CREATE INDEX orders_channel ON orders (channel_id, id);
CREATE INDEX orders_unpaid ON orders (id) WHERE open AND payment <> 'paid';
