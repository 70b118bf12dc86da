"""Whose workflows wait for approval, who approves them, and what else a repository's settings decide."""

import pytest
from github import GithubException
from github.Repository import Repository
from github.WorkflowRun import WorkflowRun

from tests.helpers.local_actions import Lab, only, steps

POLICY = "actions/permissions/fork-pr-contributor-approval"
LINT = f"on: pull_request\njobs:\n{steps('echo linted', job='lint')}"
HEARD = "echo ${{ github.event.action }} ${{ github.event.workflow_run.conclusion }}"
AFTER = f"""\
on: {{workflow_run: {{workflows: [lint], types: [requested, completed]}}}}
jobs:
{steps(HEARD, job="tell")}"""


def latest(repository: Repository, name: str = "lint") -> WorkflowRun:
    """The newest run of a workflow."""
    return next(run for run in repository.get_workflow_runs() if run.name == name)


def more(lab: Lab, repository: Repository, path: str, login: str = "contributor") -> None:
    """Another push to the contributor's branch."""
    fork = lab.client(login).get_repo(f"contributor/{repository.name}")
    fork.create_file(path, f"Add {path}", "x\n", branch="change")
    lab.idle()


def test_a_first_time_contributors_run_waits_until_a_maintainer_approves_it(lab: Lab) -> None:
    repository = lab.repository(lint=LINT)
    pull = lab.fork_pull(repository, {"new.txt": "x\n"}, approved=False)
    lab.idle()
    run = latest(repository)
    assert (run.status, run.conclusion, run.event) == ("completed", "action_required", "pull_request")
    assert list(run.jobs()) == []
    assert list(repository.get_commit(pull.head.sha).get_check_runs()) == []
    assert lab.approve(repository, "contributor") == [403]
    assert lab.approve(repository) == [201]
    lab.idle()
    run = latest(repository)
    assert (run.conclusion, run.run_attempt, run.id) == ("success", 1, run.id)
    assert lab.approve(repository) == []
    assert lab.post(f"{run.url}/approve", "maintainer") == 403


def test_each_push_of_theirs_waits_anew(lab: Lab) -> None:
    repository = lab.repository(lint=LINT)
    lab.fork_pull(repository, {"new.txt": "x\n"})
    lab.idle()
    more(lab, repository, "again.txt")
    assert [run.conclusion for run in repository.get_workflow_runs()] == ["action_required", "success"]


def test_once_one_of_theirs_was_merged_nothing_waits(lab: Lab) -> None:
    repository = lab.repository(lint=LINT)
    lab.fork_pull(repository, {"new.txt": "x\n"}, approved=False)
    repository.get_pull(1).merge(merge_method="squash")
    theirs = lab.client("contributor").get_repo(repository.full_name)
    lab.change(lab.client("contributor").get_repo(f"contributor/{repository.name}"), "next", {"b.txt": "x\n"})
    theirs.create_pull(base="main", head="contributor:next", title="Another")
    lab.idle()
    assert latest(repository).conclusion == "success"


def test_where_all_outside_contributors_need_it_a_merge_does_not_help(lab: Lab) -> None:
    repository = lab.repository(lint=LINT)
    assert lab.api(repository, POLICY) == {"approval_policy": "first_time_contributors"}
    assert lab.put(repository, POLICY, {"approval_policy": "all_external_contributors"}) == 204
    assert lab.api(repository, POLICY) == {"approval_policy": "all_external_contributors"}
    lab.fork_pull(repository, {"new.txt": "x\n"})
    lab.idle()
    repository.get_pull(1).merge()
    lab.change(lab.client("contributor").get_repo(f"contributor/{repository.name}"), "next", {"b.txt": "x\n"})
    theirs = lab.client("contributor").get_repo(repository.full_name)
    theirs.create_pull(base="main", head="contributor:next", title="Another")
    lab.idle()
    assert latest(repository).conclusion == "action_required"


@pytest.mark.parametrize("policy", ["first_time_contributors", "all_external_contributors"])
def test_a_collaborators_fork_never_waits(lab: Lab, policy: str) -> None:
    repository = lab.repository(lint=LINT)
    assert lab.put(repository, POLICY, {"approval_policy": policy}) == 204
    repository.add_to_collaborators("contributor", "pull")
    lab.fork_pull(repository, {"new.txt": "x\n"}, approved=False)
    lab.idle()
    assert latest(repository).conclusion == "success"


def test_a_maintainers_push_to_a_strangers_pull_request_waits_too(lab: Lab) -> None:
    """The author counts as well as who pushes."""
    repository = lab.repository(lint=LINT)
    lab.fork_pull(repository, {"new.txt": "x\n"})
    lab.github.add_collaborator(f"contributor/{repository.name}", "maintainer", "write")
    more(lab, repository, "help.txt", "maintainer")
    run = latest(repository)
    assert (run.actor.login, run.conclusion) == ("maintainer", "action_required")


def test_a_run_that_is_made_again_by_a_maintainer_needs_no_approval_any_more(lab: Lab) -> None:
    """So whatever makes runs again by itself, with a token that may, must leave these alone."""
    repository = lab.repository(lint=LINT)
    lab.fork_pull(repository, {"new.txt": "x\n"}, approved=False)
    run = latest(repository)
    assert lab.post(f"{run.url}/rerun", "contributor") == 403
    assert run.rerun()
    lab.idle()
    run = latest(repository)
    assert (run.conclusion, run.actor.login) == ("success", "contributor")
    assert run.raw_data["triggering_actor"]["login"] == "maintainer"


def test_what_follows_a_run_hears_of_a_waiting_one_only_as_requested(lab: Lab) -> None:
    repository = lab.repository(lint=LINT, after=AFTER)
    lab.fork_pull(repository, {"new.txt": "x\n"}, approved=False)
    lab.idle()
    assert "requested action_required" in lab.log(latest(repository, "after"))
    lab.approve(repository)
    lab.idle()
    assert "completed success" in lab.log(latest(repository, "after"))
    assert [run.name for run in repository.get_workflow_runs()] == ["after", "after", "lint"]


def test_a_waiting_run_holds_no_group_and_cancels_nothing(lab: Lab) -> None:
    group = "concurrency: {group: one, cancel-in-progress: true}\n"
    long = f"on: workflow_dispatch\n{group}jobs:\n{steps('echo up; sleep 2')}"
    repository = lab.repository(lint=f"{group}{LINT}", long=long)
    repository.get_workflow("long.yml").create_dispatch("main")
    lab.wait_output("up")
    lab.fork_pull(repository, {"new.txt": "x\n"}, approved=False)
    lab.idle()
    assert {run.name: run.conclusion for run in repository.get_workflow_runs()} == {
        "long": "success",
        "lint": "action_required",
    }


def test_only_administrators_see_and_set_the_policy(lab: Lab) -> None:
    repository = lab.repository(lint=LINT)
    assert lab.put(repository, POLICY, {"approval_policy": "nobody"}) == 422
    assert lab.put(repository, POLICY, {"approval_policy": "first_time_contributors"}, "contributor") == 404


def test_a_repository_without_actions_runs_nothing(lab: Lab) -> None:
    repository = lab.repository(lint=LINT)
    assert lab.api(repository, "actions/permissions") == {
        "enabled": True,
        "allowed_actions": "all",
        "sha_pinning_required": False,
    }
    assert lab.put(repository, "actions/permissions", {"enabled": False}) == 204
    lab.pull(repository, {"new.txt": "x\n"})
    assert lab.api(repository, "actions/permissions") == {"enabled": False}
    assert repository.get_workflow_runs().totalCount == 0


WRITES = (
    'curl -s -o /dev/null -w "answer %{http_code}\\n" -H "Authorization: Bearer $TOKEN" '
    '-d \'{"body": "seen"}\' "$GITHUB_API_URL/repos/$GITHUB_REPOSITORY/issues/1/comments"'
)


@pytest.mark.parametrize(("default", "status"), [("read", 403), ("write", 201)])
def test_a_workflow_that_states_no_permissions_has_the_repositorys(
    lab: Lab, default: str, status: int
) -> None:
    text = f"on: pull_request\nenv: {{TOKEN: '${{{{ github.token }}}}'}}\njobs:\n{steps(WRITES)}"
    repository = lab.repository(unstated=text)
    workflow = {"default_workflow_permissions": default, "can_approve_pull_request_reviews": False}
    assert lab.put(repository, "actions/permissions/workflow", workflow) == 204
    assert lab.api(repository, "actions/permissions/workflow") == workflow
    lab.pull(repository, {"new.txt": "x\n"})
    lab.idle()
    assert f"answer {status}" in lab.log(only(repository.get_workflow_runs()))


def test_a_workflows_token_opens_and_approves_no_pull_request_unless_it_is_allowed(lab: Lab) -> None:
    repository = lab.repository(other=f"on: issues\njobs:\n{steps('true')}")
    pull = lab.pull(repository, {"new.txt": "x\n"})
    lab.change(repository, "more", {"more.txt": "x\n"})
    token = lab.github.create_token(
        "github-actions[bot]",
        permissions={"contents": "write", "pull-requests": "write"},
        repository=repository.full_name,
        workflow=True,
    )
    as_actions = lab.client("actions", token).get_repo(repository.full_name)
    with pytest.raises(GithubException, match="not permitted"):
        as_actions.create_pull(base="main", head="more", title="Mine")
    with pytest.raises(GithubException, match="not permitted"):
        as_actions.get_pull(pull.number).create_review(event="APPROVE")
    allowed = {"can_approve_pull_request_reviews": True}
    assert lab.put(repository, "actions/permissions/workflow", allowed) == 204
    as_actions.create_pull(base="main", head="more", title="Mine")
    as_actions.get_pull(pull.number).create_review(event="APPROVE")
