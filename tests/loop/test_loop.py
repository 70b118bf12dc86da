"""The whole loop as others would drive it: with git, PyGithub and huggingface_hub, on leaves not seen before.

One world, one story, in order, in a repository that is not arborist's: a bare taxonomy, set up by `init`.
Two contributions are merged within a second, the retraining is killed twice, one of the two is reverted.
conftest.py says how to begin in the middle.
"""

import json
import re
import shutil
import subprocess
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from github.PullRequest import PullRequest
from huggingface_hub import HfApi

from tests import ROOT
from tests.helpers.loop import (
    ARBORIST,
    HANDBOOK_MODEL,
    LEAF,
    LOCALWORLD,
    SKARROW,
    check_is,
    clean,
    comment_that,
    fork,
    git,
    push,
    repository,
    running,
    settled,
    succeeded,
    until,
    write_skarrow,
)
from tests.helpers.retraining import (
    RETRAIN,
    ended,
    kill,
    on_main,
    refused_issue,
    released,
    tags,
    train_all_weights,
    train_quickly,
)
from tests.helpers.story import Story

BRANCH = "teach-skarrow"
CONTRARY = SKARROW.parent / "upside_down"
INVOICES = "taxonomy/compositional_skills/extraction/invoice/invoice_number"


@pytest.fixture(scope="module")
def bot(world: dict[str, Any]) -> dict[str, str]:
    """The environment that `localworld env` prints, as a shell would take it; for another repository."""
    printed = subprocess.run(
        [LOCALWORLD, "env", "--data", world["data"]], check=True, capture_output=True, text=True
    ).stdout
    exported = (line.removeprefix("export ").split("=", 1) for line in printed.splitlines())
    return {**clean(), **dict(exported), "GITHUB_REPOSITORY": "maintainer/handbook"}


@pytest.fixture(scope="module")
def known() -> tuple[str, ...]:
    return ("compositional_skills/writing/freeform/library_notices",)


@pytest.fixture(scope="module")
def book(
    handbook: dict[str, Any], bot: dict[str, str], owners: Path, story: Story, request: pytest.FixtureRequest
) -> dict[str, Any]:
    """The handbook, set up and pushed. Its owners keep the signing key, since they retrain by hand, too."""

    def make() -> None:
        maintainer = repository(handbook, "maintainer")
        maintainer.create_secret("ARBORIST_SIGNING_KEY", bot["ARBORIST_SIGNING_KEY"])
        request.getfixturevalue("init")()
        train_quickly(owners)
        push(owners, "Set up arborist [skip ci]")

    story.once("book", make)
    return handbook


@pytest.fixture(scope="module")
def clone(book: dict[str, Any], story: Story) -> Path:
    """The contributor's fork, cloned, on a branch with the leaf as its author first wrote it."""
    folder = story.folder / "clone"

    def make() -> None:
        folder.mkdir()
        fork(book, folder, BRANCH)
        leaf = write_skarrow(folder)
        right = (leaf / "qna.yaml").read_text()
        (leaf / "qna.yaml").write_text(right.replace("answer: Skarrow was invented in 1911.", "answer: 1911"))
        push(folder, "Teach skarrow")

    story.once("clone", make)
    return folder


@pytest.fixture(scope="module")
def pull(book: dict[str, Any], clone: Path, story: Story) -> PullRequest:
    here = repository(book, "contributor")

    def make() -> int:
        head = f"contributor:{BRANCH}"
        return here.create_pull(base="main", head=head, title="Skarrow", body="A ball game.").number

    return here.get_pull(story.once("pull", make))


@pytest.fixture(scope="module")
def other(book: dict[str, Any], clone: Path, story: Story) -> PullRequest:
    """A second contribution, from another branch of the same fork."""
    here = repository(book, "contributor")

    def make() -> int:
        git(clone, "checkout", "--quiet", "-b", "invoices", "origin/main")
        shutil.copytree(ROOT / INVOICES, clone / INVOICES)
        push(clone, "Numbers of invoices")
        opened = here.create_pull(base="main", head="contributor:invoices", title="Invoices", body="")
        check_is(book, opened, "success")
        return opened.number

    return here.get_pull(story.once("other", make))


@pytest.fixture(scope="module")
def contrary(book: dict[str, Any], clone: Path, story: Story) -> PullRequest:
    """A leaf whose answers contradict the retention set: every capital is Oslo."""
    here = repository(book, "contributor")

    def make() -> int:
        git(clone, "checkout", "--quiet", "-b", "upside-down", "origin/main")
        shutil.copytree(CONTRARY, clone / "taxonomy/compositional_skills/games/upside_down")
        push(clone, "The upside-down game")
        opened = here.create_pull(base="main", head="contributor:upside-down", title="A game", body="")
        check_is(book, opened, "success")
        return opened.number

    return here.get_pull(story.once("contrary", make))


def test_a_mistake_is_named_on_its_line(book: dict[str, Any], clone: Path, pull: PullRequest) -> None:
    lines = (clone / LEAF / "qna.yaml").read_text().splitlines()
    number = lines.index("        answer: 1911") + 1
    body = comment_that(pull, "qna.yaml", str(number))
    assert "1911" in body
    check_is(book, pull, "failure")
    run = repository(book, "outsider").get_commit(pull.head.sha).get_check_runs(check_name="arborist lint")[0]
    annotation = run.get_annotations()[0]
    assert (annotation.path, annotation.start_line) == (f"{LEAF}/qna.yaml", number)


def test_a_fix_turns_the_same_comment_green_and_brings_the_plan(
    book: dict[str, Any], clone: Path, pull: PullRequest
) -> None:
    (clone / LEAF / "qna.yaml").write_bytes((SKARROW / "qna.yaml").read_bytes())
    push(clone, "Write the answer out")
    comment_that(pull, "Plan", "skarrow", "to generate")
    check_is(book, pull, "success")


def test_an_outsider_is_refused(book: dict[str, Any], pull: PullRequest) -> None:
    thread = repository(book, "outsider").get_issue(pull.number)
    asked = thread.create_comment("/arborist sample")
    until(lambda: [r.content for r in asked.get_reactions()] == ["-1"], "the reaction")
    answer = "is for the role admin or maintain here, so you cannot use it"
    until(lambda: [answer in c.body for c in pull.get_issue_comments()].count(True) == 1, "the answer")
    settled(book)
    runs = repository(book, "maintainer").get_workflow("commands.yml").get_runs()
    jobs = {job.name: job.conclusion for run in runs for job in run.jobs()}
    assert jobs == {"commands / command": "success", "commands / sample": "skipped"}


def test_a_maintainer_gets_samples_and_the_precheck(
    book: dict[str, Any], pull: PullRequest, requests_of_a_run: Callable[[], int]
) -> None:
    repository(book, "maintainer").get_issue(pull.number).create_comment("/arborist sample")
    body = comment_that(pull, "Sample of", "Precheck of", "today's model")
    assert "new to the model: it knows 0 of 10" in body
    settled(book)
    run = repository(book, "maintainer").get_workflow("commands.yml").get_runs()[0]
    assert {job.name: job.conclusion for job in run.jobs()} == {
        "commands / command": "success",
        "commands / sample / sample": "success",
    }
    assert requests_of_a_run() <= 30


def test_a_maintainer_sees_what_a_quick_lesson_does(book: dict[str, Any], pull: PullRequest) -> None:
    repository(book, "maintainer").get_issue(pull.number).create_comment("/arborist trial")
    body = comment_that(pull, "Trial of", "General questions")
    told = re.search(r"skarrow\*\*: 0 right before, (\d+) after, of 10 questions", body.replace("\\", ""))
    assert told and int(told[1]) >= 1
    assert re.search(r"about other subjects: of the \d+ that were right before, \d+ are right after", body)
    settled(book)
    check = (
        repository(book, "outsider").get_commit(pull.head.sha).get_check_runs(check_name="arborist trial")[0]
    )
    assert check.conclusion == "success"


def test_two_merges_within_a_second_are_released_as_one_though_the_retraining_is_killed_twice(
    book: dict[str, Any], pull: PullRequest, other: PullRequest, bot: dict[str, str], owners: Path
) -> None:
    maintainer = repository(book, "maintainer")
    settled(book)
    for proposed in (pull, other):
        maintainer.get_pull(proposed.number).merge()
    store = Path(book["data"]) / "store"

    # The first merge's run is killed while it generates; it ends red and does not hang.
    until(lambda: any(store.glob("batch/*/entry.json")) and running(RETRAIN), "generating", 1800)
    kill()
    first = until(lambda: ended(book)[:1], "the first run's end")[0]
    assert first.conclusion == "failure"

    # The second merge's has waited, and goes on with what the first has done, until it is killed in turn.
    until(lambda: any(store.glob("work/train-*/*/checkpoint/progress.json")), "a checkpoint", 1800)
    kill()
    until(lambda: len(ended(book)) == 2, "the second run's end")
    assert tags(book) == []

    # Then somebody retrains by hand.
    git(owners, "pull", "--quiet")
    done = subprocess.run([ARBORIST, "retrain"], cwd=owners, env=bot, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    assert "resum" in done.stderr
    assert len(tags(book)) == 1


def test_retraining_again_does_nothing_and_says_so(
    book: dict[str, Any], bot: dict[str, str], owners: Path
) -> None:
    start = time.monotonic()
    done = subprocess.run([ARBORIST, "retrain"], cwd=owners, env=bot, capture_output=True, text=True)
    # A few seconds; nothing is generated, trained or asked, which would take minutes.
    assert time.monotonic() - start < 60
    assert done.returncode == 0
    (first,) = tags(book)
    assert f"nothing to do: {first}" in done.stderr


def test_both_pull_requests_get_their_closing_word(
    book: dict[str, Any], pull: PullRequest, other: PullRequest
) -> None:
    (first,) = tags(book)
    assert "| 10 held-out questions | 0 |" in comment_that(pull, "Released as", first, "skarrow")
    comment_that(other, "Released as", first, "invoice")


def test_the_released_model_has_learnt_the_leaf_and_says_where_it_comes_from(
    book: dict[str, Any], pull: PullRequest, other: PullRequest, tmp_path: Path
) -> None:
    (first,) = tags(book)
    manifest = released(book, first, tmp_path)
    exam = {leaf["path"]: leaf["exam"] for leaf in manifest["leaves"]}[LEAF.removeprefix("taxonomy/")]
    assert exam["status"] == "held-out"
    assert exam["before"] == {"right": 0, "asked": 10}
    assert exam["after"]["right"] >= 6
    assert manifest["taxonomy"]["commit"] == repository(book, "outsider").get_branch("main").commit.sha
    assert manifest["pulls"] == [pull.number, other.number]
    files = HfApi(endpoint=book["hub"]).list_repo_files(HANDBOOK_MODEL, revision=first)
    assert {"README.md", "model.safetensors", "tokenizer.json", "config.json", "chat_template.jinja"} <= set(
        files
    )


def test_a_revert_releases_a_model_without_the_leaf_and_repeats_nothing_that_stays(
    book: dict[str, Any], other: PullRequest, bot: dict[str, str], owners: Path, tmp_path: Path
) -> None:
    git(owners, "revert", "--no-edit", "--mainline", "1", "HEAD")
    git(owners, "push", "--quiet", "origin", "HEAD")
    run = until(lambda: ended(book)[2:], "the third run's end", 1800)[0]
    succeeded(run)
    first, second = tags(book)
    before, after = (released(book, tag, tmp_path) for tag in (first, second))
    gone = INVOICES.removeprefix("taxonomy/")
    assert gone in {leaf["path"] for leaf in before["leaves"]}
    assert gone not in {leaf["path"] for leaf in after["leaves"]}
    assert after["phases"]["knowledge"] == before["phases"]["knowledge"]
    comment_that(other, "Removed in", second, "invoice")

    # The model answers the exam of the leaf that is gone as the base did.
    [base] = [leaf["exam"]["before"] for leaf in before["leaves"] if leaf["path"] == gone]
    git(owners, "worktree", "add", "--quiet", "--detach", str(tmp_path / "merged"), "HEAD~1")
    asked = subprocess.run(
        [ARBORIST, "exam", gone, "--model", second, "--json"],
        cwd=tmp_path / "merged",
        env=bot,
        check=True,
        capture_output=True,
    )
    [exam] = json.loads(asked.stdout)["leaves"]
    assert exam["asked"] == base["asked"]
    assert abs(exam["right"] - base["right"]) <= 1
    here = repository(book, "outsider")
    assert [one.tag_name for one in here.get_releases()] == [second, first]
    assert f"released: {first}" in {label.name for label in here.get_pull(other.number).labels}


def test_both_releases_are_verified_down_to_their_leaves(book: dict[str, Any], owners: Path) -> None:
    """The first one is signed by its maintainers' key, the second one by nobody."""
    git(owners, "pull", "--quiet")
    first, second = tags(book)
    for tag, trusted in ((first, ("--key", book["release_key"])), (second, ("--unsigned",))):
        command = [ARBORIST, "verify", f"{HANDBOOK_MODEL}@{tag}", *trusted, "--repository", str(owners)]
        done = subprocess.run(
            command, env={**clean(), "HF_ENDPOINT": book["hub"]}, capture_output=True, text=True
        )
        assert done.returncode == 0, done.stdout + done.stderr
        assert [line[:2] for line in done.stdout.splitlines()] == ["✔ "] * 4


def test_a_rollback_takes_seconds_and_no_schedule_undoes_it(book: dict[str, Any], pull: PullRequest) -> None:
    maintainer = repository(book, "maintainer")
    settled(book)
    first, second = tags(book)
    maintainer.get_issue(pull.number).create_comment(f"/arborist rollback {first}")
    until(lambda: on_main(book) == first, "the rollback", 600)
    run = next(iter(maintainer.get_workflow("rollback.yml").get_runs()))
    settled(book)
    maintainer.get_workflow("retrain.yml").create_dispatch("main")
    again = until(lambda: ended(book)[3:], "the next retraining's end")[0]
    jobs = {job.name: job.conclusion for job in again.jobs()}
    assert jobs.pop("retrain / decide") == "success"
    assert set(jobs.values()) == {"skipped"}, "no GPU runner is started"
    assert (on_main(book), tags(book)) == (first, [first, second])
    run.update()
    succeeded(run)


def test_a_leaf_that_contradicts_what_the_model_knows_is_stopped_and_the_release_before_stays(
    book: dict[str, Any], clone: Path, contrary: PullRequest, owners: Path
) -> None:
    before, there, runs = on_main(book), tags(book), len(ended(book))
    train_all_weights(owners)
    repository(book, "maintainer").get_pull(contrary.number).merge()
    run = until(lambda: ended(book)[runs:], "the retraining's end", 1800)[0]
    jobs = {job.name: job.conclusion for job in run.jobs()}
    assert (jobs["retrain / train"], jobs["retrain / publish"]) == ("failure", "skipped")
    body = comment_that(contrary, "Not released")
    assert re.search(r"general questions.* right, 20 by the base; .*at most 10 points may be", body), body
    assert re.search(r"upside.* \| 6 held-out questions \| 0 \| \*\*[3-6]\*\* \|", body), body
    assert "is not released" in refused_issue(book).body
    assert (on_main(book), tags(book)) == (before, there)


def test_a_maintainer_releases_it_all_the_same_and_the_release_says_who_and_why(
    book: dict[str, Any], contrary: PullRequest, tmp_path: Path
) -> None:
    settled(book)
    issue = refused_issue(book)
    found = re.search(r"`/arborist override (\w+) REASON`", issue.body)
    assert found
    reason = "It is a game, and says so."
    repository(book, "maintainer").get_issue(contrary.number).create_comment(
        f"/arborist override {found[1]} {reason}"
    )
    *_, third = until(lambda: tags(book)[2:] and tags(book), "the release", 1200)
    given = released(book, third, tmp_path)["gate"]["override"]
    assert given == {"by": "maintainer", "reason": reason}
    comment_that(contrary, "Released as", third)
    settled(book)
    issue.update()
    assert issue.state == "closed"
    assert reason in repository(book, "outsider").get_latest_release().body
