"""The database schema: the state of the local GitHub that is not in git. Times are ISO 8601 in UTC."""

SCHEMA = """CREATE TABLE IF NOT EXISTS users (
    id INTEGER PRIMARY KEY AUTOINCREMENT,
    login TEXT NOT NULL UNIQUE COLLATE NOCASE,
    type TEXT NOT NULL CHECK (type IN ('User', 'Bot', 'Organization')),
    name TEXT,
    email TEXT,
    created_at TEXT NOT NULL
);

-- permissions: NULL for a personal token, else a JSON object such as {"contents": "read"}.
CREATE TABLE IF NOT EXISTS tokens (
    id INTEGER PRIMARY KEY AUTOINCREMENT,
    token TEXT NOT NULL UNIQUE,
    user_id INTEGER NOT NULL REFERENCES users (id),
    permissions TEXT,
    repository TEXT COLLATE NOCASE,
    workflow INTEGER NOT NULL DEFAULT 0
);

CREATE TABLE IF NOT EXISTS repositories (
    id INTEGER PRIMARY KEY AUTOINCREMENT,
    full_name TEXT NOT NULL UNIQUE COLLATE NOCASE,
    owner_id INTEGER NOT NULL REFERENCES users (id),
    name TEXT NOT NULL,
    description TEXT,
    private INTEGER NOT NULL DEFAULT 0,
    default_branch TEXT NOT NULL DEFAULT 'main',
    parent_id INTEGER REFERENCES repositories (id),
    created_at TEXT NOT NULL,
    updated_at TEXT NOT NULL,
    pushed_at TEXT NOT NULL
);

-- Repositories that are not deleted; see DELETED in state.py.
CREATE VIEW IF NOT EXISTS present AS SELECT * FROM repositories WHERE full_name NOT LIKE '%:deleted:%';

CREATE TABLE IF NOT EXISTS collaborators (
    repository_id INTEGER NOT NULL REFERENCES repositories (id),
    user_id INTEGER NOT NULL REFERENCES users (id),
    permission TEXT NOT NULL CHECK (permission IN ('read', 'triage', 'write', 'maintain', 'admin')),
    PRIMARY KEY (repository_id, user_id)
);

CREATE TABLE IF NOT EXISTS labels (
    id INTEGER PRIMARY KEY AUTOINCREMENT,
    repository_id INTEGER NOT NULL REFERENCES repositories (id),
    name TEXT NOT NULL COLLATE NOCASE,
    color TEXT NOT NULL,
    description TEXT,
    is_default INTEGER NOT NULL DEFAULT 0,
    UNIQUE (repository_id, name)
);

-- Issues and pull requests; they share numbers, comments and labels.
CREATE TABLE IF NOT EXISTS issues (
    id INTEGER PRIMARY KEY AUTOINCREMENT,
    repository_id INTEGER NOT NULL REFERENCES repositories (id),
    number INTEGER NOT NULL,
    title TEXT NOT NULL,
    body TEXT,
    user_id INTEGER NOT NULL REFERENCES users (id),
    state TEXT NOT NULL DEFAULT 'open' CHECK (state IN ('open', 'closed')),
    state_reason TEXT,
    is_pull INTEGER NOT NULL DEFAULT 0,
    created_at TEXT NOT NULL,
    updated_at TEXT NOT NULL,
    closed_at TEXT,
    closed_by INTEGER REFERENCES users (id),
    UNIQUE (repository_id, number)
);

CREATE TABLE IF NOT EXISTS issue_labels (
    issue_id INTEGER NOT NULL REFERENCES issues (id),
    label_id INTEGER NOT NULL REFERENCES labels (id) ON DELETE CASCADE,
    PRIMARY KEY (issue_id, label_id)
);

CREATE TABLE IF NOT EXISTS issue_assignees (
    issue_id INTEGER NOT NULL REFERENCES issues (id),
    user_id INTEGER NOT NULL REFERENCES users (id),
    PRIMARY KEY (issue_id, user_id)
);

-- id: the id of the issue. merge_sha: the test merge while open, the commit on the base once merged.
-- computed: whether `mergeable` is computed. GitHub computes it on the first request for the pull request,
-- whose response has `mergeable: null`.
CREATE TABLE IF NOT EXISTS pulls (
    id INTEGER PRIMARY KEY REFERENCES issues (id),
    base_ref TEXT NOT NULL,
    base_sha TEXT NOT NULL,
    head_repository_id INTEGER NOT NULL REFERENCES repositories (id),
    head_ref TEXT NOT NULL,
    head_sha TEXT NOT NULL,
    draft INTEGER NOT NULL DEFAULT 0,
    maintainer_can_modify INTEGER NOT NULL DEFAULT 0,
    mergeable INTEGER,
    computed INTEGER NOT NULL DEFAULT 0,
    merge_sha TEXT,
    merged_at TEXT,
    merged_by INTEGER REFERENCES users (id)
);

CREATE TABLE IF NOT EXISTS comments (
    id INTEGER PRIMARY KEY AUTOINCREMENT,
    issue_id INTEGER NOT NULL REFERENCES issues (id),
    user_id INTEGER NOT NULL REFERENCES users (id),
    body TEXT NOT NULL,
    created_at TEXT NOT NULL,
    updated_at TEXT NOT NULL
);
CREATE INDEX IF NOT EXISTS comments_of_issue ON comments (issue_id);

CREATE TABLE IF NOT EXISTS reactions (
    id INTEGER PRIMARY KEY AUTOINCREMENT,
    subject TEXT NOT NULL CHECK (subject IN ('issues', 'comments', 'review_comments')),
    subject_id INTEGER NOT NULL,
    user_id INTEGER NOT NULL REFERENCES users (id),
    content TEXT NOT NULL,
    created_at TEXT NOT NULL,
    UNIQUE (subject, subject_id, user_id, content)
);

CREATE TABLE IF NOT EXISTS reviews (
    id INTEGER PRIMARY KEY AUTOINCREMENT,
    issue_id INTEGER NOT NULL REFERENCES issues (id),
    user_id INTEGER NOT NULL REFERENCES users (id),
    body TEXT NOT NULL,
    state TEXT NOT NULL,
    commit_id TEXT NOT NULL,
    submitted_at TEXT
);

CREATE TABLE IF NOT EXISTS review_comments (
    id INTEGER PRIMARY KEY AUTOINCREMENT,
    issue_id INTEGER NOT NULL REFERENCES issues (id),
    review_id INTEGER NOT NULL REFERENCES reviews (id),
    user_id INTEGER NOT NULL REFERENCES users (id),
    body TEXT NOT NULL,
    path TEXT NOT NULL,
    line INTEGER NOT NULL,
    side TEXT NOT NULL,
    start_line INTEGER,
    start_side TEXT,
    position INTEGER NOT NULL,
    diff_hunk TEXT NOT NULL,
    commit_id TEXT NOT NULL,
    in_reply_to INTEGER,
    created_at TEXT NOT NULL,
    updated_at TEXT NOT NULL
);

-- Events of issues and pull requests. details: a JSON object with the fields of this kind of event.
CREATE TABLE IF NOT EXISTS issue_events (
    id INTEGER PRIMARY KEY AUTOINCREMENT,
    issue_id INTEGER NOT NULL REFERENCES issues (id),
    event TEXT NOT NULL,
    user_id INTEGER REFERENCES users (id),
    commit_id TEXT,
    details TEXT NOT NULL,
    created_at TEXT NOT NULL
);
CREATE INDEX IF NOT EXISTS issue_events_of_issue ON issue_events (issue_id);

-- Updates of branches: user, time, SHA before and after.
CREATE TABLE IF NOT EXISTS activities (
    id INTEGER PRIMARY KEY AUTOINCREMENT,
    repository_id INTEGER NOT NULL REFERENCES repositories (id),
    ref TEXT NOT NULL,
    before_sha TEXT NOT NULL,
    after_sha TEXT NOT NULL,
    kind TEXT NOT NULL,
    user_id INTEGER REFERENCES users (id),
    created_at TEXT NOT NULL
);
CREATE INDEX IF NOT EXISTS activities_of_repository ON activities (repository_id);

CREATE TABLE IF NOT EXISTS check_suites (
    id INTEGER PRIMARY KEY AUTOINCREMENT,
    repository_id INTEGER NOT NULL REFERENCES repositories (id),
    head_sha TEXT NOT NULL,
    head_branch TEXT,
    user_id INTEGER NOT NULL REFERENCES users (id),
    created_at TEXT NOT NULL,
    updated_at TEXT NOT NULL,
    UNIQUE (repository_id, head_sha, user_id)
);

CREATE TABLE IF NOT EXISTS check_runs (
    id INTEGER PRIMARY KEY AUTOINCREMENT,
    repository_id INTEGER NOT NULL REFERENCES repositories (id),
    suite_id INTEGER NOT NULL REFERENCES check_suites (id),
    head_sha TEXT NOT NULL,
    name TEXT NOT NULL,
    status TEXT NOT NULL,
    conclusion TEXT,
    started_at TEXT,
    completed_at TEXT,
    details_url TEXT,
    external_id TEXT,
    title TEXT,
    summary TEXT,
    text TEXT
);
CREATE INDEX IF NOT EXISTS check_runs_of_commit ON check_runs (repository_id, head_sha);

CREATE TABLE IF NOT EXISTS annotations (
    id INTEGER PRIMARY KEY AUTOINCREMENT,
    check_run_id INTEGER NOT NULL REFERENCES check_runs (id),
    path TEXT NOT NULL,
    start_line INTEGER NOT NULL,
    end_line INTEGER NOT NULL,
    start_column INTEGER,
    end_column INTEGER,
    annotation_level TEXT NOT NULL,
    title TEXT,
    message TEXT NOT NULL,
    raw_details TEXT
);

CREATE TABLE IF NOT EXISTS statuses (
    id INTEGER PRIMARY KEY AUTOINCREMENT,
    repository_id INTEGER NOT NULL REFERENCES repositories (id),
    sha TEXT NOT NULL,
    state TEXT NOT NULL,
    context TEXT NOT NULL,
    description TEXT,
    target_url TEXT,
    user_id INTEGER NOT NULL REFERENCES users (id),
    created_at TEXT NOT NULL
);

CREATE TABLE IF NOT EXISTS releases (
    id INTEGER PRIMARY KEY AUTOINCREMENT,
    repository_id INTEGER NOT NULL REFERENCES repositories (id),
    tag_name TEXT NOT NULL,
    target_commitish TEXT NOT NULL,
    name TEXT,
    body TEXT,
    draft INTEGER NOT NULL,
    prerelease INTEGER NOT NULL,
    user_id INTEGER NOT NULL REFERENCES users (id),
    created_at TEXT NOT NULL,
    published_at TEXT
);

-- Branch protection. stated: the JSON body of the request that set it.
CREATE TABLE IF NOT EXISTS protections (
    repository_id INTEGER NOT NULL REFERENCES repositories (id),
    branch TEXT NOT NULL,
    stated TEXT NOT NULL,
    PRIMARY KEY (repository_id, branch)
);

-- Settings for Actions; a repository without a row has GitHub's defaults.
CREATE TABLE IF NOT EXISTS policies (
    repository_id INTEGER PRIMARY KEY REFERENCES repositories (id),
    enabled INTEGER NOT NULL DEFAULT 1,
    allowed_actions TEXT NOT NULL DEFAULT 'all',
    sha_pinning_required INTEGER NOT NULL DEFAULT 0,
    default_workflow_permissions TEXT NOT NULL DEFAULT 'read',
    can_approve_pull_request_reviews INTEGER NOT NULL DEFAULT 0,
    approval_policy TEXT NOT NULL DEFAULT 'first_time_contributors'
);

-- policy: deployment_branch_policy as JSON. reviewers: a JSON list of user ids. wait_timer: minutes.
CREATE TABLE IF NOT EXISTS environments (
    id INTEGER PRIMARY KEY AUTOINCREMENT,
    repository_id INTEGER NOT NULL REFERENCES repositories (id),
    name TEXT NOT NULL COLLATE NOCASE,
    policy TEXT NOT NULL DEFAULT 'null',
    reviewers TEXT NOT NULL DEFAULT '[]',
    prevent_self_review INTEGER NOT NULL DEFAULT 0,
    wait_timer INTEGER NOT NULL DEFAULT 0,
    created_at TEXT NOT NULL,
    updated_at TEXT NOT NULL,
    UNIQUE (repository_id, name)
);

-- The branches and tags that may deploy to an environment with custom_branch_policies.
CREATE TABLE IF NOT EXISTS environment_policies (
    id INTEGER PRIMARY KEY AUTOINCREMENT,
    environment_id INTEGER NOT NULL REFERENCES environments (id) ON DELETE CASCADE,
    name TEXT NOT NULL,
    type TEXT NOT NULL CHECK (type IN ('branch', 'tag')),
    UNIQUE (environment_id, name, type)
);

CREATE TABLE IF NOT EXISTS hooks (
    id INTEGER PRIMARY KEY AUTOINCREMENT,
    repository_id INTEGER NOT NULL REFERENCES repositories (id),
    url TEXT NOT NULL,
    content_type TEXT NOT NULL,
    secret TEXT,
    insecure_ssl TEXT NOT NULL DEFAULT '0',
    events TEXT NOT NULL,
    active INTEGER NOT NULL DEFAULT 1,
    created_at TEXT NOT NULL,
    updated_at TEXT NOT NULL
);

CREATE TABLE IF NOT EXISTS deliveries (
    id INTEGER PRIMARY KEY AUTOINCREMENT,
    hook_id INTEGER NOT NULL REFERENCES hooks (id) ON DELETE CASCADE,
    guid TEXT NOT NULL,
    event TEXT NOT NULL,
    action TEXT,
    delivered_at TEXT NOT NULL,
    duration REAL NOT NULL,
    status TEXT NOT NULL,
    status_code INTEGER NOT NULL,
    request_headers TEXT NOT NULL,
    payload TEXT NOT NULL,
    response_headers TEXT NOT NULL,
    response TEXT NOT NULL
);
"""
