-- Servers and workers that run, so that an operator can be told when two of them have different keys or versions. A row
-- that was not renewed for half an hour is of a process that died.

CREATE TABLE processes (
    -- Machine and locked folder: one process at a time has it.
    place           text PRIMARY KEY CHECK (char_length(place) BETWEEN 1 AND 1000),
    role            text NOT NULL CHECK (role IN ('server', 'worker')),
    version         text NOT NULL,
    -- Tells keys apart and nothing of them.
    key_fingerprint bytea NOT NULL CHECK (octet_length(key_fingerprint) = 8),
    seen_at         timestamptz NOT NULL
);
