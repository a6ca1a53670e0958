-- Which backups were made of this Hub and proven by restoring them: for whoever asks how old the last good one is.
CREATE TABLE backups (
    name      text PRIMARY KEY CHECK (char_length(name) BETWEEN 1 AND 100),
    taken_at  timestamptz NOT NULL,
    -- When it had been restored elsewhere and checked; null when nobody asked for that.
    proven_at timestamptz,
    -- What it refers to, and what of that was new in it.
    objects   bigint NOT NULL CHECK (objects >= 0),
    bytes     bigint NOT NULL CHECK (bytes >= 0),
    new_bytes bigint NOT NULL CHECK (new_bytes >= 0)
);

CREATE INDEX backups_by_proof ON backups (proven_at) WHERE proven_at IS NOT NULL;
