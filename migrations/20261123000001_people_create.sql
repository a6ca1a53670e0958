-- People and the tokens that their clients send. A token's text is shown once and kept only as its SHA-256: it is
-- 256 random bits, so a fast hash is enough, and finding it needs no scan.

CREATE TABLE users (
    id           uuid PRIMARY KEY,
    login        text NOT NULL CHECK (login ~ '^[A-Za-z0-9._-]{1,64}$'),
    login_key    text NOT NULL GENERATED ALWAYS AS (lower(login)) STORED UNIQUE,
    display_name text NOT NULL,
    role         text NOT NULL CHECK (role IN ('member', 'admin')),
    created_at   timestamptz NOT NULL,
    disabled_at  timestamptz
);

CREATE TABLE tokens (
    id           uuid PRIMARY KEY,
    user_id      uuid NOT NULL REFERENCES users ON DELETE CASCADE,
    name         text NOT NULL CHECK (char_length(name) BETWEEN 1 AND 200),
    kind         text NOT NULL CHECK (kind IN ('session', 'personal')),
    hash         bytea NOT NULL UNIQUE CHECK (octet_length(hash) = 32),
    created_at   timestamptz NOT NULL,
    expires_at   timestamptz,
    last_used_at timestamptz,
    revoked_at   timestamptz
);

-- A person's tokens are found, shown and deleted by name.
CREATE UNIQUE INDEX tokens_personal_name ON tokens (user_id, name) WHERE kind = 'personal' AND revoked_at IS NULL;
