-- Processes remember what images of public Executors were served (src/store/image_memo.rs). Whoever changes such an answer
-- tells them, by the Executor's id. What the Executor, its tags or its owner change is told already.

CREATE FUNCTION notify_pulls_of_image_rows() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    PERFORM notify_pulls(ARRAY(SELECT DISTINCT executor_id FROM (SELECT executor_id FROM changed LIMIT 1000) c));
    RETURN NULL;
END
$$;

CREATE TRIGGER commit_images_notify_pulls_insert AFTER INSERT ON commit_images
    REFERENCING NEW TABLE AS changed FOR EACH STATEMENT EXECUTE FUNCTION notify_pulls_of_image_rows();
CREATE TRIGGER commit_images_notify_pulls_update AFTER UPDATE ON commit_images
    REFERENCING NEW TABLE AS changed FOR EACH STATEMENT EXECUTE FUNCTION notify_pulls_of_image_rows();
CREATE TRIGGER commit_images_notify_pulls_delete AFTER DELETE ON commit_images
    REFERENCING OLD TABLE AS changed FOR EACH STATEMENT EXECUTE FUNCTION notify_pulls_of_image_rows();
CREATE TRIGGER image_tags_notify_pulls_insert AFTER INSERT ON image_tags
    REFERENCING NEW TABLE AS changed FOR EACH STATEMENT EXECUTE FUNCTION notify_pulls_of_image_rows();
CREATE TRIGGER image_tags_notify_pulls_update AFTER UPDATE ON image_tags
    REFERENCING NEW TABLE AS changed FOR EACH STATEMENT EXECUTE FUNCTION notify_pulls_of_image_rows();
CREATE TRIGGER image_tags_notify_pulls_delete AFTER DELETE ON image_tags
    REFERENCING OLD TABLE AS changed FOR EACH STATEMENT EXECUTE FUNCTION notify_pulls_of_image_rows();
CREATE TRIGGER image_manifests_notify_pulls_delete AFTER DELETE ON image_manifests
    REFERENCING OLD TABLE AS changed FOR EACH STATEMENT EXECUTE FUNCTION notify_pulls_of_image_rows();
