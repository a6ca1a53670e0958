-- Fair turns between owners, an account of every attempt, times of the phases, failures in columns, and workers whose
-- engine fails. What must never break is a constraint: a task that is over stays as it ended, and no attempt is lost.

ALTER TABLE tasks
    -- Whose turn it takes: the owner of the Executor; all who push without an account share the zeros.
    ADD COLUMN owner_key uuid NOT NULL DEFAULT '00000000-0000-0000-0000-000000000000',
    -- Place in the line: the smallest is next. A task comes behind the others of its owner, and owners take turns.
    ADD COLUMN turn bigint NOT NULL DEFAULT 0,
    -- How many attempts ended because the worker was told to stop.
    ADD COLUMN hand_backs integer NOT NULL DEFAULT 0,
    -- When phases began and ended, in the order in which it happened.
    ADD COLUMN phase_marks jsonb NOT NULL DEFAULT '[]',
    -- The task that this one tries again.
    ADD COLUMN retry_of uuid REFERENCES tasks ON DELETE SET NULL,
    ADD COLUMN failure_kind text GENERATED ALWAYS AS (failure ->> 'kind') STORED,
    ADD COLUMN failure_message text GENERATED ALWAYS AS (failure ->> 'message') STORED,
    ADD COLUMN failure_remedy text GENERATED ALWAYS AS (failure ->> 'remedy') STORED,
    ADD COLUMN failure_lines jsonb GENERATED ALWAYS AS (failure -> 'lines') STORED;

UPDATE tasks SET hand_backs = GREATEST(0, attempt - faults - lost_leases - CASE state WHEN 'pending' THEN 0 ELSE 1 END),
                 owner_key = COALESCE((SELECT owner_id FROM executors WHERE id = executor_id), owner_key);

ALTER TABLE tasks
    ADD CHECK (attempt BETWEEN faults + lost_leases + hand_backs AND faults + lost_leases + hand_backs + 1),
    ADD CHECK (lost_leases BETWEEN 0 AND 3);

DROP INDEX tasks_due;
CREATE INDEX tasks_in_line ON tasks (turn, created_at) WHERE state = 'pending';
CREATE INDEX tasks_due ON tasks (run_after) WHERE state = 'pending';
CREATE INDEX tasks_unfinished_of_owner ON tasks (owner_key, turn) WHERE state IN ('pending', 'running');
CREATE INDEX tasks_succeeded ON tasks (finished_at DESC) WHERE state = 'succeeded';
CREATE INDEX tasks_failed ON tasks (finished_at DESC, id DESC) WHERE state = 'failed';
CREATE INDEX tasks_retried ON tasks (retry_of) WHERE retry_of IS NOT NULL;

CREATE FUNCTION tasks_end_once() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    RAISE EXCEPTION 'task % is over', OLD.id USING ERRCODE = 'HUB03';
END $$;

CREATE TRIGGER tasks_end_once BEFORE UPDATE ON tasks FOR EACH ROW
    WHEN (OLD.finished_at IS NOT NULL AND (NEW.state <> OLD.state OR NEW.finished_at IS DISTINCT FROM OLD.finished_at
          OR NEW.last_event <> OLD.last_event OR NEW.attempt <> OLD.attempt))
    EXECUTE FUNCTION tasks_end_once();

ALTER TABLE workers
    -- It takes no more tasks and ends when those that it holds do.
    ADD COLUMN is_draining boolean NOT NULL DEFAULT false,
    -- Builds that its engine broke off, one after the other.
    ADD COLUMN faults_in_a_row integer NOT NULL DEFAULT 0,
    -- It takes nothing until then, because its engine keeps failing.
    ADD COLUMN paused_until timestamptz,
    ADD COLUMN pause_reason text,
    ADD CHECK ((paused_until IS NULL) = (pause_reason IS NULL));
