-- Orders are looked up by the number that buyers and staff say. Where that is the marketplace's own key, the key's index
-- serves: so this one holds the other orders alone, and intake from the malls pays nothing for it.
CREATE INDEX orders_number ON orders (number) WHERE number <> remote_id;
