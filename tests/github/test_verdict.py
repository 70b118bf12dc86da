"""A verdict holds for one head, one base and one workflow; elsewhere it is not told as green."""

from collections.abc import Callable
from typing import Any

import pytest

from bot.core.errors import UserError
from bot.github import comment
from bot.github.checks import LINT, find_check
from tests.helpers.local_github import TAXONOMY

Told = Callable[..., Any]


@pytest.fixture(autouse=True)
def _quick(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(comment, "SETTLES_S", 0)
    monkeypatch.setenv("ARBORIST_SIGNING_KEY", "a secret")


@pytest.fixture
def by_command(lab: Any, told: Told) -> Told:
    """What `arborist report` posts of a run that `/arborist lint` started."""

    def tell(plan: dict[str, Any] | None = None, **run: Any) -> Any:
        main = lab.as_("outsider").get_branch("main").commit.sha
        own = {"head_branch": "main", "head_sha": main, "head_repository": {"full_name": TAXONOMY}}
        return told(plan, **{"event": "workflow_dispatch", **own, **run})

    return tell


def check(lab: Any, name: str = LINT) -> Any:
    here = lab.as_("arborist[bot]")
    return find_check(here, name, here.get_pull(1).head.sha)


def conclusion(lab: Any, name: str = LINT) -> str | None:
    found = check(lab, name)
    return found and found.conclusion


def change(clone: Any, **files: str) -> None:
    clone.commit("Change something else", **files)
    clone.git("push", "--quiet", "origin", "leaf")


def test_a_verdict_names_its_head_and_its_base(lab: Any, told: Told) -> None:
    body = told().body
    pull = lab.as_("outsider").get_pull(1)
    base = lab.as_("outsider").get_branch("main").commit.sha
    assert f"Lint of `{pull.head.sha[:7]}` against main (`{base[:7]}`)" in body
    assert conclusion(lab) == "success"


def test_a_verdict_for_another_branch_is_not_told_after_a_retarget(lab: Any, told: Told) -> None:
    here = lab.as_("maintainer")
    here.create_git_ref("refs/heads/draft", here.get_branch("main").commit.sha)
    assert told({"base_ref": "draft"}) is None
    here.get_pull(1).edit(base="draft")
    assert told({"base_ref": "draft"}).body
    assert conclusion(lab, "arborist lint into draft") == "success"
    here.get_pull(1).edit(base="main")
    assert conclusion(lab) is None
    assert told({"base_ref": "draft"}) is None


def test_a_verdict_against_a_base_whose_taxonomy_changed_since_is_not_green(lab: Any, told: Told) -> None:
    here = lab.as_("maintainer")
    old = here.get_branch("main").commit.sha
    here.create_file("docs/page.md", "A page", "x")
    assert told({"base": old}).body
    assert conclusion(lab) == "success"
    here.create_file("taxonomy/other/qna.yaml", "Another leaf", "x")
    told({"base": old})
    assert conclusion(lab) == "neutral"
    assert "the base has changed since" in check(lab).output.title
    told()
    assert conclusion(lab) == "success"


def test_a_base_that_there_is_not_is_refused(told: Told) -> None:
    with pytest.raises(UserError, match="names base commit 0000000, which does not exist"):
        told({"base": "0" * 40})


def test_what_changes_its_own_workflow_is_not_believed(lab: Any, proposal: Any, told: Told) -> None:
    change(proposal[1], **{".github__workflows__lint.yml": "name: lint\n"})
    body = told().body
    assert "This pull request changes how the bot itself works" in body
    assert "`.github`" in body
    assert "Not shown: this pull request changes the workflow that lints it" in body
    assert conclusion(lab) == "action_required"


@pytest.mark.parametrize("path", ["arborist.yaml", "recipes__small.yaml", "runners__vllm__gpu.yaml"])
def test_what_changes_how_models_are_made_waits_for_a_maintainer(
    lab: Any, proposal: Any, told: Told, path: str
) -> None:
    change(proposal[1], **{path: "x: 1\n"})
    body = told().body
    assert "This pull request changes how the bot itself works" in body
    assert "Nothing to fix" in body
    assert conclusion(lab) == "action_required"
    lab.as_("maintainer").get_pull(1).create_review(event="APPROVE")
    told()
    assert conclusion(lab) == "success"


def test_only_an_approval_of_this_commit_with_write_access_counts(
    lab: Any, proposal: Any, by_command: Told
) -> None:
    change(proposal[1], **{".github__workflows__lint.yml": "name: lint\n"})
    lab.as_("outsider").get_pull(1).create_review(event="APPROVE")
    by_command()
    assert conclusion(lab) == "action_required"
    lab.as_("maintainer").get_pull(1).create_review(event="APPROVE")
    body = by_command().body
    assert conclusion(lab) == "success"
    assert "maintainer approved" in body
    change(proposal[1], **{".github__workflows__lint.yml": "name: lint # more\n"})
    by_command()
    assert conclusion(lab) == "action_required"


def test_an_approval_does_not_make_the_pull_requests_own_workflow_believed(
    lab: Any, proposal: Any, told: Told
) -> None:
    change(proposal[1], **{".github__workflows__lint.yml": "name: lint\n"})
    lab.as_("maintainer").get_pull(1).create_review(event="APPROVE")
    body = told().body
    assert conclusion(lab) == "action_required"
    assert "To lint it with the workflow of `main`, comment `/arborist lint`" in body


def test_a_run_by_hand_counts_only_on_the_default_branch(lab: Any, proposal: Any, by_command: Told) -> None:
    here = lab.as_("maintainer")
    with pytest.raises(UserError, match="started by hand, but not on main"):
        by_command(head_branch="mine")
    head = here.get_pull(1).head.sha
    with pytest.raises(UserError, match=f"{head[:7]} is not a commit of main"):
        by_command(head_sha=head)  # of a tag that is called main


def test_a_run_of_another_file_that_is_called_lint_is_refused(lab: Any, told: Told) -> None:
    with pytest.raises(UserError, match=r"a run of \.github/workflows/mine\.yml, not of lint\.yml"):
        told(path=".github/workflows/mine.yml")
    assert conclusion(lab) is None


def test_a_job_that_is_called_as_the_bots_check_is_not_the_bots(lab: Any, told: Told) -> None:
    here = lab.workflow({"checks": "write"})
    head = lab.as_("outsider").get_pull(1).head.sha
    here.create_check_run(LINT, head, conclusion="success", external_id="5f1c2d3e-job")
    assert conclusion(lab) is None
    told()
    assert check(lab).output.title == "everything is in order"
