-- The password that a person may sign in with, as an argon2id hash; null for those who have none.
ALTER TABLE users ADD COLUMN password_hash text CHECK (password_hash LIKE '$argon2id$%');
