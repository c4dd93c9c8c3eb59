-- Who claimed a job last: what a daemon left behind that has ended is due at once, not when its claim runs out.
ALTER TABLE job ADD COLUMN owner TEXT;

-- Grows whenever a person wants the channel's stock pushed now; the daemon then looks at all, also at what rests.
ALTER TABLE channel ADD COLUMN push_asked BIGINT NOT NULL DEFAULT 0;
