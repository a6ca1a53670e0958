-- The code with which the operator becomes the first admin of a Hub that nobody uses yet. At most one, gone once used.
CREATE TABLE setup_code (
    only_row   boolean PRIMARY KEY DEFAULT true CHECK (only_row),
    hash       bytea NOT NULL CHECK (octet_length(hash) = 32),
    expires_at timestamptz NOT NULL
);
