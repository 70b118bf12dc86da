"""The SQLite tables of Actions. All times are ISO 8601 in UTC."""

SCHEMA = """CREATE TABLE IF NOT EXISTS workflow_runs (
    id INTEGER PRIMARY KEY AUTOINCREMENT,
    repository TEXT NOT NULL COLLATE NOCASE,
    path TEXT NOT NULL,
    name TEXT NOT NULL,
    event TEXT NOT NULL,
    status TEXT NOT NULL DEFAULT 'queued',
    conclusion TEXT,
    head_sha TEXT NOT NULL,
    head_branch TEXT,
    head_repository TEXT NOT NULL,
    actor TEXT NOT NULL,
    triggering_actor TEXT,
    run_number INTEGER NOT NULL,
    run_attempt INTEGER NOT NULL DEFAULT 1,
    concurrency TEXT,
    cancels INTEGER NOT NULL DEFAULT 0,
    trigger TEXT NOT NULL,
    token TEXT,
    process TEXT,
    note TEXT,
    created_at TEXT NOT NULL,
    updated_at TEXT NOT NULL,
    started_at TEXT NOT NULL
);
CREATE INDEX IF NOT EXISTS workflow_runs_of_status ON workflow_runs (status);

CREATE TABLE IF NOT EXISTS jobs (
    id INTEGER PRIMARY KEY,
    run_id INTEGER NOT NULL REFERENCES workflow_runs (id),
    run_attempt INTEGER NOT NULL,
    name TEXT NOT NULL,
    status TEXT NOT NULL,
    conclusion TEXT,
    steps TEXT NOT NULL DEFAULT '[]',
    labels TEXT NOT NULL DEFAULT '[]',
    runner_id INTEGER NOT NULL DEFAULT 1,
    runner_name TEXT NOT NULL DEFAULT 'local',
    started_at TEXT NOT NULL,
    completed_at TEXT
);

CREATE TABLE IF NOT EXISTS artifacts (
    id INTEGER PRIMARY KEY AUTOINCREMENT,
    run_id INTEGER NOT NULL REFERENCES workflow_runs (id),
    run_attempt INTEGER NOT NULL,
    name TEXT NOT NULL,
    size INTEGER NOT NULL,
    digest TEXT NOT NULL,
    created_at TEXT NOT NULL,
    UNIQUE (run_id, name)
);

-- owner: owner/name of a repository, or an organization; empty for the runner of this machine.
-- secret: the credential of a just-in-time runner.
CREATE TABLE IF NOT EXISTS runners (
    id INTEGER PRIMARY KEY AUTOINCREMENT,
    owner TEXT NOT NULL COLLATE NOCASE,
    name TEXT NOT NULL,
    labels TEXT NOT NULL DEFAULT '[]',
    group_id INTEGER NOT NULL DEFAULT 1,
    ephemeral INTEGER NOT NULL DEFAULT 0,
    secret TEXT NOT NULL DEFAULT '',
    UNIQUE (owner, name)
);

-- number: what GitHub calls the id; 1 is the default group, which has no row.
CREATE TABLE IF NOT EXISTS runner_groups (
    id INTEGER PRIMARY KEY AUTOINCREMENT,
    owner TEXT NOT NULL COLLATE NOCASE,
    number INTEGER NOT NULL,
    name TEXT NOT NULL,
    visibility TEXT NOT NULL DEFAULT 'all',
    public INTEGER NOT NULL DEFAULT 0,
    restricted INTEGER NOT NULL DEFAULT 0,
    workflows TEXT NOT NULL DEFAULT '[]',
    repositories TEXT NOT NULL DEFAULT '[]',
    UNIQUE (owner, number)
);

CREATE TABLE IF NOT EXISTS variables (
    repository TEXT NOT NULL COLLATE NOCASE,
    environment INTEGER NOT NULL DEFAULT 0,
    name TEXT NOT NULL,
    value TEXT NOT NULL,
    created_at TEXT NOT NULL,
    updated_at TEXT NOT NULL,
    PRIMARY KEY (repository, environment, name)
);

CREATE TABLE IF NOT EXISTS secrets (
    repository TEXT NOT NULL COLLATE NOCASE,
    environment INTEGER NOT NULL DEFAULT 0,
    name TEXT NOT NULL,
    value TEXT NOT NULL,
    created_at TEXT NOT NULL,
    updated_at TEXT NOT NULL,
    PRIMARY KEY (repository, environment, name)
);

CREATE TABLE IF NOT EXISTS deployments (
    id INTEGER PRIMARY KEY AUTOINCREMENT,
    run_id INTEGER NOT NULL REFERENCES workflow_runs (id),
    run_attempt INTEGER NOT NULL,
    environment_id INTEGER NOT NULL,
    state TEXT NOT NULL CHECK (state IN ('waiting', 'approved', 'rejected', 'ended')),
    reviewer TEXT,
    comment TEXT,
    created_at TEXT NOT NULL,
    updated_at TEXT NOT NULL
);
CREATE INDEX IF NOT EXISTS deployments_of_run ON deployments (run_id);
"""
"""Columns of `workflow_runs`: `trigger` is the event as JSON; `token` is the GITHUB_TOKEN and `process` the
environment mark of the run's processes, both only during the run; `triggering_actor` is the login that asked
for a rerun; `note` is a message about the run as a whole.

A job's id is the id of its check run. The `environment` of a variable or secret is the environment's id, or
0 for the repository."""
