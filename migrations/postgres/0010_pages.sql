-- All listings of a channel, page by page: without it every page sorts the whole channel.
CREATE INDEX listing_channel ON listing (channel_id, id);

-- Units sold of an item by day, all channels together, of the last weeks only: how fast it sells now. By item, so that a
-- page of items is a few look-ups, and short, so that what is written stays in memory.
CREATE TABLE sales_item_recent (
    item_id BIGINT NOT NULL,
    day BIGINT NOT NULL,
    units BIGINT NOT NULL,
    PRIMARY KEY (item_id, day)
);
INSERT INTO sales_item_recent (item_id, day, units)
SELECT item_id, day, CAST(SUM(units) AS BIGINT) FROM sales_item_day
WHERE day >= (SELECT COALESCE(MAX(day), 0) - 90 FROM sales_day) GROUP BY item_id, day;
