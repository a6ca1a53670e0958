-- Executors, their commits and tags. The rules that must never break are constraints here, whatever code runs first:
-- names are unique per owner, one Executor holds a bare name, commits never change, a protected tag never moves.

CREATE TABLE executors (
    id              text PRIMARY KEY CHECK (id ~ '^[a-z0-9]{8}$'),
    owner_id        uuid REFERENCES users ON DELETE RESTRICT,
    name            text CHECK (name ~ '^[A-Za-z0-9._-]{1,64}$'),
    name_key        text GENERATED ALWAYS AS (lower(name)) STORED,
    holds_bare_name boolean NOT NULL DEFAULT false,
    visibility      text NOT NULL CHECK (visibility IN ('public', 'private')),
    secret_hash     text,
    created_at      timestamptz NOT NULL,
    -- When a commit last became usable; an Executor without one is shown to nobody.
    last_pushed_at  timestamptz,
    -- Set when its first push came to nothing and its name was given back; the row is collected later.
    discarded_at    timestamptz,
    CHECK (NOT holds_bare_name OR (name IS NOT NULL AND discarded_at IS NULL)),
    CHECK (owner_id IS NOT NULL OR secret_hash IS NOT NULL)
);

CREATE UNIQUE INDEX executors_name_of_owner ON executors (owner_id, name_key)
    WHERE owner_id IS NOT NULL AND discarded_at IS NULL;
CREATE UNIQUE INDEX executors_name_without_owner ON executors (name_key)
    WHERE owner_id IS NULL AND discarded_at IS NULL;
CREATE UNIQUE INDEX executors_bare_name ON executors (name_key) WHERE holds_bare_name;
CREATE INDEX executors_recent_public ON executors (last_pushed_at DESC, id DESC)
    WHERE visibility = 'public' AND last_pushed_at IS NOT NULL AND discarded_at IS NULL;
CREATE INDEX executors_recent_of_owner ON executors (owner_id, last_pushed_at DESC, id DESC)
    WHERE last_pushed_at IS NOT NULL AND discarded_at IS NULL;
CREATE INDEX executors_discarded ON executors (discarded_at) WHERE discarded_at IS NOT NULL;

-- Handles of Executors that are gone: they are never given out again.
CREATE TABLE retired_executor_ids (
    id         text PRIMARY KEY,
    retired_at timestamptz NOT NULL
);

CREATE TABLE commits (
    id                       uuid PRIMARY KEY,
    executor_id              text NOT NULL REFERENCES executors ON DELETE CASCADE,
    package_sha256           bytea NOT NULL CHECK (octet_length(package_sha256) = 32),
    package_md5              bytea NOT NULL CHECK (octet_length(package_md5) = 16),
    package_size             bigint NOT NULL CHECK (package_size > 0),
    content_sha256           bytea NOT NULL CHECK (octet_length(content_sha256) = 32),
    package                  jsonb NOT NULL,
    requested_tags           text[] NOT NULL,
    requested_protected_tags text[] NOT NULL,
    -- What the push said of visibility; null leaves it as it is.
    requested_visibility     text CHECK (requested_visibility IN ('public', 'private')),
    build_env_names          text[] NOT NULL,
    platforms                text[] NOT NULL,
    client                   jsonb NOT NULL,
    pushed_by                uuid REFERENCES users ON DELETE SET NULL,
    created_at               timestamptz NOT NULL,
    -- When it may be pulled: its image is built, or nothing can be built here.
    usable_at                timestamptz,
    UNIQUE (executor_id, id)
);

CREATE INDEX commits_of_executor ON commits (executor_id, created_at DESC, id DESC);
CREATE INDEX commits_by_package ON commits (package_sha256);
CREATE INDEX commits_by_content ON commits (executor_id, content_sha256);

CREATE FUNCTION commits_never_change() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF OLD.usable_at IS NOT NULL AND NEW.usable_at IS DISTINCT FROM OLD.usable_at THEN
        RAISE EXCEPTION 'commit % is already usable', OLD.id USING ERRCODE = 'HUB02';
    END IF;
    -- Everything else stays; losing the person who pushed is the one change that a deletion may cause.
    NEW.usable_at := COALESCE(OLD.usable_at, NEW.usable_at);
    IF (to_jsonb(NEW) - 'usable_at' - 'pushed_by') IS DISTINCT FROM (to_jsonb(OLD) - 'usable_at' - 'pushed_by') THEN
        RAISE EXCEPTION 'commit % never changes', OLD.id USING ERRCODE = 'HUB02';
    END IF;
    RETURN NEW;
END $$;

CREATE TRIGGER commits_never_change BEFORE UPDATE ON commits
    FOR EACH ROW EXECUTE FUNCTION commits_never_change();

CREATE TABLE tags (
    executor_id  text NOT NULL REFERENCES executors ON DELETE CASCADE,
    name         text NOT NULL CHECK (name ~ '^[A-Za-z0-9_][A-Za-z0-9._-]{0,127}$'),
    commit_id    uuid NOT NULL,
    is_protected boolean NOT NULL DEFAULT false,
    moved_at     timestamptz NOT NULL,
    moved_by     uuid REFERENCES users ON DELETE SET NULL,
    PRIMARY KEY (executor_id, name),
    -- A tag points at a commit of its own Executor, never at another's.
    FOREIGN KEY (executor_id, commit_id) REFERENCES commits (executor_id, id) ON DELETE CASCADE
);

CREATE INDEX tags_of_commit ON tags (commit_id);
-- "The tag pushed last", for Executors without a `latest`.
CREATE INDEX tags_by_move ON tags (executor_id, moved_at DESC, name);

CREATE FUNCTION protected_tags_never_move() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF TG_OP = 'DELETE' THEN
        -- It goes with its Executor, and only so.
        IF OLD.is_protected AND EXISTS (SELECT 1 FROM executors WHERE id = OLD.executor_id) THEN
            RAISE EXCEPTION 'tag % is protected', OLD.name USING ERRCODE = 'HUB01';
        END IF;
        RETURN OLD;
    END IF;
    IF OLD.is_protected AND (NEW.commit_id <> OLD.commit_id OR NOT NEW.is_protected
        OR NEW.name <> OLD.name OR NEW.executor_id <> OLD.executor_id) THEN
        RAISE EXCEPTION 'tag % is protected', OLD.name USING ERRCODE = 'HUB01';
    END IF;
    RETURN NEW;
END $$;

CREATE TRIGGER protected_tags_never_move BEFORE UPDATE OR DELETE ON tags
    FOR EACH ROW EXECUTE FUNCTION protected_tags_never_move();
