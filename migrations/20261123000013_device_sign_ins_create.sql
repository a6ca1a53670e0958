-- Programs that wait for their person to sign in with a browser: one row from the first request to the exchange of the
-- code for a token, so that any replica can serve any of its steps. No text that grants anything is kept, only hashes.
CREATE TABLE device_sign_ins (
    link_hash   bytea PRIMARY KEY CHECK (octet_length(link_hash) = 32),
    code_hash   bytea UNIQUE CHECK (octet_length(code_hash) = 32),
    state_hash  bytea CHECK (octet_length(state_hash) = 32),
    -- Where the browser takes the code, for clients that listen there instead of waiting for it: always this computer.
    return_to   text CHECK (return_to LIKE 'http://localhost:%' OR return_to LIKE 'http://127.0.0.1:%'),
    client      text NOT NULL CHECK (char_length(client) <= 200),
    address     text NOT NULL CHECK (char_length(address) <= 45),
    created_at  timestamptz NOT NULL,
    expires_at  timestamptz NOT NULL,
    decided_at  timestamptz,
    -- Who let it in; null with `decided_at` set means that somebody refused.
    user_id     uuid REFERENCES users ON DELETE CASCADE,
    used_at     timestamptz,
    CHECK ((code_hash IS NULL) = (state_hash IS NULL)),
    CHECK (user_id IS NULL OR decided_at IS NOT NULL),
    CHECK (used_at IS NULL OR user_id IS NOT NULL)
);

CREATE INDEX device_sign_ins_of_address ON device_sign_ins (address) WHERE decided_at IS NULL;
CREATE INDEX device_sign_ins_by_expiry ON device_sign_ins (expires_at);
