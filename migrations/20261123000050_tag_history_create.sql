-- Where each tag has pointed and who moved it, and the patterns that protect tags by rule. The history is written by a
-- trigger, so that no code can move a tag without leaving a trace, and nobody changes it afterwards.

ALTER TABLE tags
    -- When somebody decided where it points: the acceptance of a push, or the moment of a change by hand. A build that
    -- ends late must not undo what was decided after its push.
    ADD COLUMN decided_at   timestamptz NOT NULL DEFAULT now(),
    ADD COLUMN protected_at timestamptz,
    ADD COLUMN protected_by uuid REFERENCES users ON DELETE SET NULL;

UPDATE tags t SET decided_at = c.created_at,
    protected_at = CASE WHEN t.is_protected THEN t.moved_at END,
    protected_by = CASE WHEN t.is_protected THEN t.moved_by END
FROM commits c WHERE c.id = t.commit_id;

-- Patterns of an Executor, such as {v*}; null means those of the operator.
ALTER TABLE executors ADD COLUMN protected_tags text[]
    CHECK (array_position(protected_tags, NULL) IS NULL AND cardinality(protected_tags) <= 100);

-- What the operator's settings say for Executors without patterns of their own, written at each start of a server.
CREATE TABLE tag_rules (
    only_row       boolean PRIMARY KEY DEFAULT true CHECK (only_row),
    protected_tags text[] NOT NULL
);

-- Whether a pattern protects a tag of this name. A star stands for any text; no other sign of LIKE is in the grammar.
CREATE FUNCTION tag_is_ruled(executor text, tag text) RETURNS boolean LANGUAGE sql STABLE AS $$
    SELECT EXISTS (
        SELECT 1 FROM unnest(COALESCE((SELECT protected_tags FROM executors WHERE id = executor),
                                      (SELECT protected_tags FROM tag_rules))) AS pattern
        WHERE tag LIKE replace(replace(pattern, '_', '\_'), '*', '%'))
$$;

CREATE TABLE tag_history (
    number      bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    executor_id text NOT NULL REFERENCES executors ON DELETE CASCADE,
    name        text NOT NULL,
    change      text NOT NULL CHECK (change IN ('created', 'moved', 'protected', 'deleted')),
    -- Commits are named, not referred to: the history outlives them.
    from_commit uuid,
    to_commit   uuid,
    -- Whether the tag was protected after the change.
    protected   boolean NOT NULL,
    changed_at  timestamptz NOT NULL,
    changed_by  uuid REFERENCES users ON DELETE SET NULL,
    CHECK ((from_commit IS NULL) = (change = 'created')),
    CHECK ((to_commit IS NULL) = (change = 'deleted'))
);

CREATE INDEX tag_history_of_executor ON tag_history (executor_id, number DESC);
CREATE INDEX tag_history_of_tag ON tag_history (executor_id, name, number DESC);

INSERT INTO tag_history (executor_id, name, change, to_commit, protected, changed_at, changed_by)
SELECT executor_id, name, 'created', commit_id, is_protected, moved_at, moved_by FROM tags ORDER BY moved_at, name;

CREATE FUNCTION tag_history_only_grows() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF TG_OP = 'DELETE' THEN
        -- It goes with its Executor, and only so.
        IF EXISTS (SELECT 1 FROM executors WHERE id = OLD.executor_id) THEN
            RAISE EXCEPTION 'the history of tags only grows' USING ERRCODE = 'HUB05';
        END IF;
        RETURN OLD;
    END IF;
    -- Losing the person is the one change that a deletion may cause.
    IF NEW.changed_by IS NOT NULL OR (to_jsonb(NEW) - 'changed_by') IS DISTINCT FROM (to_jsonb(OLD) - 'changed_by') THEN
        RAISE EXCEPTION 'the history of tags only grows' USING ERRCODE = 'HUB05';
    END IF;
    RETURN NEW;
END $$;

CREATE TRIGGER tag_history_only_grows BEFORE UPDATE OR DELETE ON tag_history
    FOR EACH ROW EXECUTE FUNCTION tag_history_only_grows();

-- Takes the place of the trigger of the same name: a tag that a pattern protects is held as well, whether it was set
-- before the pattern or after.
DROP TRIGGER protected_tags_never_move ON tags;

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
        IF NOT EXISTS (SELECT 1 FROM commits WHERE id = NEW.commit_id AND usable_at IS NOT NULL) THEN
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

CREATE TRIGGER protected_tags_never_move BEFORE INSERT OR UPDATE OR DELETE ON tags
    FOR EACH ROW EXECUTE FUNCTION protected_tags_never_move();

CREATE FUNCTION tags_leave_a_trace() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF TG_OP = 'INSERT' THEN
        INSERT INTO tag_history (executor_id, name, change, to_commit, protected, changed_at, changed_by)
        VALUES (NEW.executor_id, NEW.name, 'created', NEW.commit_id, NEW.is_protected, NEW.moved_at, NEW.moved_by);
    ELSIF TG_OP = 'UPDATE' AND NEW.commit_id <> OLD.commit_id THEN
        INSERT INTO tag_history (executor_id, name, change, from_commit, to_commit, protected, changed_at, changed_by)
        VALUES (NEW.executor_id, NEW.name, 'moved', OLD.commit_id, NEW.commit_id, NEW.is_protected, NEW.moved_at,
                NEW.moved_by);
    ELSIF TG_OP = 'UPDATE' AND NEW.is_protected AND NOT OLD.is_protected THEN
        INSERT INTO tag_history (executor_id, name, change, from_commit, to_commit, protected, changed_at, changed_by)
        VALUES (NEW.executor_id, NEW.name, 'protected', OLD.commit_id, NEW.commit_id, true, NEW.protected_at,
                NEW.protected_by);
    ELSIF TG_OP = 'DELETE' AND EXISTS (SELECT 1 FROM executors WHERE id = OLD.executor_id) THEN
        -- A row that goes says nothing of who deletes it; whoever does says so to the transaction.
        INSERT INTO tag_history (executor_id, name, change, from_commit, protected, changed_at, changed_by)
        VALUES (OLD.executor_id, OLD.name, 'deleted', OLD.commit_id, OLD.is_protected,
                COALESCE(NULLIF(current_setting('hub.changed_at', true), '')::timestamptz, clock_timestamp()),
                NULLIF(current_setting('hub.changed_by', true), '')::uuid);
    END IF;
    RETURN NULL;
END $$;

CREATE TRIGGER tags_leave_a_trace AFTER INSERT OR UPDATE OR DELETE ON tags
    FOR EACH ROW EXECUTE FUNCTION tags_leave_a_trace();
