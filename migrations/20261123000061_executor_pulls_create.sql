-- How often each Executor was pulled on each day (UTC): what Trending is made of. Processes add up what they served and
-- write it down every few seconds, so a pull costs no statement of its own.
CREATE TABLE executor_pulls (
    executor_id text NOT NULL REFERENCES executors ON DELETE CASCADE,
    day         date NOT NULL,
    pulls       bigint NOT NULL CHECK (pulls > 0),
    PRIMARY KEY (executor_id, day)
);

CREATE INDEX executor_pulls_by_day ON executor_pulls (day);
