-- Whom the owner of an Executor lets in: people, and teams of people. What a person may do is looked up each time, never
-- kept with a session or a token, so that whoever leaves a team has lost what it gave them at that moment.

CREATE TABLE teams (
    id         uuid PRIMARY KEY,
    name       text NOT NULL CHECK (name ~ '^[A-Za-z0-9._-]{1,64}$'),
    name_key   text NOT NULL GENERATED ALWAYS AS (lower(name)) STORED UNIQUE,
    created_at timestamptz NOT NULL
);

CREATE TABLE team_members (
    team_id  uuid NOT NULL REFERENCES teams ON DELETE CASCADE,
    user_id  uuid NOT NULL REFERENCES users ON DELETE CASCADE,
    -- Who may rename and delete the team, and say who belongs to it.
    role     text NOT NULL CHECK (role IN ('member', 'maintainer')),
    added_at timestamptz NOT NULL,
    PRIMARY KEY (team_id, user_id)
);

CREATE INDEX team_members_of_user ON team_members (user_id);

CREATE TABLE executor_grants (
    executor_id text NOT NULL REFERENCES executors ON DELETE CASCADE,
    user_id     uuid REFERENCES users ON DELETE CASCADE,
    team_id     uuid REFERENCES teams ON DELETE CASCADE,
    level       text NOT NULL CHECK (level IN ('read', 'write', 'admin')),
    granted_at  timestamptz NOT NULL,
    granted_by  uuid REFERENCES users ON DELETE SET NULL,
    CHECK (num_nonnulls(user_id, team_id) = 1)
);

CREATE UNIQUE INDEX executor_grants_to_user ON executor_grants (executor_id, user_id) WHERE user_id IS NOT NULL;
CREATE UNIQUE INDEX executor_grants_to_team ON executor_grants (executor_id, team_id) WHERE team_id IS NOT NULL;
CREATE INDEX executor_grants_of_user ON executor_grants (user_id) WHERE user_id IS NOT NULL;
CREATE INDEX executor_grants_of_team ON executor_grants (team_id) WHERE team_id IS NOT NULL;

-- Who may use which Executor besides its owner, by themselves or through their teams; a person may be there several times.
CREATE VIEW executor_access AS
    SELECT executor_id, user_id, level FROM executor_grants WHERE user_id IS NOT NULL
    UNION ALL
    SELECT g.executor_id, m.user_id, g.level
    FROM executor_grants g JOIN team_members m ON m.team_id = g.team_id;
