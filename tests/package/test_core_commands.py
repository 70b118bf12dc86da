"""Each core command at work in an environment that has the core dependencies only, as hosted jobs do.

The GitHub is the local one; what a pull request's way takes there is done step by step, each by its command.
"""

import json
import os
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from github.Repository import Repository

from bot.core.store import Store
from bot.github.comment import read_parts
from localworld.github import Event
from tests import ROOT
from tests.contract.plugin import Watch
from tests.helpers.local_actions import Lab, steps
from tests.package.plugin import Installed, built, run

LEAF = "compositional_skills/writing/freeform/library_notices"


@dataclass(frozen=True)
class Proposal:
    """A repository with this taxonomy but for one leaf, and a pull request from a fork that adds it.

    Attributes:
        folder: a clone with the pull request's head checked out.
        events: what has happened on GitHub so far.
    """

    lab: Lab
    name: str
    folder: Path
    events: list[Event]

    @property
    def repository(self) -> Repository:
        """As its maintainer sees it, over a new connection: the server soon ends an idle one."""
        return self.lab.client("maintainer").get_repo(self.name)

    @property
    def environment(self) -> dict[str, str]:
        """What a workflow's job tells the bot."""
        return {
            "GITHUB_API_URL": self.lab.github.api_url,
            "GITHUB_REPOSITORY": self.name,
            "GITHUB_TOKEN": "token-of-arborist[bot]",
            "ARBORIST_SIGNING_KEY": "a secret",
            "ARBORIST_STORE": str(self.folder / "store"),
        }


@pytest.fixture(scope="module")
def proposal(tmp_path_factory: pytest.TempPathFactory, contract: Watch) -> Iterator[Proposal]:
    """A pull request on a GitHub with Actions, where nothing has run yet."""
    lab, events = Lab(tmp_path_factory.mktemp("lab"), contract), list[Event]()
    lab.github.subscribe(events.append)
    idle = f"on: workflow_dispatch\njobs:\n{steps('true')}"
    here = lab.repository(dict(_files(ROOT / "taxonomy", ROOT / "arborist.yaml")), lint=idle, retrain=idle)
    lab.github.create_user("arborist[bot]", token="token-of-arborist[bot]", bot=True)
    lab.github.add_collaborator(here.full_name, "arborist[bot]", "write")
    lab.fork_pull(here, dict(_files(ROOT / "taxonomy" / LEAF, all_=True)))
    folder = tmp_path_factory.mktemp("proposal")
    for arguments in (
        ["clone", "-q", here.clone_url, "."],
        ["fetch", "-q", "origin", "pull/1/head"],
        ["checkout", "-q", "FETCH_HEAD"],
    ):
        built(run("git", *arguments, cwd=folder, **os.environ))
    yield Proposal(lab, here.full_name, folder, events)
    lab.stop()


def _files(*places: Path, all_: bool = False) -> Iterator[tuple[str, str]]:
    """The texts of files by their paths; without those of the pull request's leaf, unless asked for."""
    for place in places:
        for file in sorted(place.rglob("*")) if place.is_dir() else [place]:
            if file.is_file() and (all_ or LEAF not in str(file)):
                yield str(file.relative_to(ROOT)), file.read_text()


@pytest.fixture
def core(installed: Installed, proposal: Proposal, tmp_path: Path) -> Callable[..., str]:
    """core(event, *arguments): the output of a command that the bot runs for an event."""

    def arborist(event: dict[str, Any], *arguments: str) -> str:
        file = tmp_path / "event.json"
        file.write_text(json.dumps(event))
        environment = {**proposal.environment, "GITHUB_EVENT_PATH": str(file)}
        return built(installed.run(*arguments, cwd=proposal.folder, **environment))

    return arborist


def test_nothing_of_an_extra_is_installed_there(installed: Installed) -> None:
    for module in ("rapidfuzz", "py3langid", "torch", "pyarrow", "starlette", "pytest"):
        done = run(installed.python, "-c", f"import {module}", cwd=installed.home, **installed.environment())
        assert f"No module named '{module}'" in done.stderr


def test_the_lint_job_plans_and_lints(core: Callable[..., str], proposal: Proposal) -> None:
    base = ("--base", "origin/main")
    core({}, "plan", *base, "--base-ref", "main", "--pull", "1", "--output", "report/plan.json")
    assert core({}, "lint", *base, "--output", "report/lint.json") == "1 leaf, nothing to fix"
    planned = json.loads((proposal.folder / "report/plan.json").read_text())
    assert [leaf["path"] for leaf in planned["leaves"] if leaf["change"] == "added"] == [LEAF]
    sarif = core({}, "lint", "--format", "sarif")
    assert json.loads(sarif)["runs"][0]["tool"]["driver"]["name"] == "arborist"


def test_its_report_is_told(core: Callable[..., str], proposal: Proposal) -> None:
    pull = proposal.repository.get_pull(1)
    made_by = {
        "id": 1,
        "event": "pull_request",
        "path": ".github/workflows/lint.yml",
        "head_sha": pull.head.sha,
        "head_repository": {"full_name": pull.head.repo.full_name},
        "html_url": pull.html_url,
    }
    core({"workflow_run": made_by}, "report", "report")
    [comment] = pull.get_issue_comments()
    assert {"lint", "plan"} <= read_parts(comment.body).keys()


@pytest.mark.parametrize(
    ("comment", "answer"), [("/arborist help", "/arborist sample"), ("/arborist hold", "Held: ")]
)
def test_a_command_is_answered(
    core: Callable[..., str], proposal: Proposal, comment: str, answer: str
) -> None:
    issue = proposal.repository.get_issue(1)
    issue.create_comment(comment)
    said = [event for event in proposal.events if (event.name, event.action) == ("issue_comment", "created")]
    core(said[-1].payload, "command")
    assert answer in [one.body for one in issue.get_comments()][-1]


def test_the_reaper_finds_nothing_left_open(core: Callable[..., str]) -> None:
    assert core({}, "reap") == "nothing was left open"


def test_an_entry_of_the_store_is_explained_and_forgotten(
    core: Callable[..., str], proposal: Proposal
) -> None:
    Store(proposal.environment["ARBORIST_STORE"]).put("samples", "a" * 64, {"leaf": "x"}, {})
    assert "leaf: x" in core({}, "explain", "a" * 12)
    assert "forgot" in core({}, "forget", "a" * 12)


def test_training_is_planned(core: Callable[..., str]) -> None:
    assert "knowledge" in core({}, "plan", "--recipe", str(ROOT / "recipes/granite.yaml"), "--device", "h100")


def test_rules_are_told(core: Callable[..., str]) -> None:
    assert "## " in core({}, "rule")


def test_a_profile_is_suggested(core: Callable[..., str]) -> None:
    assert " profile: " in core({}, "doctor", "--suggest")


def test_doctor_sees_what_is_missing(installed: Installed, proposal: Proposal) -> None:
    environment = {**proposal.environment, "GITHUB_TOKEN": "token-of-maintainer"}
    done = installed.run("doctor", cwd=proposal.folder, **environment)
    assert (done.returncode, done.stderr) == (2, "")
    assert "? engines: torch is not installed here" in done.stdout
