"""Check runs: red or green at a commit, findings on their lines; each has a name and a signature."""

import json
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from github.CheckRun import CheckRun
from github.Repository import Repository

from bot.github.marks import has_key, sign

LINT, PLAN = "arborist lint", "arborist plan"
ANNOTATIONS_A_REQUEST = 50
ANNOTATIONS_SHOWN = 200
ACTIONS = "github-actions"
"""The app that a workflow's token acts as."""


def lint_check(branch: str, default: str) -> str:
    """The check of lint against a base branch: a verdict against another base has another name."""
    return LINT if branch == default else f"{LINT} into {branch}"


def find_check(repository: Repository, name: str, sha: str) -> CheckRun | None:
    """The bot's newest check of a name at a commit."""
    found = [check for check, _ in own_checks(repository, name, sha)]
    return max(found, key=lambda check: check.id, default=None)


def own_checks(repository: Repository, name: str, sha: str) -> Iterator[tuple[CheckRun, dict[str, Any]]]:
    """The bot's checks of a name at a commit, with what it noted in them.

    A name proves nothing: a job of a pull request's own workflow, or another app, may use the same.
    """
    for check in repository.get_commit(sha).get_check_runs(check_name=name, filter="all"):
        slug = check.app.slug if check.app else ""
        note = read_note(repository.full_name, sha, name, slug, check.external_id)
        if note is not None:
            yield check, note


def write_note(repository: str, sha: str, name: str, note: Mapping[str, Any]) -> str:
    """The external ID of a check: what the bot notes in it, signed."""
    text = json.dumps(note, separators=(",", ":"))
    return f"{sign('check', repository.casefold(), sha, name, text)} {text}"


def read_note(
    repository: str, sha: str, name: str, app: str, external_id: str | None
) -> dict[str, Any] | None:
    """What the bot noted in a check; None if the check is not the bot's.

    Args:
        app: the slug of the app that made it. Without a signing key only Actions' own app counts.
    """
    signature, _, text = (external_id or "").partition(" ")
    if signature != sign("check", repository.casefold(), sha, name, text):
        return None
    if app != ACTIONS and not has_key():
        return None
    note: dict[str, Any] = json.loads(text)
    return note


def note_of(repository: Repository, check: CheckRun) -> dict[str, Any]:
    """What the bot noted in its own check; empty if the check is not the bot's."""
    slug = check.app.slug if check.app else ""
    return read_note(repository.full_name, check.head_sha, check.name, slug, check.external_id) or {}


def report_check(
    repository: Repository,
    name: str,
    sha: str,
    conclusion: str,
    title: str,
    summary: str,
    annotations: Sequence[dict[str, Any]] = (),
    note: Mapping[str, Any] | None = None,
) -> str:
    """Finish the check that is open, or create a finished one; returns its URL.

    Args:
        conclusion: `success`, `failure`, `action_required`, `cancelled` or `neutral`.
        annotations: in GitHub's shape; the first 200 are shown, in requests of 50.
        note: what the bot reads in it later; an open check keeps its own.
    """
    shown = list(annotations[:ANNOTATIONS_SHOWN])
    batches = [shown[i : i + ANNOTATIONS_A_REQUEST] for i in range(0, len(shown), ANNOTATIONS_A_REQUEST)]
    first, rest = (batches[0], batches[1:]) if batches else ([], [])
    output: dict[str, Any] = {"title": title, "summary": summary[:65_000], "annotations": first}
    done: dict[str, Any] = {"status": "completed", "conclusion": conclusion, "output": output}
    run = find_check(repository, name, sha)
    if run is not None and run.status != "completed":
        run.edit(**done)
    else:
        # A run on the same commit reports again under the same name: GitHub shows the newest.
        signed = write_note(repository.full_name, sha, name, note or {})
        run = repository.create_check_run(name, sha, external_id=signed, **done)
    for batch in rest:
        run.edit(output={**output, "annotations": batch})
    return run.html_url
