-- People who use the screen. `name` is what one logs in with, in lower case.
CREATE TABLE person (
    id BIGINT PRIMARY KEY NOT NULL,
    name TEXT NOT NULL UNIQUE,
    full_name TEXT NOT NULL,
    password TEXT NOT NULL,   -- argon2id, as a PHC string
    role TEXT NOT NULL,
    language TEXT NOT NULL,
    totp TEXT,                -- the secret of the one-time codes, base32; NULL: none are asked for
    totp_step BIGINT,         -- the last time step whose code was taken: each is taken once
    created_at BIGINT NOT NULL,
    disabled_at BIGINT,
    last_login_at BIGINT,
    version BIGINT NOT NULL   -- grows with every change that a person makes
);

-- Who is logged in. `id` is the SHA-256 of the cookie's token: what stands here logs nobody in.
CREATE TABLE session (
    id TEXT PRIMARY KEY NOT NULL,
    person_id BIGINT NOT NULL REFERENCES person (id),
    csrf TEXT NOT NULL,
    created_at BIGINT NOT NULL,
    seen_at BIGINT NOT NULL,
    expires_at BIGINT NOT NULL,
    agent TEXT NOT NULL,
    address TEXT NOT NULL
);
CREATE INDEX session_person ON session (person_id);

-- SHA-256 of codes with which the first owner may be made; gone when there is one.
CREATE TABLE setup_code (id TEXT PRIMARY KEY NOT NULL, created_at BIGINT NOT NULL);

-- What a change was from and to, as JSON.
ALTER TABLE audit ADD COLUMN before_state TEXT;
ALTER TABLE audit ADD COLUMN after_state TEXT;
CREATE INDEX audit_actor ON audit (actor, id);
CREATE INDEX audit_action ON audit (action, id);
