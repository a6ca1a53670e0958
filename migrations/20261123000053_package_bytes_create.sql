-- Every digest whose package may be in the object store: written before its bytes come, deleted after they are gone. A
-- commit refers to its bytes, so none can lose them.

CREATE TABLE package_bytes (
    sha256         bytea PRIMARY KEY CHECK (octet_length(sha256) = 32),
    size           bigint NOT NULL CHECK (size >= 0),
    -- Since when nothing needs them, as far as anybody looked; they stay for a while longer.
    unneeded_since timestamptz
);

CREATE INDEX package_bytes_unneeded ON package_bytes (unneeded_since) WHERE unneeded_since IS NOT NULL;

-- Pushes between the arrival of their bytes and their commit: what they need is not collected.
CREATE TABLE package_uploads (
    id         uuid PRIMARY KEY,
    sha256     bytea NOT NULL REFERENCES package_bytes,
    started_at timestamptz NOT NULL
);

CREATE INDEX package_uploads_by_digest ON package_uploads (sha256);

INSERT INTO package_bytes (sha256, size)
SELECT package_sha256, max(package_size) FROM commits GROUP BY package_sha256;

-- For whoever writes commits without pushing them.
CREATE FUNCTION commits_note_their_bytes() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    INSERT INTO package_bytes (sha256, size) VALUES (NEW.package_sha256, NEW.package_size) ON CONFLICT DO NOTHING;
    RETURN NEW;
END $$;

CREATE TRIGGER commits_note_their_bytes BEFORE INSERT ON commits
    FOR EACH ROW EXECUTE FUNCTION commits_note_their_bytes();

ALTER TABLE commits ADD FOREIGN KEY (package_sha256) REFERENCES package_bytes;

-- What an Executor's packages come to, from the index alone.
CREATE INDEX commits_space ON commits (executor_id) INCLUDE (package_sha256, package_size);

-- When somebody last began to collect, so that of many replicas one does.
CREATE TABLE collections (
    only_row   boolean PRIMARY KEY DEFAULT true CHECK (only_row),
    started_at timestamptz NOT NULL
);
