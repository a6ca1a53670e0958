-- Who changed what, and who read something private: written in the transaction of the change, never changed afterwards.
-- Names are kept as they were, without references, so that an entry outlives whatever it speaks of.

CREATE TABLE audit_entries (
    number       bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    at           timestamptz NOT NULL,
    action       text NOT NULL CHECK (char_length(action) BETWEEN 1 AND 64),
    -- Null for those who did not sign in, and for the operator at the command line.
    actor_id     uuid,
    actor        text,
    -- What let them: their own account, a grant, a secret, being an admin of the Hub, or being the operator.
    by_right_of  text NOT NULL,
    address      text,
    request_id   text,
    subject_kind text NOT NULL,
    subject_id   text NOT NULL,
    subject      text NOT NULL,
    details      jsonb NOT NULL CHECK (jsonb_typeof(details) = 'object')
);

CREATE INDEX audit_entries_of_subject ON audit_entries (subject_kind, subject_id, number);
CREATE INDEX audit_entries_of_actor ON audit_entries (actor_id, number) WHERE actor_id IS NOT NULL;
CREATE INDEX audit_entries_by_time ON audit_entries (at);

CREATE FUNCTION audit_entries_stay() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    -- An operator may forget what is old; nobody may make recent entries disappear.
    IF TG_OP = 'DELETE' AND OLD.at < now() - interval '30 days' THEN
        RETURN OLD;
    END IF;
    RAISE EXCEPTION 'the audit log is append-only' USING ERRCODE = 'HUB07';
END $$;

CREATE TRIGGER audit_entries_stay BEFORE UPDATE OR DELETE ON audit_entries
    FOR EACH ROW EXECUTE FUNCTION audit_entries_stay();
CREATE TRIGGER audit_entries_are_not_emptied BEFORE TRUNCATE ON audit_entries
    FOR EACH STATEMENT EXECUTE FUNCTION audit_entries_stay();
