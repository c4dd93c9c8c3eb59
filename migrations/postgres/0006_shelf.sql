-- What an item is found by: the beginnings of the words of its name, its code, its JAN, each in one form. By item, so
-- that making items writes in order; ids of items never change.
CREATE TABLE item_term (
    item_id BIGINT NOT NULL REFERENCES item (id),
    term TEXT COLLATE "C" NOT NULL,
    PRIMARY KEY (item_id, term)
);
CREATE INDEX item_term_term ON item_term (term, item_id);

-- Listings whose channel says another number than it was told last, read after it was told.
CREATE INDEX listing_drift ON listing (channel_id, id) WHERE answered <> shown AND answered_at > shown_at;
-- The tabs of the listings page; each holds what stands in its tab.
CREATE INDEX listing_proposed ON listing (channel_id, id) WHERE proposal IS NOT NULL;
CREATE INDEX listing_mapped ON listing (channel_id, id) WHERE item_id IS NOT NULL;
CREATE INDEX listing_ignored ON listing (channel_id, id) WHERE ignored;
