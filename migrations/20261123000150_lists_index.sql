-- Lists of what has an image for a platform, and of what somebody deleted who does not own it.

CREATE INDEX images_by_platform ON images (platform, commit_id);
CREATE INDEX executors_deleted_by ON executors (deleted_by, deleted_at DESC) WHERE deleted_at IS NOT NULL;
