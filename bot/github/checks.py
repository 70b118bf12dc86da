"""Check runs: red or green at the commit, with the findings on their lines."""

from collections.abc import Sequence
from typing import Any

from github.Repository import Repository

ANNOTATIONS_A_REQUEST = 50
ANNOTATIONS_SHOWN = 200


def report_check(
    repository: Repository,
    name: str,
    sha: str,
    conclusion: str,
    title: str,
    summary: str,
    annotations: Sequence[dict[str, Any]] = (),
) -> str:
    """Create a finished check run, or bring the one that is there up to date; returns its URL.

    Args:
        conclusion: `success`, `failure` or `neutral`.
        annotations: in GitHub's shape; the first 200 are shown, in requests of 50.
    """
    shown = list(annotations[:ANNOTATIONS_SHOWN])
    batches = [shown[i : i + ANNOTATIONS_A_REQUEST] for i in range(0, len(shown), ANNOTATIONS_A_REQUEST)]
    first, rest = (batches[0], batches[1:]) if batches else ([], [])
    output: dict[str, Any] = {"title": title, "summary": summary[:65_000], "annotations": first}
    # A run on the same commit reports again under the same name: GitHub shows the newest.
    run = repository.create_check_run(name, sha, status="completed", conclusion=conclusion, output=output)
    for batch in rest:
        run.edit(output={**output, "annotations": batch})
    return run.html_url
