-- Links with which a person chooses a first or a new password, each good for once. Only the hash of its word is kept.
CREATE TABLE invitations (
    hash       bytea PRIMARY KEY CHECK (octet_length(hash) = 32),
    user_id    uuid NOT NULL REFERENCES users ON DELETE CASCADE,
    created_at timestamptz NOT NULL,
    expires_at timestamptz NOT NULL
);

CREATE INDEX invitations_of_user ON invitations (user_id);
