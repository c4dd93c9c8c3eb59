-- The merchant's own programs: what they may do, which of their requests are done, and where they are told what happened.

CREATE TABLE api_token (
    id INTEGER PRIMARY KEY NOT NULL,
    name TEXT NOT NULL UNIQUE, -- for ever: the ledger and the audit name it
    digest TEXT NOT NULL UNIQUE, -- SHA-256 of the token; the token itself is nowhere
    scopes TEXT NOT NULL,      -- words with blanks between them
    created_by TEXT NOT NULL,
    created_at BIGINT NOT NULL,
    expires_at BIGINT,
    used_at BIGINT,            -- to the minute
    revoked_at BIGINT
);

-- A request that changes something, by its Idempotency-Key. `done` is written by the transaction that does the deed.
CREATE TABLE api_request (
    id INTEGER PRIMARY KEY NOT NULL,
    token_id BIGINT NOT NULL REFERENCES api_token (id),
    key TEXT NOT NULL,
    digest TEXT NOT NULL,      -- of method, path, If-Match and body
    claim BIGINT NOT NULL,     -- counts the tries; only the newest may do the deed
    claimed_until BIGINT NOT NULL,
    done BOOLEAN NOT NULL,
    status BIGINT,             -- of the answer, as soon as it is known
    body TEXT,
    created_at BIGINT NOT NULL,
    UNIQUE (token_id, key)
);

CREATE TABLE webhook (
    id INTEGER PRIMARY KEY NOT NULL,
    url TEXT NOT NULL,
    events TEXT NOT NULL,      -- words with blanks between them
    secret TEXT NOT NULL,
    active BOOLEAN NOT NULL,
    stopped TEXT,              -- why it is not active any more
    created_by TEXT NOT NULL,
    created_at BIGINT NOT NULL,
    delivered_at BIGINT,
    failing_since BIGINT,
    last_error TEXT
);
