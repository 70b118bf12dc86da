"""Check runs on a commit, with annotations for the findings; each check is signed by the bot."""

import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from github.CheckRun import CheckRun
from github.Repository import Repository

from bot.github.signed_marks import has_key, sign

LINT, PLAN = "arborist lint", "arborist plan"
ANNOTATIONS_A_REQUEST = 50
ANNOTATIONS_SHOWN = 200
ACTIONS = "github-actions"
"""The GitHub App as which a workflow's GITHUB_TOKEN acts."""


def lint_check(branch: str, default: str) -> str:
    """Return the name of the lint check for a base branch; every base branch has its own check."""
    return LINT if branch == default else f"{LINT} into {branch}"


def find_check(repository: Repository, name: str, sha: str) -> CheckRun | None:
    """Return the bot's newest check with this name on a commit; None if there is none."""
    found = [check for check, _ in own_checks(repository, name, sha)]
    return max(found, key=lambda check: check.id, default=None)


def own_checks(repository: Repository, name: str, sha: str) -> Iterator[tuple[CheckRun, dict[str, Any]]]:
    """Yield the bot's checks with this name on a commit, each with the note that the bot stored in it.

    The name alone is not proof: a job of the pull request's own workflow, or another app, may use it too.
    """
    for check in repository.get_commit(sha).get_check_runs(check_name=name, filter="all"):
        slug = check.app.slug if check.app else ""
        note = read_note(repository.full_name, sha, name, slug, check.external_id)
        if note is not None:
            yield check, note


def write_note(repository: str, sha: str, name: str, note: Mapping[str, Any]) -> str:
    """Return the external ID of a check: the note as JSON, with a signature."""
    text = json.dumps(note, separators=(",", ":"))
    return f"{sign('check', repository.casefold(), sha, name, text)} {text}"


def read_note(
    repository: str, sha: str, name: str, app: str, external_id: str | None
) -> dict[str, Any] | None:
    """Return the note that the bot stored in a check; None if the check is not the bot's.

    Args:
        app: the slug of the app that created the check. Without a signing key only GitHub Actions is trusted.
    """
    signature, _, text = (external_id or "").partition(" ")
    if signature != sign("check", repository.casefold(), sha, name, text):
        return None
    if app != ACTIONS and not has_key():
        return None
    note: dict[str, Any] = json.loads(text)
    return note


def note_of(repository: Repository, check: CheckRun) -> dict[str, Any]:
    """Return the note that the bot stored in a check; empty if the check is not the bot's."""
    slug = check.app.slug if check.app else ""
    return read_note(repository.full_name, check.head_sha, check.name, slug, check.external_id) or {}


@dataclass(frozen=True)
class CheckReport:
    """The content of a completed check.

    Attributes:
        conclusion: `success`, `failure`, `action_required`, `cancelled` or `neutral`.
        annotations: in the format of GitHub's API; the first 200 are sent, 50 per request.
        note: JSON that the bot reads from the check later; an open check keeps its own note.
    """

    conclusion: str
    title: str
    summary: str
    annotations: Sequence[dict[str, Any]] = ()
    note: Mapping[str, Any] = field(default_factory=dict)


def report_check(repository: Repository, name: str, sha: str, report: CheckReport) -> str:
    """Complete the open check with this name, or create a completed one; returns the check's URL."""
    shown = list(report.annotations[:ANNOTATIONS_SHOWN])
    batches = [shown[i : i + ANNOTATIONS_A_REQUEST] for i in range(0, len(shown), ANNOTATIONS_A_REQUEST)]
    first, rest = (batches[0], batches[1:]) if batches else ([], [])
    output = {"title": report.title, "summary": report.summary[:65_000], "annotations": first}
    done: dict[str, Any] = {"status": "completed", "conclusion": report.conclusion, "output": output}
    run = find_check(repository, name, sha)
    if run is not None and run.status != "completed":
        run.edit(**done)
    else:
        # A second report on the same commit creates another check of this name: GitHub shows the newest.
        signed = write_note(repository.full_name, sha, name, report.note)
        run = repository.create_check_run(name, sha, external_id=signed, **done)
    for batch in rest:
        run.edit(output={**output, "annotations": batch})
    return run.html_url
