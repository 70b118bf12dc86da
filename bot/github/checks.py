"""Check runs: red or green at the commit, with the findings on their lines; each under its name."""

from collections.abc import Sequence
from typing import Any

from github.CheckRun import CheckRun
from github.Repository import Repository

LINT, PLAN = "arborist lint", "arborist plan"
ANNOTATIONS_A_REQUEST = 50
ANNOTATIONS_SHOWN = 200


def find_check(repository: Repository, name: str, sha: str) -> CheckRun | None:
    """The newest check of a name at a commit."""
    return next(iter(repository.get_commit(sha).get_check_runs(check_name=name, filter="latest")), None)


def report_check(
    repository: Repository,
    name: str,
    sha: str,
    conclusion: str,
    title: str,
    summary: str,
    annotations: Sequence[dict[str, Any]] = (),
) -> str:
    """Finish the check that is open, or create a finished one; returns its URL.

    Args:
        conclusion: `success`, `failure`, `cancelled` or `neutral`.
        annotations: in GitHub's shape; the first 200 are shown, in requests of 50.
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
        run = repository.create_check_run(name, sha, **done)
    for batch in rest:
        run.edit(output={**output, "annotations": batch})
    return run.html_url
