-- The lists of open work, told by the indexes themselves: what a list asks of an order stands beside its key, and a row is
-- read when it is shown, not to be counted or passed over. Orders come in the order of their keys, so that what is wider
-- is still written at its end, and these take the place of narrower ones: intake writes no more of them than before.
DROP INDEX orders_open;
CREATE INDEX orders_open ON orders
    (id, channel_id, payment, payment_method, payment_title, hold, moves_stock, ship_by) WHERE open;
DROP INDEX orders_unpaid;
CREATE INDEX orders_unpaid ON orders (id, channel_id, payment, payment_method, placed_at)
    WHERE open AND payment <> 'paid';
-- What was sold on a day.
DROP INDEX orders_placed;
CREATE INDEX orders_placed ON orders (placed_at, channel_id, currency, fulfilment, grand_total);

-- Orders that lack goods, and those with a line that is no item of ours: few, and newest first as their lists are.
CREATE INDEX reservation_short_order ON reservation (order_id, short) WHERE short > 0;
CREATE INDEX order_line_unknown ON order_line (order_id) WHERE item_id IS NULL AND per > 0 AND quantity > cancelled;
