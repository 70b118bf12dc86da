"""Each core command at work in an environment that has the core dependencies only, as hosted jobs do.

The GitHub is the local one; what a pull request's way takes there is done step by step, each by its command.
"""

import json
import shutil
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from bot.github.comment import read_parts
from bot.recipe import ROOT
from bot.store import Store
from tests.contract.plugin import Watch
from tests.local.github.conftest import Beginning
from tests.local.github.local_github import TAXONOMY, Clone, LocalGitHub, Server
from tests.package.plugin import Installed, built, run

LEAF = "compositional_skills/writing/freeform/library_notices"


@pytest.fixture(scope="module")
def lab(
    settled: Beginning, tmp_path_factory: pytest.TempPathFactory, contract: Watch, server: Server
) -> Iterator[LocalGitHub]:
    """A GitHub with this taxonomy on main, but for one leaf, which a fork's pull request adds."""
    folder = tmp_path_factory.mktemp("lab")
    shutil.copytree(settled.folder, folder, dirs_exist_ok=True)
    served = LocalGitHub(folder / "github", contract, server)
    owners = _clone(served, folder, "maintainer", TAXONOMY)
    shutil.copytree(ROOT / "taxonomy", owners.folder / "taxonomy")
    shutil.copy(ROOT / "arborist.yaml", owners.folder)
    shutil.move(owners.folder / "taxonomy" / LEAF, folder / "leaf")
    owners.commit("What we know")
    owners.git("push", "-q", "origin", "main")
    served.as_("contributor").create_fork()
    theirs = _clone(served, folder, "contributor", "contributor/taxonomy")
    theirs.git("checkout", "-q", "-b", "leaf")
    shutil.copytree(folder / "leaf", theirs.folder / "taxonomy" / LEAF)
    theirs.commit("Add a leaf")
    theirs.git("push", "-q", "origin", "leaf")
    served.as_("contributor").create_pull(base="main", head="contributor:leaf", title="A leaf", body="")
    yield served
    served.stop()


def _clone(lab: LocalGitHub, folder: Path, login: str, repository: str) -> Clone:
    return Clone.make(folder / login, f"{lab.url}/{repository}", login, lab.token(login))


@pytest.fixture(scope="module")
def proposal(lab: LocalGitHub, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A checkout of the pull request's head, with the artifact of the lint job in `report/`."""
    folder = tmp_path_factory.mktemp("proposal") / "checkout"
    clone = Clone.make(folder, f"{lab.url}/{TAXONOMY}")
    clone.git("fetch", "-q", "origin", "pull/1/head")
    clone.git("checkout", "-q", "FETCH_HEAD")
    return folder


@pytest.fixture
def core(installed: Installed, lab: LocalGitHub, tmp_path: Path) -> Callable[..., str]:
    """core(event, *arguments, cwd=…): the output of a command that the bot runs for an event."""

    def arborist(event: dict[str, Any], *arguments: str, cwd: Path) -> str:
        (tmp_path / "event.json").write_text(json.dumps(event))
        environment = {
            "GITHUB_API_URL": f"{lab.url}/api/v3",
            "GITHUB_REPOSITORY": TAXONOMY,
            "GITHUB_TOKEN": lab.token("arborist[bot]"),
            "GITHUB_EVENT_PATH": str(tmp_path / "event.json"),
            "ARBORIST_SIGNING_KEY": "a secret",
            "ARBORIST_STORE": str(cwd / "store"),
        }
        return built(installed.run(*arguments, cwd=cwd, **environment))

    return arborist


def test_nothing_of_an_extra_is_installed_there(installed: Installed) -> None:
    for module in ("rapidfuzz", "py3langid", "torch", "pyarrow", "starlette", "pytest"):
        done = run(installed.python, "-c", f"import {module}", cwd=installed.home, **installed.environment())
        assert f"No module named '{module}'" in done.stderr


def test_the_lint_job_plans_and_lints(
    core: Callable[..., str], installed: Installed, proposal: Path, tmp_path: Path
) -> None:
    core({}, "plan", "--base", "HEAD^", "--pull", "1", "--output", "report/plan.json", cwd=proposal)
    said = core({}, "lint", "--base", "HEAD^", "--output", "report/lint.json", cwd=proposal)
    assert said == "1 leaf, nothing to mend"
    planned = json.loads((proposal / "report/plan.json").read_text())
    assert [leaf["path"] for leaf in planned["leaves"] if leaf["change"] == "added"] == [LEAF]
    sarif = core({}, "lint", "--format", "sarif", cwd=proposal)
    assert json.loads(sarif)["runs"][0]["tool"]["driver"]["name"] == "arborist"


def test_its_report_is_told(core: Callable[..., str], lab: LocalGitHub, proposal: Path) -> None:
    pull = lab.as_("maintainer").get_pull(1)
    run_ = {
        "head_sha": pull.head.sha,
        "html_url": lab.url,
        "head_repository": {"full_name": pull.head.repo.full_name},
    }
    core({"workflow_run": run_}, "report", "report", cwd=proposal)
    [comment] = pull.get_issue_comments()
    assert {"lint", "plan"} <= read_parts(comment.body).keys()


@pytest.mark.parametrize(
    ("comment", "answer"), [("/arborist help", "/arborist sample"), ("/arborist hold", "Held: ")]
)
def test_a_command_is_answered(
    core: Callable[..., str], lab: LocalGitHub, proposal: Path, comment: str, answer: str
) -> None:
    issue = lab.as_("maintainer").get_issue(1)
    issue.create_comment(comment)
    core(lab.happened("issue_comment", "created")[-1].payload, "command", cwd=proposal)
    assert answer in [one.body for one in issue.get_comments()][-1]


def test_the_reaper_finds_nothing_left_open(core: Callable[..., str], proposal: Path) -> None:
    assert core({}, "reap", cwd=proposal) == "nothing was left open"


def test_an_entry_of_the_store_is_explained_and_forgotten(core: Callable[..., str], proposal: Path) -> None:
    Store(str(proposal / "store")).put("samples", "a" * 64, {"leaf": "x"}, {})
    assert '"leaf": "x"' in core({}, "explain", "aaaa", cwd=proposal)
    assert "forgot" in core({}, "forget", "aaaa", cwd=proposal)


def test_training_is_planned(core: Callable[..., str], proposal: Path) -> None:
    said = core({}, "plan", "--recipe", str(ROOT / "recipes/granite.yaml"), "--device", "h100", cwd=proposal)
    assert "knowledge" in said


def test_rules_are_told(core: Callable[..., str], proposal: Path) -> None:
    assert "## " in core({}, "rule", cwd=proposal)


def test_doctor_sees_what_is_missing(installed: Installed, lab: LocalGitHub, proposal: Path) -> None:
    done = installed.run(
        "doctor",
        cwd=proposal,
        GITHUB_API_URL=f"{lab.url}/api/v3",
        GITHUB_REPOSITORY=TAXONOMY,
        GITHUB_TOKEN=lab.token("maintainer"),
    )
    assert (done.returncode, done.stderr) == (2, "")
    assert "? engines: torch is not installed here" in done.stdout
