"""Create and update check runs, for apps and for Actions, and emit their events."""

from collections.abc import Mapping
from typing import Any

from localworld.github import clock, shapes
from localworld.github.caller import Caller
from localworld.github.db import Row
from localworld.github.emit_event import emit_event
from localworld.github.errors import invalid, not_found
from localworld.github.state import ACTIONS_BOT, GitHub

STATUSES = ("queued", "in_progress", "completed", "waiting", "requested", "pending")
CONCLUSIONS = (
    "success",
    "failure",
    "neutral",
    "cancelled",
    "skipped",
    "timed_out",
    "action_required",
    "stale",
)
ANNOTATIONS_A_REQUEST = 50
TEXT_LIMIT = 65_535  # characters
_LEVELS = ("notice", "warning", "failure")
_PLAIN = ("name", "details_url", "external_id", "started_at", "completed_at", "status", "conclusion")


def create(
    github: GitHub,
    repository: str,
    fields: Mapping[str, Any],
    *,
    actor: str = ACTIONS_BOT,
    chained: bool = True,
) -> dict[str, Any]:
    """Create a check run at a commit, as an app does.

    Args:
        repository: full name of the repository, `owner/name`.
        fields: as in GitHub's request: name, head_sha, status, conclusion, output, …
        actor: login of the app's bot user.
        chained: see `Event`.

    Returns:
        The schema check-run.

    Raises:
        ApiError: 404, there is no such repository or bot; 422, a field is invalid.
    """
    row, bot = _repository(github, repository), _bot(github, actor)
    for name in ("name", "head_sha"):
        if not isinstance(fields.get(name), str) or not fields[name]:
            raise invalid("CheckRun", name, "missing_field")
    sha = fields["head_sha"]
    if github.git(row["full_name"]).kind(sha) != "commit":
        raise invalid("CheckRun", "head_sha", message=f"No commit found for SHA: {sha}")
    values = {"status": "queued", "started_at": clock.now(), **_values(fields)}
    with github.db.transaction():
        suite = _suite(github, row, bot, sha)
        run = github.db.insert(
            "check_runs", **values, repository_id=row["id"], suite_id=suite["id"], head_sha=sha
        )
        _add_annotations(github, run["id"], fields)
    return _told(github, row, run["id"], bot, "created", chained)


def update(
    github: GitHub,
    repository: str,
    check_run_id: int,
    fields: Mapping[str, Any],
    *,
    actor: str = ACTIONS_BOT,
    chained: bool = True,
) -> dict[str, Any]:
    """Update a check run as an app does; see `create`. Annotations are added to the existing ones."""
    row, bot = _repository(github, repository), _bot(github, actor)
    run = find(github, row, check_run_id)
    values = _values(fields)
    with github.db.transaction():
        github.db.update("check_runs", run["id"], **values)
        github.db.update("check_suites", run["suite_id"], updated_at=clock.now())
        _add_annotations(github, run["id"], fields)
    return _told(
        github, row, run["id"], bot, "completed" if values.get("status") == "completed" else "", chained
    )


def find(github: GitHub, repository: Row, check_run_id: int) -> Row:
    """Return a check run of a repository; raise 404 if it has none with this id."""
    run = github.db.one(
        "SELECT * FROM check_runs WHERE id = ? AND repository_id = ?", check_run_id, repository["id"]
    )
    if run is None:
        raise not_found()
    return run


def app_id(github: GitHub, run: Row) -> int:
    """Return the id of the app that created a check run."""
    suite = github.db.one("SELECT * FROM check_suites WHERE id = ?", run["suite_id"])
    assert suite is not None  # noqa: S101  every run has its suite
    return app_id_of(github, suite)


def app_id_of(github: GitHub, suite: Row) -> int:
    """Return the id of the app that a check suite belongs to."""
    return shapes.app_id(github.user_by_id(suite["user_id"]))


def _told(github: GitHub, row: Row, run_id: int, bot: Row, action: str, chained: bool) -> dict[str, Any]:
    """Emit the event of an action, unless the action is empty, and return the schema check-run."""
    run = find(github, row, run_id)
    if action:
        payload = {"check_run": shapes.event_check_run(github, run)}
        emit_event(github, "check_run", action, row, Caller(bot, workflow=chained), payload)
        if action == "created" and run["status"] == "completed":
            emit_event(github, "check_run", "completed", row, Caller(bot, workflow=chained), payload)
    return shapes.check_run(github, run)


def _values(fields: Mapping[str, Any]) -> dict[str, Any]:
    """Validate the fields of a request and convert them to columns."""
    values = {name: fields[name] for name in _PLAIN if fields.get(name) is not None}
    for name, value in values.items():
        if not isinstance(value, str):
            raise invalid("CheckRun", name)
    if values.get("status", "queued") not in STATUSES:
        raise invalid("CheckRun", "status")
    if values.get("conclusion", "success") not in CONCLUSIONS:
        raise invalid("CheckRun", "conclusion")
    if "conclusion" in values:  # GitHub completes a run that has a conclusion
        values["status"] = "completed"
    if values.get("status") == "completed":
        if "conclusion" not in values:
            raise invalid("CheckRun", "conclusion", "missing_field")
        values.setdefault("completed_at", clock.now())
    return values | _output(fields.get("output"))


def _output(output: Any) -> dict[str, Any]:
    """Validate `output` of a request and convert it to columns."""
    if output is None:
        return {}
    if not isinstance(output, dict) or not isinstance(output.get("summary"), str):
        raise invalid("CheckRun", "output")
    for name in ("summary", "text"):
        if len(output.get(name) or "") > TEXT_LIMIT:
            raise invalid("CheckRun", name, message=f"{name} exceeds the maximum of {TEXT_LIMIT} characters")
    return {name: output[name] for name in ("title", "summary", "text") if output.get(name) is not None}


def _add_annotations(github: GitHub, run_id: int, fields: Mapping[str, Any]) -> None:
    annotations = (fields.get("output") or {}).get("annotations") or []
    if len(annotations) > ANNOTATIONS_A_REQUEST:
        text = f"annotations exceeds the maximum of {ANNOTATIONS_A_REQUEST} items"
        raise invalid("CheckRun", "annotations", message=text)
    for annotation in annotations:
        _check_annotation(annotation)
        values = {name: annotation.get(name) for name in shapes.ANNOTATION}
        github.db.insert("annotations", check_run_id=run_id, **values)


def _check_annotation(annotation: Any) -> None:
    """Raise 422 if GitHub would reject this annotation."""
    if not isinstance(annotation, dict):
        raise invalid("CheckRun", "annotations")
    for name in ("path", "message", "annotation_level"):
        if not isinstance(annotation.get(name), str):
            raise invalid("CheckRun", f"annotations.{name}", "missing_field")
    for name in ("start_line", "end_line"):
        if not isinstance(annotation.get(name), int):
            raise invalid("CheckRun", f"annotations.{name}", "missing_field")
    columns = [annotation.get(name) for name in ("start_column", "end_column")]
    several_lines = annotation["start_line"] != annotation["end_line"]
    if any(column is not None for column in columns) and several_lines:
        raise invalid("CheckRun", "annotations.start_column")  # GitHub accepts columns within one line only
    if annotation["annotation_level"] not in _LEVELS:
        raise invalid("CheckRun", "annotations.annotation_level")


def _suite(github: GitHub, repository: Row, bot: Row, sha: str) -> Row:
    """Find the check suite of an app at a commit, or create it."""
    known = github.db.one(
        "SELECT * FROM check_suites WHERE repository_id = ? AND head_sha = ? AND user_id = ?",
        repository["id"],
        sha,
        bot["id"],
    )
    if known:
        return known
    heads = github.git(repository["full_name"]).refs("refs/heads/")
    branches = [name.removeprefix("refs/heads/") for name, tip in heads.items() if tip == sha]
    return github.db.insert(
        "check_suites",
        repository_id=repository["id"],
        head_sha=sha,
        head_branch=branches[0] if branches else None,
        user_id=bot["id"],
        created_at=clock.now(),
        updated_at=clock.now(),
    )


def _repository(github: GitHub, full_name: str) -> Row:
    row = github.repository(full_name)
    if row is None:
        raise not_found()
    return row


def _bot(github: GitHub, login: str) -> Row:
    user = github.user(login)
    if user is None:
        raise not_found()
    return user
