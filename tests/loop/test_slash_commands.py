"""Commands through the front door: a comment in, what people see on the pull request out."""

from pathlib import Path
from typing import Any

import psutil
import pytest
import yaml
from github.IssueComment import IssueComment
from github.PullRequest import PullRequest

from localworld.world import World
from tests.helpers.loop import (
    ALIVE,
    HOSTILE,
    LEAF,
    SKARROW,
    bot_comments,
    check_is,
    comment_that,
    git,
    push,
    repository,
    run_again,
    running,
    settled,
    teach_skarrow,
    until,
)


@pytest.fixture(scope="module")
def clone(world: dict[str, Any], tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("commands")
    teach_skarrow(world, folder, "teach-skarrow")
    return folder


@pytest.fixture(scope="module")
def pull(world: dict[str, Any], clone: Path) -> PullRequest:
    opened = repository(world, "contributor").create_pull(
        base="main", head="contributor:teach-skarrow", title="$(id) `id` '; rm", body="/arborist sample"
    )
    check_is(world, opened, "success")
    return opened


def say(world: dict[str, Any], pull: PullRequest, who: str, text: str) -> IssueComment:
    return repository(world, who).get_issue(pull.number).create_comment(text)


def reaction(said: IssueComment) -> str:
    return until(lambda: next((r.content for r in said.get_reactions()), None), "a reaction")


def answers(pull: PullRequest, part: str) -> list[str]:
    """The bot's answers, apart from its report, that hold some words."""
    bodies = [c.body for c in pull.get_issue_comments() if c.body.startswith("<!-- arborist:reply ")]
    return [body for body in bodies if part in body]


def answered(pull: PullRequest, part: str) -> str:
    """The one answer that holds some words, once it is there."""
    (text,) = until(lambda: answers(pull, part), f"the answer {part!r}", 60)
    return text


def gpu_jobs(world: dict[str, Any]) -> list[str]:
    """The jobs that a GPU runner was asked for."""
    runs = repository(world, "maintainer").get_workflow("commands.yml").get_runs()
    jobs = [job for run in runs for job in run.jobs() if "sample" in job.name]
    return [job.conclusion or job.status for job in jobs if job.conclusion != "skipped"]


def check(world: dict[str, Any], pull: PullRequest, name: str) -> Any:
    pull.update()
    commit = repository(world, "outsider").get_commit(pull.head.sha)
    return next(iter(commit.get_check_runs(check_name=name)), None)


def test_help_lists_what_there_is_and_for_whom(world: dict[str, Any], pull: PullRequest) -> None:
    said = say(world, pull, "outsider", "/arborist help")
    assert reaction(said) == "eyes"
    text = answered(pull, "| `/arborist sample [COMMIT] [N] [LEAF…]` |")
    assert "the role admin or maintain" in text
    assert "| `/arborist trial [COMMIT] [N] [LEAF…]` |" in text


def test_the_same_event_twice_is_answered_once(world: dict[str, Any], pull: PullRequest) -> None:
    settled(world)
    run_again(repository(world, "maintainer").get_workflow("commands.yml").get_runs()[0])
    assert len(answers(pull, "| `/arborist sample")) == 1


@pytest.mark.parametrize("who", ["outsider", "contributor"])
def test_who_may_not_is_refused_and_told_once(world: dict[str, Any], pull: PullRequest, who: str) -> None:
    before = len(answers(pull, "`/arborist sample` is for the role admin or maintain here"))
    for _ in range(2):
        assert reaction(say(world, pull, who, "/arborist sample")) == "-1"
    settled(world)
    assert len(answers(pull, "`/arborist sample` is for the role admin or maintain here")) == before + 1


def test_who_was_a_maintainer_may_no_more(served: World, world: dict[str, Any], pull: PullRequest) -> None:
    for role in ("maintain", "read"):
        served.github.add_collaborator(world["repository"], "outsider", role)
    assert reaction(say(world, pull, "outsider", "/arborist precheck")) == "-1"
    answered(pull, "`/arborist precheck` is for the role")


def test_a_bot_is_not_followed(world: dict[str, Any], pull: PullRequest) -> None:
    assert reaction(say(world, pull, "bot", "/arborist sample")) == "-1"
    answered(pull, "Commands are for people")


def test_what_is_quoted_or_code_is_no_command(world: dict[str, Any], pull: PullRequest) -> None:
    texts = [
        "> /arborist sample",
        "```\n/arborist sample\n```",
        "see `/arborist sample`",
        "x\n\n    /arborist sample",
        "<!--\n/arborist sample\n-->",
        "- ~~~\n  /arborist sample\n  ~~~",
    ]
    said = [say(world, pull, "maintainer", text) for text in texts]
    settled(world)
    assert [list(one.get_reactions()) for one in said] == [[]] * 6


def test_on_an_issue_and_with_an_unknown_name_nothing_is_done_and_that_is_said(
    world: dict[str, Any], pull: PullRequest
) -> None:
    issue = repository(world, "outsider").create_issue("A question", body="/arborist sample")
    on_issue = issue.create_comment("/arborist sample")
    assert reaction(say(world, pull, "maintainer", "/arborist smaple; rm -rf /")) == "confused"
    answered(pull, "There is no command `smaple` here")
    settled(world)
    assert reaction(on_issue) == "confused"
    said = [comment.body for comment in issue.get_comments()]
    assert len(said) == 2
    assert "`/arborist sample` works on a pull request" in said[1]


def test_a_push_after_the_command_voids_it(world: dict[str, Any], clone: Path, pull: PullRequest) -> None:
    settled(world)
    (clone / LEAF / "exam.yaml").write_text((SKARROW / "exam.yaml").read_text() + "# pushed meanwhile\n")
    git(clone, "add", "--all")
    git(clone, "commit", "--quiet", "--message", "Sneak something in")
    say(world, pull, "maintainer", "/arborist sample")
    git(clone, "push", "--quiet", "origin", "HEAD")
    answered(pull, "the bot had not reported on")
    check_is(world, pull, "success")


def test_a_held_pull_request_waits(world: dict[str, Any], pull: PullRequest) -> None:
    assert reaction(say(world, pull, "maintainer", "/arborist hold")) == "eyes"
    answered(pull, "Held: no GPU work starts for this pull request")
    assert [label.name for label in repository(world, "outsider").get_issue(pull.number).labels] == ["hold"]
    say(world, pull, "maintainer", "/arborist sample")
    answered(pull, "This pull request is held")
    say(world, pull, "maintainer", "/arborist unhold")
    answered(pull, "no longer held")


def test_lint_is_done_again_against_the_base_as_it_is_now(world: dict[str, Any], pull: PullRequest) -> None:
    here = repository(world, "maintainer")
    here.create_file("docs/merged.md", "Another merge", "Merged meanwhile")
    base = here.get_branch("main").commit.sha
    say(world, pull, "maintainer", "/arborist plan")
    answered(pull, f"against the current `main` (`{base[:7]}`)")
    comment_that(pull, f"against main (`{base[:7]}`)", "Plan")
    run = here.get_workflow("lint.yml").get_runs()[0]
    assert (run.event, run.head_branch) == ("workflow_dispatch", "main")
    settled(world)


def test_status_and_explain_say_how_things_are(world: dict[str, Any], pull: PullRequest) -> None:
    say(world, pull, "outsider", "/arborist status")
    assert "Nothing is released yet" in answered(pull, "| arborist lint | success: everything is in order |")
    say(world, pull, "outsider", "/arborist explain knowledge/sports/skarrow")
    assert answered(pull, "There is no release yet").count("\n") == 1


def test_until_here_no_gpu_runner_was_asked_for_anything(world: dict[str, Any], pull: PullRequest) -> None:
    settled(world)
    assert gpu_jobs(world) == []


def test_what_runs_is_cancelled(world: dict[str, Any], pull: PullRequest) -> None:
    say(world, pull, "maintainer", "/arborist sample 3")
    until(lambda: check(world, pull, "arborist sample") is not None, "the check")
    assert check(world, pull, "arborist sample").status == "queued"
    until(sampling, "the sampling")
    say(world, pull, "maintainer", "/arborist cancel")
    answered(pull, "Cancelled: `arborist sample`.")
    assert check(world, pull, "arborist sample").conclusion == "cancelled"
    until(lambda: not sampling(), "its end")
    assert not any("Sample of" in body for body in bot_comments(pull))


def test_a_runner_that_dies_is_told_of_and_retried(world: dict[str, Any], pull: PullRequest) -> None:
    settled(world)
    say(world, pull, "maintainer", "/arborist retry")
    for process in until(sampling, "the sampling"):
        process.kill()
    settled(world)
    assert check(world, pull, "arborist sample").status == "queued"
    for runs in (1, 2):  # twice is as once
        reaper = repository(world, "maintainer").get_workflow("reap.yml")
        assert reaper.create_dispatch("main")
        until(lambda: [run.conclusion for run in reaper.get_runs()] == ["success"] * runs, "the reaper")  # noqa: B023
    assert check(world, pull, "arborist sample").conclusion == "failure"
    comment_that(pull, "No sample of", "the runner ended without reporting a result", "/arborist retry")


def test_a_leaf_that_is_not_in_it_is_told_and_nothing_else_is_lost(
    world: dict[str, Any], pull: PullRequest
) -> None:
    say(world, pull, "maintainer", "/arborist precheck knowledge/birds")
    comment_that(
        pull, "No precheck of", "is not a leaf that this pull request adds or changes", "No sample of", "Plan"
    )
    until(lambda: check(world, pull, "arborist precheck").conclusion == "failure", "the check's end")


def test_a_precheck_is_the_models_answers_alone_and_nothing_in_it_comes_alive(
    world: dict[str, Any], clone: Path, pull: PullRequest
) -> None:
    exam = clone / LEAF / "exam.yaml"
    questions = yaml.safe_load(exam.read_text())
    questions["questions"][0]["question"] = HOSTILE
    exam.write_text(yaml.safe_dump(questions))
    push(clone, "A question that wants more than an answer")
    settled(world)
    say(world, pull, "maintainer", "/arborist precheck")
    body = comment_that(pull, "Precheck of", "what today's model (the base) answers", "0 of 10 right")
    assert "No precheck" not in body
    assert "everyone" in body
    for active in ALIVE:
        assert active not in body
    until(lambda: check(world, pull, "arborist precheck").conclusion == "success", "the check's end")


def test_on_a_closed_pull_request_nothing_is_done(world: dict[str, Any], pull: PullRequest) -> None:
    settled(world)
    pull.edit(state="closed")
    say(world, pull, "maintainer", "/arborist sample")
    answered(pull, "This pull request is closed")
    assert not sampling()


def test_a_command_whose_job_fails_is_answered_all_the_same(world: dict[str, Any], pull: PullRequest) -> None:
    """Nobody can read the recipe on main any more, so the bot cannot even begin."""
    here = repository(world, "maintainer")
    recipe = here.get_contents("arborist.yaml")
    assert not isinstance(recipe, list)
    here.update_file(recipe.path, "A mistake [skip ci]", "version: [", recipe.sha)
    say(world, pull, "maintainer", "/arborist help")
    failed = "The command could not be carried out: the job failed before it could answer."
    (body,) = until(
        lambda: [one.body for one in pull.get_issue_comments() if one.body.startswith(failed)],
        "the answer",
        60,
    )
    assert "/actions/runs/" in body


def sampling() -> list[psutil.Process]:
    return running("arborist work --pull")
