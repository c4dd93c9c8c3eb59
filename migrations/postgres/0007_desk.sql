-- What the first page, the live updates and the lists of the screen look up. Each holds open work only, or grows at its
-- end, so that intake pays next to nothing.

-- Orders and sales of a day.
CREATE INDEX orders_placed ON orders (placed_at);
-- Orders that have to leave by a day.
CREATE INDEX orders_ship_by ON orders (ship_by) WHERE open AND ship_by IS NOT NULL;
-- A channel's newest pushes.
CREATE INDEX listing_sent ON listing (channel_id, sent_at) WHERE sent_at IS NOT NULL;
-- Listings whose last push was not taken.
CREATE INDEX listing_failed ON listing (channel_id) WHERE error IS NOT NULL;
-- Listings that nobody has mapped to an item.
CREATE INDEX listing_unmapped ON listing (channel_id, id) WHERE item_id IS NULL AND NOT ignored;
-- Mails as they went out.
CREATE INDEX mail_sent ON mail (sent_at) WHERE sent_at IS NOT NULL;
-- Jobs that were given up.
CREATE INDEX job_dead ON job (id) WHERE state = 'dead';
