-- What a token may be used for: a program gets no more than it needs. `read` sees, `write` pushes as well, `admin` does
-- everything that its owner may, which is what tokens from before could. With `executor_ids`, only with those.
ALTER TABLE tokens
    ADD COLUMN scope text NOT NULL DEFAULT 'admin' CHECK (scope IN ('read', 'write', 'admin')),
    ADD COLUMN executor_ids text[] CHECK (cardinality(executor_ids) BETWEEN 1 AND 100),
    ADD CHECK (kind = 'personal' OR (scope = 'admin' AND executor_ids IS NULL)),
    ADD CHECK (executor_ids IS NULL OR scope <> 'admin');
