-- The same package pushed again with the same build parameters is the same build. What a commit was built of is one keyed
-- hash, so that the values of build variables can be compared without being kept.

ALTER TABLE commits ADD COLUMN build_key bytea CHECK (octet_length(build_key) = 32);

CREATE INDEX commits_by_build_key ON commits (executor_id, build_key, created_at DESC) WHERE build_key IS NOT NULL;

-- When somebody last said who may see the Executor: a build that ends late must not show again what was hidden meanwhile.
ALTER TABLE executors ADD COLUMN visibility_decided_at timestamptz;

UPDATE executors e SET visibility_decided_at = said.at
FROM (SELECT executor_id, max(created_at) AS at FROM commits
      WHERE usable_at IS NOT NULL AND requested_visibility IS NOT NULL GROUP BY executor_id) said
WHERE said.executor_id = e.id;
