"""Which events start which workflows, at which commit, with which rights."""

import pytest
from github import GithubException
from github.Repository import Repository

from localworld.actions.events import skips
from localworld.github.git import Signature
from tests.helpers.local_actions import DOWNLOAD, UPLOAD, Lab, only, steps

SECRET = "a-secret-of-the-repository"
COMMENT = (
    'curl -s -o /dev/null -w "answer %{http_code}\\n" -H "Authorization: Bearer $TOKEN" '
    '-d \'{"body": "seen"}\' "$GITHUB_API_URL/repos/$GITHUB_REPOSITORY/issues/1/comments"'
)
TELL = 'echo "$GITHUB_EVENT_NAME $GITHUB_REF $GITHUB_HEAD_REF $GITHUB_SHA secret=${#SECRET} given=$GIVEN"'
PULL = f"""\
on: pull_request
permissions: {{contents: read, issues: write}}
env:
  SECRET: ${{{{ secrets.SECRET }}}}
  TOKEN: ${{{{ github.token }}}}
jobs:
{steps(TELL, COMMENT)}"""


def test_a_pull_request_runs_at_its_test_merge_with_what_the_workflow_states(lab: Lab) -> None:
    repository = lab.repository(pull=PULL)
    lab.actions.set_secret(repository.full_name, "SECRET", SECRET)
    pull = lab.pull(repository, {"new.txt": "x\n"})
    lab.idle()
    run = only(repository.get_workflow_runs())
    for _ in range(2):  # the first question is answered before GitHub knows the test merge
        pull.update()
    assert (run.event, run.conclusion, run.head_branch) == ("pull_request", "success", "change")
    assert run.head_sha == pull.head.sha
    assert [one.number for one in run.pull_requests] == [pull.number]
    log = lab.log(run)
    merged = f"pull_request refs/pull/1/merge change {pull.merge_commit_sha}"
    assert f"{merged} secret={len(SECRET)} given=by us" in log
    assert "answer 201" in log
    (check,) = repository.get_commit(pull.head.sha).get_check_runs()
    assert (check.name, check.conclusion, check.app.slug) == ("work", "success", "github-actions")
    assert check.details_url == run.jobs()[0].html_url


def test_one_from_a_fork_gets_no_secret_and_can_write_nothing(lab: Lab) -> None:
    repository = lab.repository(pull=PULL)
    lab.actions.set_secret(repository.full_name, "SECRET", SECRET)
    pull = lab.fork_pull(repository, {"new.txt": "x\n"})
    lab.idle()
    run = only(repository.get_workflow_runs())
    assert run.conclusion == "success"
    assert run.head_repository.full_name == f"contributor/{repository.name}"
    assert "secret=0" in lab.log(run)
    assert "answer 403" in lab.log(run)
    assert list(pull.get_issue_comments()) == []


def test_a_comment_runs_the_default_branchs_workflow_and_its_answer_starts_nothing(lab: Lab) -> None:
    command = f"""\
on: issue_comment
permissions: {{issues: write}}
env: {{TOKEN: "${{{{ github.token }}}}"}}
jobs:
{steps(TELL, COMMENT)}"""
    repository = lab.repository(command=command)
    hostile = command.replace("echo", "echo hostile")
    pull = lab.fork_pull(repository, {".github/workflows/other.yml": hostile})
    pull.create_issue_comment("/arborist sample")
    lab.idle()
    run = only(repository.get_workflow_runs())
    assert (run.event, run.conclusion) == ("issue_comment", "success")
    assert "answer 201" in lab.log(run)
    assert "hostile" not in lab.log(run)
    assert f"refs/heads/main  {repository.get_branch('main').commit.sha}" in lab.log(run)
    assert [comment.body for comment in pull.get_issue_comments()] == ["/arborist sample", "seen"]


@pytest.mark.parametrize(
    ("message", "path", "expected"),
    [("A leaf", "taxonomy/a/qna.yaml", 1), ("A word", "notes.md", 0), ("A leaf [skip ci]", "taxonomy/b", 0)],
)
def test_a_push_starts_what_its_branch_and_paths_ask_for(
    lab: Lab, message: str, path: str, expected: int
) -> None:
    filters = "on: {push: {branches: [main], paths: ['taxonomy/**']}}\njobs:\n"
    repository = lab.repository(retrain=filters + steps("true"), other=f"on: issues\njobs:\n{steps('true')}")
    repository.create_file(path, message, "x\n")
    lab.change(repository, "side", {"taxonomy/c": "x\n"})
    lab.idle()
    runs = list(repository.get_workflow_runs())
    assert [(run.event, run.name, run.head_branch) for run in runs] == [
        ("push", "retrain", "main")
    ] * expected


SKIPPED = [
    *("[skip ci]", "[ci skip]", "[no ci]", "[skip actions]", "[actions skip]"),
    *("A leaf\n\nIn the text: [ci skip], too", "A leaf\n\n\nskip-checks: true"),
    "A leaf\n\n\nReviewed-by: somebody\nskip-checks:true\n",
]
NOT_SKIPPED = [
    *("A leaf", "skip ci", "[skip]", "[ skip ci ]", "skip-checks: true", "A leaf\n\nskip-checks: true"),
    *("A leaf\n\n\nskip-checks: true\nReviewed-by: somebody", "A leaf\n\n\nskip-checks: false"),
]


@pytest.mark.parametrize(
    ("message", "expected"),
    [*((message, True) for message in SKIPPED), *((message, False) for message in NOT_SKIPPED)],
)
def test_a_message_skips_runs_in_githubs_spellings(message: str, expected: bool) -> None:
    assert skips(message) is expected


def commit(lab: Lab, repository: Repository, branch: str, message: str) -> None:
    """A commit with just this message on a branch."""
    git = lab.github.git(repository.full_name)
    tip = git.branch(branch)
    assert tip
    who = Signature("maintainer", "maintainer@localhost", "2026-01-01T00:00:00Z")
    made = repository.get_git_commit(git.write_commit(str(git.tree_of(tip)), [tip], message, who))
    repository.get_git_ref(f"heads/{branch}").edit(made.sha)


def test_only_the_newest_commit_of_a_push_or_pull_request_can_skip_its_runs(lab: Lab) -> None:
    repository = lab.repository(everything=f"on: [push, pull_request]\njobs:\n{steps('true')}")
    lab.pull(repository, {"new.txt": "x\n"})
    lab.idle()
    before = repository.get_workflow_runs().totalCount
    for message, more in (("B\n\n\nskip-checks: true", 0), ("C", 2), ("D [no ci]", 0), ("E [skip]", 2)):
        commit(lab, repository, "change", message)
        lab.idle()
        after = repository.get_workflow_runs().totalCount
        assert after - before == more, message
        before = after


def test_a_resolved_conflict_runs_and_the_workflow_is_that_of_the_test_merge(lab: Lab) -> None:
    works = f"on: pull_request\njobs:\n{steps('echo main as it was')}"
    repository = lab.repository({"a.txt": "one\n"}, works=works)
    lab.change(repository, "change", {"b.txt": "mine\n"})
    repository.create_file("b.txt", "The same file", "theirs\n")
    pull = repository.create_pull(base="main", head="change", title="A change")
    lab.idle()
    assert repository.get_workflow_runs().totalCount == 0
    pull.edit(title="Still in conflict")
    path = ".github/workflows/works.yml"
    file = repository.get_contents(path)
    assert not isinstance(file, list)
    repository.update_file(path, "Newer", f"name: works\n{works.replace('as it was', 'as it is')}", file.sha)
    mine = repository.get_contents("b.txt", ref="change")
    assert not isinstance(mine, list)
    repository.delete_file("b.txt", "Give way", mine.sha, branch="change")
    repository.create_file("c.txt", "Elsewhere", "mine\n", branch="change")
    lab.idle()
    run = next(iter(repository.get_workflow_runs()))
    assert (run.event, run.conclusion, run.head_branch) == ("pull_request", "success", "change")
    assert "main as it is" in lab.log(run)


def test_a_review_runs_the_workflow_of_the_test_merge_as_githubs_does(lab: Lab) -> None:
    repository = lab.repository(other=f"on: issues\njobs:\n{steps('true')}")
    own = f"name: own\non: pull_request_review\njobs:\n{steps(TELL)}"
    pull = lab.pull(repository, {".github/workflows/own.yml": own})
    pull.create_review(event="COMMENT", body="Look")
    lab.idle()
    run = only(repository.get_workflow_runs())
    assert (run.event, run.conclusion, run.head_sha) == ("pull_request_review", "success", pull.head.sha)
    assert "refs/pull/1/merge" in lab.log(run)


def test_nothing_runs_in_forks_nor_for_a_pull_request_that_conflicts(lab: Lab) -> None:
    everything = f"on: [push, pull_request]\njobs:\n{steps('true')}"
    repository = lab.repository({"a.txt": "one\n"}, everything=everything)
    fork = lab.client("contributor").get_repo(repository.full_name).create_fork()
    file = fork.get_contents("a.txt")
    assert not isinstance(file, list)
    fork.update_file("a.txt", "Mine", "two\n", file.sha)
    file = repository.get_contents("a.txt")
    assert not isinstance(file, list)
    repository.update_file("a.txt", "Theirs", "three\n", file.sha)
    theirs = lab.client("contributor").get_repo(repository.full_name)
    theirs.create_pull(base="main", head="contributor:main", title="A conflict")
    lab.idle()
    assert list(fork.get_workflow_runs()) == []
    assert only(repository.get_workflow_runs()).event == "push"


TYPES = "on: {pull_request: {types: [opened, synchronize, edited]}}"
WHAT = "echo ${{ github.event.action }} ${{ github.base_ref }} was ${{ github.event.changes.base.ref.from }}"


def test_a_retarget_starts_those_who_asked_for_edited_and_no_one_else(lab: Lab) -> None:
    repository = lab.repository(
        all=f"{TYPES}\njobs:\n{steps(WHAT)}", some=f"on: pull_request\njobs:\n{steps(WHAT)}"
    )
    repository.create_git_ref("refs/heads/next", repository.get_branch("main").commit.sha)
    pull = lab.pull(repository, {"new.txt": "x\n"})
    lab.idle()
    pull.edit(base="next")
    lab.idle()
    runs = list(repository.get_workflow_runs())
    assert sorted(run.name for run in runs) == ["all", "all", "some"]
    assert "edited next was main" in lab.log(runs[0])


DISPATCH = f"""\
on:
  workflow_dispatch:
    inputs:
      who: {{required: true}}
      often: {{type: choice, options: [once, twice], default: once}}
      loud: {{type: boolean}}
jobs:
{steps("echo ${{ inputs.who }} ${{ inputs.often }} ${{ inputs.loud && 'loud' || 'soft' }}")}"""


def test_a_dispatch_hands_over_its_inputs(lab: Lab) -> None:
    repository = lab.repository(hand=DISPATCH)
    assert repository.get_workflow("hand.yml").create_dispatch("main", {"who": "me", "loud": "true"})
    lab.idle()
    assert "me once loud" in lab.log(only(repository.get_workflow_runs()))


@pytest.mark.parametrize(
    ("inputs", "reason"),
    [({}, "who"), ({"who": "me", "what": "x"}, "what"), ({"who": "me", "often": "never"}, "often")],
)
def test_a_dispatch_with_wrong_inputs_is_refused(lab: Lab, inputs: dict[str, str], reason: str) -> None:
    repository = lab.repository(hand=DISPATCH)
    with pytest.raises(GithubException, match=reason):
        repository.get_workflow("hand.yml").create_dispatch("main", inputs, throw=True)


LINT = f"""\
on: pull_request
permissions: {{}}
jobs:
  lint:
    runs-on: ubuntu-latest
    steps:
      - run: mkdir -p report/deep; echo found > report/deep/what.txt
      - uses: {UPLOAD}
        with: {{name: report, path: report}}
"""
REPORT = f"""\
on: {{workflow_run: {{workflows: [lint], types: [completed], branches: [ch*]}}}}
permissions: {{}}
jobs:
  report:
    runs-on: ubuntu-latest
    permissions: {{actions: read}}
    steps:
      - uses: {DOWNLOAD}
        with:
          name: report
          path: in
          run-id: ${{{{ github.event.workflow_run.id }}}}
          github-token: ${{{{ github.token }}}}
      - run: echo "$(cat in/deep/what.txt) after ${{{{ github.event.workflow_run.conclusion }}}}"
"""


def test_a_later_workflow_takes_the_artifact_of_the_one_before(lab: Lab) -> None:
    repository = lab.repository(lint=LINT, report=REPORT)
    lab.fork_pull(repository, {"new.txt": "x\n"})
    lab.idle()
    report, lint = repository.get_workflow_runs()
    assert (report.event, report.conclusion) == ("workflow_run", "success")
    assert "found after success" in lab.log(report)
    (artifact,) = lint.get_artifacts()
    assert (artifact.name, artifact.expired) == ("report", False)


def test_without_the_permission_there_is_no_artifact(lab: Lab) -> None:
    repository = lab.repository(lint=LINT, report=REPORT.replace("{actions: read}", "{contents: read}"))
    lab.pull(repository, {"new.txt": "x\n"})
    lab.idle()
    report, _ = repository.get_workflow_runs()
    assert report.conclusion == "failure"
    assert "##[error]403" in lab.log(report)


def test_a_workflow_that_follows_itself_ends_after_three(lab: Lab) -> None:
    filters = "on: {push: {}, workflow_run: {workflows: [again], types: [completed]}}"
    repository = lab.repository(again=f"{filters}\njobs:\n{steps('true')}")
    repository.create_file("a.txt", "Go", "x\n")
    lab.idle()
    assert [run.event for run in repository.get_workflow_runs()] == ["workflow_run"] * 3 + ["push"]
