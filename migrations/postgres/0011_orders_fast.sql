-- What the lists of open work look up. In SQLite three indexes get wider as well, so that they alone tell a list; here
-- an entry has a greatest size, which the texts of a marketplace would exceed.

-- Orders that lack goods, and those with a line that is no item of ours: few, and newest first as their lists are.
CREATE INDEX reservation_short_order ON reservation (order_id, short) WHERE short > 0;
CREATE INDEX order_line_unknown ON order_line (order_id) WHERE item_id IS NULL AND per > 0 AND quantity > cancelled;

-- The jobs of one order are found by how their keys begin.
ALTER TABLE job ALTER COLUMN key TYPE TEXT COLLATE "C";
