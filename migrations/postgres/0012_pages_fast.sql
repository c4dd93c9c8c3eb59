-- Items that orders lack: with `short` in it the index alone tells them, and no row of a reservation is looked up.
DROP INDEX reservation_short;
CREATE INDEX reservation_short ON reservation (item_id, short) WHERE short > 0;
