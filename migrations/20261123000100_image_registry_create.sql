-- The image registry. Bytes of layers and configurations are kept once, whoever pushed them, and can be read only in the
-- repositories (one for each Executor) that link them. Manifests are small and lie here, byte for byte as they came.

-- Every digest whose bytes may be in the object store: written before its bytes come, deleted after they are gone.
CREATE TABLE image_bytes (
    sha256         bytea PRIMARY KEY CHECK (octet_length(sha256) = 32),
    size           bigint NOT NULL CHECK (size >= 0),
    -- Since when nothing needs them, as far as anybody looked; they stay for a while longer.
    unneeded_since timestamptz
);

CREATE INDEX image_bytes_unneeded ON image_bytes (unneeded_since) WHERE unneeded_since IS NOT NULL;

-- Bytes between their arrival and their link: what is here is not collected.
CREATE TABLE image_arrivals (
    id         uuid PRIMARY KEY,
    sha256     bytea NOT NULL REFERENCES image_bytes,
    started_at timestamptz NOT NULL
);

CREATE INDEX image_arrivals_by_digest ON image_arrivals (sha256);

-- What a layer of an engine, named by the digest of its unpacked tar, became when it was compressed: a known one is not
-- compressed again.
CREATE TABLE image_layers (
    diff_id bytea PRIMARY KEY CHECK (octet_length(diff_id) = 32),
    sha256  bytea NOT NULL REFERENCES image_bytes ON DELETE CASCADE
);

CREATE INDEX image_layers_by_digest ON image_layers (sha256);

-- What a repository has, by the digest under which it was pushed (that may be a SHA-512). Every table names the Executor
-- by itself, so that all of it goes in one step with the Executor.
CREATE TABLE image_blobs (
    executor_id text NOT NULL REFERENCES executors ON DELETE CASCADE,
    digest      text NOT NULL CHECK (digest ~ '^(sha256:[0-9a-f]{64}|sha512:[0-9a-f]{128})$'),
    sha256      bytea NOT NULL REFERENCES image_bytes,
    size        bigint NOT NULL CHECK (size >= 0),
    -- When it came, or when a push was last told that it is here and need not come again.
    seen_at     timestamptz NOT NULL,
    PRIMARY KEY (executor_id, digest)
);

CREATE INDEX image_blobs_by_bytes ON image_blobs (sha256);

CREATE TABLE image_manifests (
    executor_id   text NOT NULL REFERENCES executors ON DELETE CASCADE,
    digest        text NOT NULL CHECK (digest ~ '^(sha256:[0-9a-f]{64}|sha512:[0-9a-f]{128})$'),
    media_type    text NOT NULL CHECK (char_length(media_type) BETWEEN 1 AND 255),
    content       bytea NOT NULL,
    -- The manifest that this one speaks of, whether it is here or not.
    subject       text,
    artifact_type text,
    annotations   jsonb,
    pushed_at     timestamptz NOT NULL,
    seen_at       timestamptz NOT NULL,
    PRIMARY KEY (executor_id, digest)
);

CREATE INDEX image_manifests_by_subject ON image_manifests (executor_id, subject, digest) WHERE subject IS NOT NULL;

CREATE TABLE image_manifest_blobs (
    executor_id text NOT NULL REFERENCES executors ON DELETE CASCADE,
    manifest    text NOT NULL,
    blob        text NOT NULL,
    PRIMARY KEY (executor_id, manifest, blob),
    FOREIGN KEY (executor_id, manifest) REFERENCES image_manifests ON DELETE CASCADE,
    FOREIGN KEY (executor_id, blob) REFERENCES image_blobs
);

CREATE INDEX image_manifest_blobs_by_blob ON image_manifest_blobs (executor_id, blob);

CREATE TABLE image_manifest_children (
    executor_id text NOT NULL REFERENCES executors ON DELETE CASCADE,
    manifest    text NOT NULL,
    child       text NOT NULL,
    PRIMARY KEY (executor_id, manifest, child),
    FOREIGN KEY (executor_id, manifest) REFERENCES image_manifests ON DELETE CASCADE,
    FOREIGN KEY (executor_id, child) REFERENCES image_manifests
);

CREATE INDEX image_manifest_children_by_child ON image_manifest_children (executor_id, child);

-- The image that a task built for a platform, and the image of a commit: that one, or an index of several. The tags of an
-- Executor lead here by their commit.
ALTER TABLE images ADD COLUMN manifest text;

CREATE TABLE commit_images (
    commit_id   uuid PRIMARY KEY,
    executor_id text NOT NULL REFERENCES executors ON DELETE CASCADE,
    manifest    text NOT NULL,
    FOREIGN KEY (executor_id, commit_id) REFERENCES commits (executor_id, id) ON DELETE CASCADE,
    FOREIGN KEY (executor_id, manifest) REFERENCES image_manifests
);

CREATE INDEX commit_images_by_manifest ON commit_images (executor_id, manifest);

-- What a protected tag pulls never changes: not by building its commit again either.
CREATE FUNCTION protected_images_never_change() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF NEW.manifest <> OLD.manifest AND EXISTS (
        SELECT 1 FROM tags WHERE commit_id = OLD.commit_id AND (is_protected OR tag_is_ruled(executor_id, name))) THEN
        RAISE EXCEPTION 'a protected tag holds the image of commit %', OLD.commit_id USING ERRCODE = 'HUB01';
    END IF;
    RETURN NEW;
END $$;

CREATE TRIGGER protected_images_never_change BEFORE UPDATE ON commit_images
    FOR EACH ROW EXECUTE FUNCTION protected_images_never_change();

-- Tags that somebody pushed an image to by hand. A tag of the Executor itself always comes first.
CREATE TABLE image_tags (
    executor_id text NOT NULL REFERENCES executors ON DELETE CASCADE,
    name        text NOT NULL CHECK (name ~ '^[A-Za-z0-9_][A-Za-z0-9._-]{0,127}$'),
    manifest    text NOT NULL,
    moved_at    timestamptz NOT NULL,
    moved_by    uuid REFERENCES users ON DELETE SET NULL,
    PRIMARY KEY (executor_id, name),
    FOREIGN KEY (executor_id, manifest) REFERENCES image_manifests
);

CREATE INDEX image_tags_by_manifest ON image_tags (executor_id, manifest);
-- Lists of tags go by bytes, page by page.
CREATE INDEX image_tags_in_order ON image_tags (executor_id, (name COLLATE "C"));
CREATE INDEX tags_in_order ON tags (executor_id, (name COLLATE "C"));

-- A tag that a pattern protects is set by the Executor's own pushes only; one that was set before there was the pattern
-- stays as it is.
CREATE FUNCTION ruled_image_tags_never_move() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF TG_OP = 'DELETE' THEN
        IF tag_is_ruled(OLD.executor_id, OLD.name) AND EXISTS (SELECT 1 FROM executors WHERE id = OLD.executor_id) THEN
            RAISE EXCEPTION 'tag % is protected', OLD.name USING ERRCODE = 'HUB01';
        END IF;
        RETURN OLD;
    END IF;
    IF tag_is_ruled(NEW.executor_id, NEW.name) AND (TG_OP = 'INSERT' OR NEW.manifest <> OLD.manifest) THEN
        RAISE EXCEPTION 'tag % is protected', NEW.name USING ERRCODE = 'HUB01';
    END IF;
    IF EXISTS (SELECT 1 FROM tags WHERE executor_id = NEW.executor_id AND name = NEW.name)
        AND (TG_OP = 'INSERT' OR NEW.manifest <> OLD.manifest) THEN
        RAISE EXCEPTION 'tag % belongs to the Executor itself', NEW.name USING ERRCODE = 'HUB01';
    END IF;
    RETURN NEW;
END $$;

CREATE TRIGGER ruled_image_tags_never_move BEFORE INSERT OR UPDATE OR DELETE ON image_tags
    FOR EACH ROW EXECUTE FUNCTION ruled_image_tags_never_move();

-- Uploads in pieces. Their bytes lie in a file of this name, whose length says how far they came.
CREATE TABLE image_uploads (
    id          uuid PRIMARY KEY,
    executor_id text NOT NULL REFERENCES executors ON DELETE CASCADE,
    started_at  timestamptz NOT NULL,
    touched_at  timestamptz NOT NULL
);

CREATE INDEX image_uploads_by_touch ON image_uploads (touched_at);
