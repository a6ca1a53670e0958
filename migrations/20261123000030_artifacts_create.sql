-- Artifacts: named bytes with metadata that people keep here. Bytes are stored once per digest and outlive their last
-- artifact by nothing but a crash; what each person stores is counted where it changes, so that it is always true.

-- Every digest whose bytes may be in the object store: written before its bytes come, deleted after they are gone.
CREATE TABLE artifact_bytes (
    sha256 bytea PRIMARY KEY CHECK (octet_length(sha256) = 32),
    size   bigint NOT NULL CHECK (size >= 0)
);

-- Uploads between the arrival of their bytes and their artifact: what they need is not collected.
CREATE TABLE artifact_uploads (
    id         uuid PRIMARY KEY,
    sha256     bytea NOT NULL REFERENCES artifact_bytes,
    started_at timestamptz NOT NULL
);

CREATE INDEX artifact_uploads_by_digest ON artifact_uploads (sha256);

CREATE TABLE artifacts (
    id         uuid PRIMARY KEY,
    owner_id   uuid NOT NULL REFERENCES users ON DELETE RESTRICT,
    name       text CHECK (char_length(name) BETWEEN 1 AND 256),
    visibility text NOT NULL CHECK (visibility IN ('public', 'private')),
    type       text CHECK (char_length(type) BETWEEN 1 AND 64),
    meta_data  jsonb CHECK (jsonb_typeof(meta_data) = 'object'),
    sha256     bytea NOT NULL REFERENCES artifact_bytes,
    size       bigint NOT NULL CHECK (size >= 0),
    created_at timestamptz NOT NULL,
    updated_at timestamptz NOT NULL
);

CREATE UNIQUE INDEX artifacts_name_of_owner ON artifacts (owner_id, name) WHERE name IS NOT NULL;
CREATE INDEX artifacts_of_owner ON artifacts (owner_id, created_at DESC, id DESC);
CREATE INDEX artifacts_by_digest ON artifacts (sha256);

CREATE TABLE artifact_usage (
    owner_id  uuid PRIMARY KEY REFERENCES users ON DELETE CASCADE,
    artifacts bigint NOT NULL CHECK (artifacts >= 0),
    bytes     bigint NOT NULL CHECK (bytes >= 0)
);

-- The counted row stays locked until the change is committed: of two uploads that fit only one by one, one is refused.
CREATE FUNCTION artifacts_are_counted() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF TG_OP <> 'INSERT' THEN
        UPDATE artifact_usage SET artifacts = artifacts - 1, bytes = bytes - OLD.size
        WHERE owner_id = OLD.owner_id;
    END IF;
    IF TG_OP <> 'DELETE' THEN
        INSERT INTO artifact_usage AS usage (owner_id, artifacts, bytes) VALUES (NEW.owner_id, 1, NEW.size)
        ON CONFLICT (owner_id) DO UPDATE SET artifacts = usage.artifacts + 1, bytes = usage.bytes + EXCLUDED.bytes;
    END IF;
    RETURN NULL;
END $$;

CREATE TRIGGER artifacts_are_counted AFTER INSERT OR DELETE OR UPDATE OF size, owner_id ON artifacts
    FOR EACH ROW EXECUTE FUNCTION artifacts_are_counted();
