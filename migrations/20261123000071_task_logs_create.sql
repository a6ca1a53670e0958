-- Stories of tasks that are over: one compressed object each, in frames that can be read one by one. The rows of its
-- events go in the transaction that notes the object, so a reader finds each event in exactly one of the two places.

ALTER TABLE tasks
    ADD COLUMN sealed_at timestamptz,
    ADD CHECK (sealed_at IS NULL OR finished_at IS NOT NULL);

CREATE INDEX tasks_unsealed ON tasks (finished_at) WHERE finished_at IS NOT NULL AND sealed_at IS NULL;

CREATE TABLE task_logs (
    task_id       uuid PRIMARY KEY REFERENCES tasks ON DELETE CASCADE,
    sha256        bytea NOT NULL CHECK (octet_length(sha256) = 32),
    size          bigint NOT NULL CHECK (size > 0),
    -- Number of the first event of each frame, ascending from 1, and where the frame begins in the object.
    frame_numbers bigint[] NOT NULL,
    frame_offsets bigint[] NOT NULL,
    CHECK (cardinality(frame_numbers) > 0 AND cardinality(frame_numbers) = cardinality(frame_offsets)),
    CHECK (frame_numbers[1] = 1 AND frame_offsets[1] = 0)
);

CREATE INDEX task_logs_by_object ON task_logs (sha256);

-- Objects whose task is gone; deleted from the object store by and by.
CREATE TABLE task_log_leftovers (
    sha256 bytea PRIMARY KEY
);

CREATE FUNCTION task_logs_leave_objects() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    INSERT INTO task_log_leftovers (sha256) VALUES (OLD.sha256) ON CONFLICT DO NOTHING;
    RETURN NULL;
END $$;

CREATE TRIGGER task_logs_leave_objects AFTER DELETE ON task_logs
    FOR EACH ROW EXECUTE FUNCTION task_logs_leave_objects();
