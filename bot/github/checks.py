"""Check runs: red or green at the commit, with the findings on their lines; and work that is under way."""

import json
import os
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from typing import Any

from github.CheckRun import CheckRun
from github.Repository import Repository

LINT = "arborist lint"
WORK = ("arborist sample", "arborist precheck")
ANNOTATIONS_A_REQUEST = 50
ANNOTATIONS_SHOWN = 200


@dataclass(frozen=True)
class Work:
    """Work for a GPU runner. It stands in its check, so that whoever comes by can tell what it was.

    Attributes:
        command: sample or precheck.
        arguments: the rest of the command's line.
        run: the workflow run that does it.
    """

    command: str
    arguments: str
    run: int

    @property
    def check(self) -> str:
        return f"arborist {self.command}"

    def write(self) -> str:
        return json.dumps(asdict(self))

    @classmethod
    def read(cls, text: str | None) -> "Work | None":
        """What a check says of its work; None where it is no check of ours."""
        try:
            return cls(**json.loads(text or ""))
        except (ValueError, TypeError):
            return None


def find_check(repository: Repository, name: str, sha: str) -> CheckRun | None:
    """The newest check of a name at a commit."""
    return next(iter(repository.get_commit(sha).get_check_runs(check_name=name, filter="latest")), None)


def open_check(repository: Repository, sha: str, work: Work) -> str:
    """Show that work waits for a GPU runner; whoever does it finishes the check, or else the reaper.

    Returns:
        the URL of the run that does it.
    """
    server = os.environ.get("GITHUB_SERVER_URL", "https://github.com")
    url = f"{server}/{repository.full_name}/actions/runs/{work.run}"
    repository.create_check_run(
        work.check,
        sha,
        status="queued",
        external_id=work.write(),
        details_url=url,
        output={"title": "waits for a GPU runner", "summary": "`/arborist cancel` ends it."},
    )
    return url


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
    run = find_check(repository, name, sha) if name in WORK else None
    if run is not None and run.status != "completed":
        run.edit(**done)
    else:
        # A run on the same commit reports again under the same name: GitHub shows the newest.
        run = repository.create_check_run(name, sha, **done)
    for batch in rest:
        run.edit(output={**output, "annotations": batch})
    return run.html_url
