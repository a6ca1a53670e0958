-- A change of password ends all sessions of a person, and lists show a person's tokens: both look by owner.
CREATE INDEX tokens_of_user ON tokens (user_id, kind, created_at DESC) WHERE revoked_at IS NULL;
