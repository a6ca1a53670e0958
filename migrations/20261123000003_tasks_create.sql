-- The queue: tasks with lease, attempt and heartbeat, their numbered events, the workers that take them, and the
-- switch that pauses them. A state that makes no sense cannot be written.

CREATE TABLE tasks (
    id               uuid PRIMARY KEY,
    commit_id        uuid NOT NULL REFERENCES commits ON DELETE CASCADE,
    executor_id      text NOT NULL REFERENCES executors ON DELETE CASCADE,
    state            text NOT NULL CHECK (state IN ('pending', 'running', 'succeeded', 'failed', 'cancelled')),
    no_cache         boolean NOT NULL,
    -- How often a worker took it; counted when it is taken, so that no crash can hide an attempt.
    attempt          integer NOT NULL DEFAULT 0,
    -- How many of those attempts ended with the worker's death.
    lost_leases      integer NOT NULL DEFAULT 0,
    -- How many of those attempts ended with a fault of the engine or of the Hub itself.
    faults           integer NOT NULL DEFAULT 0,
    last_event       bigint NOT NULL DEFAULT 0,
    run_after        timestamptz NOT NULL,
    lease_owner      uuid,
    lease_until      timestamptz,
    cancel_requested boolean NOT NULL DEFAULT false,
    failure          jsonb,
    -- Build variables, encrypted; gone when the task is over.
    build_env        bytea,
    created_at       timestamptz NOT NULL,
    started_at       timestamptz,
    finished_at      timestamptz,
    CHECK ((state = 'running') = (lease_owner IS NOT NULL)),
    CHECK ((lease_owner IS NULL) = (lease_until IS NULL)),
    CHECK ((state IN ('succeeded', 'failed', 'cancelled')) = (finished_at IS NOT NULL)),
    CHECK (finished_at IS NULL OR build_env IS NULL),
    CHECK ((state = 'failed') = (failure IS NOT NULL))
);

CREATE INDEX tasks_due ON tasks (run_after, created_at) WHERE state = 'pending';
CREATE INDEX tasks_leased ON tasks (lease_until) WHERE state = 'running';
CREATE INDEX tasks_of_executor ON tasks (executor_id, created_at DESC, id DESC);
CREATE INDEX tasks_of_commit ON tasks (commit_id);

CREATE TABLE task_events (
    task_id uuid NOT NULL REFERENCES tasks ON DELETE CASCADE,
    number  bigint NOT NULL CHECK (number > 0),
    at      timestamptz NOT NULL,
    event   jsonb NOT NULL,
    PRIMARY KEY (task_id, number)
);

CREATE TABLE images (
    commit_id  uuid NOT NULL REFERENCES commits ON DELETE CASCADE,
    platform   text NOT NULL,
    name       text NOT NULL,
    engine_id  text NOT NULL,
    size       bigint NOT NULL,
    created_at timestamptz NOT NULL,
    PRIMARY KEY (commit_id, platform)
);

CREATE TABLE workers (
    id           uuid PRIMARY KEY,
    name         text NOT NULL,
    slots        integer NOT NULL,
    -- What the engine said of itself when it last answered; null when it does not.
    engine       jsonb,
    engine_fault text,
    started_at   timestamptz NOT NULL,
    seen_at      timestamptz NOT NULL
);

CREATE TABLE queue_pause (
    only_row   boolean PRIMARY KEY DEFAULT true CHECK (only_row),
    reason     text NOT NULL,
    since      timestamptz NOT NULL,
    -- When workers try again by themselves; null waits for an operator.
    until_time timestamptz
);
