-- How often somebody lately tried to sign in, by account and by address, so that all replicas slow down guessing
-- together. An attempt is counted before its password is looked at: a thousand at once are a thousand.
CREATE TABLE sign_in_attempts (
    subject       text PRIMARY KEY CHECK (char_length(subject) <= 200),
    attempts      integer NOT NULL CHECK (attempts >= 0),
    last_at       timestamptz NOT NULL,
    blocked_until timestamptz NOT NULL
);

CREATE INDEX sign_in_attempts_by_age ON sign_in_attempts (last_at);
