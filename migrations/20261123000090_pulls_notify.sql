-- Processes remember what pulls of public Executors were answered (src/store/pull_memo.rs). Whoever changes such an answer
-- tells them, by the name and the id that pulls ask for: each statement once, and many changes at once as "everything".

CREATE FUNCTION notify_pulls(changed text[]) RETURNS void LANGUAGE plpgsql AS $$
BEGIN
    IF cardinality(changed) > 64 THEN
        PERFORM pg_notify('hub_pulls', '*');
    ELSE
        PERFORM pg_notify('hub_pulls', key) FROM unnest(changed) AS key;
    END IF;
END
$$;

-- The limit keeps a statement that changes a million rows from gathering a million keys.
CREATE FUNCTION notify_pulls_of_executors() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    PERFORM notify_pulls(ARRAY(
        SELECT key FROM (SELECT id, name_key FROM changed LIMIT 65) e, LATERAL (VALUES (e.id), (e.name_key)) AS keys (key)
        WHERE key IS NOT NULL
    ));
    RETURN NULL;
END
$$;

CREATE FUNCTION notify_pulls_of_changed_executors() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    PERFORM notify_pulls(ARRAY(
        SELECT DISTINCT key
        FROM (SELECT id, name_key FROM changed UNION ALL SELECT id, name_key FROM after_change LIMIT 130) e,
             LATERAL (VALUES (e.id), (e.name_key)) AS keys (key)
        WHERE key IS NOT NULL
    ));
    RETURN NULL;
END
$$;

CREATE FUNCTION notify_pulls_of_tags() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    PERFORM notify_pulls(ARRAY(
        SELECT DISTINCT key
        FROM (SELECT executor_id FROM changed LIMIT 1000) c JOIN executors e ON e.id = c.executor_id,
             LATERAL (VALUES (e.id), (e.name_key)) AS keys (key)
        WHERE key IS NOT NULL
    ));
    RETURN NULL;
END
$$;

CREATE FUNCTION notify_pulls_of_images() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    PERFORM notify_pulls(ARRAY(
        SELECT DISTINCT key
        FROM (SELECT commit_id FROM changed LIMIT 1000) i JOIN commits c ON c.id = i.commit_id
             JOIN executors e ON e.id = c.executor_id,
             LATERAL (VALUES (e.id), (e.name_key)) AS keys (key)
        WHERE key IS NOT NULL
    ));
    RETURN NULL;
END
$$;

-- A person's login is part of the names of all their Executors.
CREATE FUNCTION notify_pulls_of_users() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF EXISTS (SELECT FROM changed c LEFT JOIN remaining r USING (id, login) WHERE r.id IS NULL) THEN
        PERFORM pg_notify('hub_pulls', '*');
    END IF;
    RETURN NULL;
END
$$;

CREATE TRIGGER executors_notify_pulls_insert AFTER INSERT ON executors
    REFERENCING NEW TABLE AS changed FOR EACH STATEMENT EXECUTE FUNCTION notify_pulls_of_executors();
CREATE TRIGGER executors_notify_pulls_update AFTER UPDATE ON executors
    REFERENCING OLD TABLE AS changed NEW TABLE AS after_change
    FOR EACH STATEMENT EXECUTE FUNCTION notify_pulls_of_changed_executors();
CREATE TRIGGER executors_notify_pulls_delete AFTER DELETE ON executors
    REFERENCING OLD TABLE AS changed FOR EACH STATEMENT EXECUTE FUNCTION notify_pulls_of_executors();
CREATE TRIGGER tags_notify_pulls_insert AFTER INSERT ON tags
    REFERENCING NEW TABLE AS changed FOR EACH STATEMENT EXECUTE FUNCTION notify_pulls_of_tags();
CREATE TRIGGER tags_notify_pulls_update AFTER UPDATE ON tags
    REFERENCING NEW TABLE AS changed FOR EACH STATEMENT EXECUTE FUNCTION notify_pulls_of_tags();
CREATE TRIGGER tags_notify_pulls_delete AFTER DELETE ON tags
    REFERENCING OLD TABLE AS changed FOR EACH STATEMENT EXECUTE FUNCTION notify_pulls_of_tags();
CREATE TRIGGER images_notify_pulls_insert AFTER INSERT ON images
    REFERENCING NEW TABLE AS changed FOR EACH STATEMENT EXECUTE FUNCTION notify_pulls_of_images();
CREATE TRIGGER images_notify_pulls_update AFTER UPDATE ON images
    REFERENCING NEW TABLE AS changed FOR EACH STATEMENT EXECUTE FUNCTION notify_pulls_of_images();
CREATE TRIGGER images_notify_pulls_delete AFTER DELETE ON images
    REFERENCING OLD TABLE AS changed FOR EACH STATEMENT EXECUTE FUNCTION notify_pulls_of_images();
CREATE TRIGGER users_notify_pulls_update AFTER UPDATE ON users
    REFERENCING OLD TABLE AS changed NEW TABLE AS remaining
    FOR EACH STATEMENT EXECUTE FUNCTION notify_pulls_of_users();
