-- Deleting with an undo window. A deleted Executor is discarded as well, so that every statement that leaves out what is
-- discarded leaves it out; until it is purged it keeps its name and its hold on the bare name.

ALTER TABLE executors
    ADD COLUMN deleted_at timestamptz,
    ADD COLUMN deleted_by uuid REFERENCES users ON DELETE SET NULL,
    -- When it is gone for good.
    ADD COLUMN purge_at   timestamptz,
    ADD CHECK ((deleted_at IS NULL) = (purge_at IS NULL)),
    ADD CHECK (deleted_at IS NULL OR discarded_at IS NOT NULL);

-- The check of the bare name has the name that Postgres gave it.
DO $$
DECLARE
    held text;
BEGIN
    SELECT conname INTO STRICT held FROM pg_constraint
    WHERE conrelid = 'executors'::regclass AND contype = 'c' AND pg_get_constraintdef(oid) LIKE '%holds_bare_name%';
    EXECUTE format('ALTER TABLE executors DROP CONSTRAINT %I', held);
END $$;

ALTER TABLE executors ADD CONSTRAINT executors_bare_name_is_held CHECK (
    NOT holds_bare_name OR (name IS NOT NULL AND (discarded_at IS NULL OR deleted_at IS NOT NULL)));

DROP INDEX executors_name_of_owner;
CREATE UNIQUE INDEX executors_name_of_owner ON executors (owner_id, name_key)
    WHERE owner_id IS NOT NULL AND (discarded_at IS NULL OR deleted_at IS NOT NULL);
DROP INDEX executors_name_without_owner;
CREATE UNIQUE INDEX executors_name_without_owner ON executors (name_key)
    WHERE owner_id IS NULL AND (discarded_at IS NULL OR deleted_at IS NOT NULL);
CREATE INDEX executors_to_purge ON executors (purge_at) WHERE purge_at IS NOT NULL;
CREATE INDEX executors_deleted_of_owner ON executors (owner_id, deleted_at DESC) WHERE deleted_at IS NOT NULL;

ALTER TABLE commits
    ADD COLUMN deleted_at timestamptz,
    ADD COLUMN deleted_by uuid REFERENCES users ON DELETE SET NULL,
    ADD COLUMN purge_at   timestamptz,
    ADD CHECK ((deleted_at IS NULL) = (purge_at IS NULL));

CREATE INDEX commits_to_purge ON commits (purge_at) WHERE purge_at IS NOT NULL;

-- A commit never changes; it can be deleted and brought back.
CREATE OR REPLACE FUNCTION commits_never_change() RETURNS trigger LANGUAGE plpgsql AS $$
DECLARE
    free CONSTANT text[] := ARRAY['usable_at', 'pushed_by', 'deleted_at', 'deleted_by', 'purge_at'];
BEGIN
    IF OLD.usable_at IS NOT NULL AND NEW.usable_at IS DISTINCT FROM OLD.usable_at THEN
        RAISE EXCEPTION 'commit % is already usable', OLD.id USING ERRCODE = 'HUB02';
    END IF;
    NEW.usable_at := COALESCE(OLD.usable_at, NEW.usable_at);
    IF (to_jsonb(NEW) - free) IS DISTINCT FROM (to_jsonb(OLD) - free) THEN
        RAISE EXCEPTION 'commit % never changes', OLD.id USING ERRCODE = 'HUB02';
    END IF;
    -- What a protected tag holds stays with it.
    IF NEW.deleted_at IS NOT NULL AND OLD.deleted_at IS NULL
        AND EXISTS (SELECT 1 FROM tags WHERE commit_id = NEW.id) THEN
        RAISE EXCEPTION 'a tag points at commit %', NEW.id USING ERRCODE = 'HUB06';
    END IF;
    RETURN NEW;
END $$;

-- As before, and a tag points at no deleted commit.
CREATE OR REPLACE FUNCTION protected_tags_never_move() RETURNS trigger LANGUAGE plpgsql AS $$
DECLARE
    ruled boolean;
BEGIN
    IF TG_OP = 'DELETE' THEN
        -- It goes with its Executor, and only so.
        IF EXISTS (SELECT 1 FROM executors WHERE id = OLD.executor_id)
            AND (OLD.is_protected OR tag_is_ruled(OLD.executor_id, OLD.name)) THEN
            RAISE EXCEPTION 'tag % is protected', OLD.name USING ERRCODE = 'HUB01';
        END IF;
        RETURN OLD;
    END IF;
    ruled := tag_is_ruled(NEW.executor_id, NEW.name);
    IF TG_OP = 'UPDATE' THEN
        IF (OLD.is_protected OR tag_is_ruled(OLD.executor_id, OLD.name))
            AND (NEW.commit_id <> OLD.commit_id OR NEW.name <> OLD.name OR NEW.executor_id <> OLD.executor_id
                OR (OLD.is_protected AND NOT NEW.is_protected)) THEN
            RAISE EXCEPTION 'tag % is protected', OLD.name USING ERRCODE = 'HUB01';
        END IF;
    END IF;
    IF TG_OP = 'INSERT' OR NEW.commit_id <> OLD.commit_id THEN
        IF NOT EXISTS (SELECT 1 FROM commits
                       WHERE id = NEW.commit_id AND usable_at IS NOT NULL AND deleted_at IS NULL) THEN
            RAISE EXCEPTION 'tag % would point at a commit that cannot be pulled', NEW.name USING ERRCODE = 'HUB06';
        END IF;
    END IF;
    NEW.is_protected := NEW.is_protected OR ruled;
    IF NEW.is_protected AND NEW.protected_at IS NULL THEN
        NEW.protected_at := NEW.moved_at;
        NEW.protected_by := NEW.moved_by;
    END IF;
    RETURN NEW;
END $$;
