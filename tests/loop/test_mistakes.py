"""A contribution with six mistakes: each on its line; a click fixes what is mechanical, a person the rest."""

import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from github.PullRequest import PullRequest

from tests.helpers.loop import (
    LEAF,
    SKARROW,
    bot_comments,
    check_is,
    comment_that,
    fork,
    push,
    repository,
    settled,
    until,
    write_skarrow,
)

# file: what stands there, what a contributor wrote instead, the rule, whether it is mechanical
MISTAKES = [
    ("qna.yaml", "answer: Skarrow was invented in 1911.", "answer: 1911", "not-text", True),
    ("qna.yaml", "created_by: contributor", "createdby: contributor", "unknown-key", True),
    ("qna.yaml", "Skarrow is played", "Skarrow is\u200b played", "invisible-character", True),
    ("qna.yaml", "context: |\n      A skarrow", "context: |\n      Any skarrow", "context-not-in-document",
     False),
    ("attribution.txt", "work: CC-BY-4.0", "work: CC BY 4.0", "attribution-licence", True),
    ("exam.yaml", "Name the person who came up with skarrow.", "Who invented the game of skarrow?",
     "exam-repeats-seed", False),
]  # fmt: skip


@pytest.fixture(scope="module")
def clone(world: dict[str, Any], tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("mistakes")
    fork(world, folder, "teach-skarrow")
    leaf = write_skarrow(folder)
    for name, good, bad, _, _ in MISTAKES:
        text = (leaf / name).read_text()
        assert good in text, good
        (leaf / name).write_text(text.replace(good, bad, 1))
    push(folder, "Teach skarrow")
    return folder


@pytest.fixture(scope="module")
def pull(world: dict[str, Any], clone: Path) -> PullRequest:
    here = repository(world, "contributor")
    return here.create_pull(
        base="main", head="contributor:teach-skarrow", title="Skarrow", body="A ball game."
    )


def line_of(clone: Path, name: str, part: str) -> int:
    text = (clone / LEAF / name).read_text()
    return text[: text.index(part)].count("\n") + 1


def test_each_mistake_is_annotated_on_its_line(world: dict[str, Any], clone: Path, pull: PullRequest) -> None:
    check_is(world, pull, "failure")
    commit = repository(world, "outsider").get_commit(pull.head.sha)
    (check,) = commit.get_check_runs(check_name="arborist lint")
    found = {
        (a.path, a.start_line, a.title) for a in check.get_annotations() if a.annotation_level == "failure"
    }
    wanted = {(f"{LEAF}/{name}", line_of(clone, name, bad), rule) for name, _, bad, rule, _ in MISTAKES}
    # A misspelt key is also missing under its own name.
    assert {item for item in found if item[2] != "missing-key"} == wanted
    comment_that(pull, *(f"line {line}, column" for _, line, _ in wanted))


def test_what_is_mechanical_is_suggested(clone: Path, pull: PullRequest) -> None:
    wanted = {(f"{LEAF}/{n}", line_of(clone, n, bad)) for n, _, bad, _, sure in MISTAKES if sure}
    until(lambda: len(list(pull.get_review_comments())) >= len(wanted), "the suggestions")
    assert {(c.path, c.line) for c in pull.get_review_comments()} == wanted


def test_a_plan_waits_for_what_must_be_fixed(world: dict[str, Any], pull: PullRequest) -> None:
    commit = repository(world, "outsider").get_commit(pull.head.sha)
    (check,) = commit.get_check_runs(check_name="arborist plan")
    assert (check.conclusion, check.output.title) == ("neutral", "waiting until the lint errors are fixed")


def test_applied_and_mended_it_turns_green_in_the_same_comment(
    world: dict[str, Any], clone: Path, pull: PullRequest, requests_of_a_run: Callable[[], int]
) -> None:
    for comment in pull.get_review_comments():
        file = clone / comment.path
        lines = file.read_text().split("\n")
        lines[comment.line - 1] = comment.body.partition("```suggestion\n")[2].removesuffix("\n```")
        file.write_text("\n".join(lines))
    for name, good, bad, _, sure in MISTAKES:
        if not sure:
            file = clone / LEAF / name
            file.write_text(file.read_text().replace(bad, good, 1))
    push(clone, "Apply the suggestions and fix the rest")
    check_is(world, pull, "success")
    comment_that(pull, "Nothing to fix", "Plan")
    assert len(bot_comments(pull)) == 1
    settled(world)
    (check,) = (
        repository(world, "outsider").get_commit(pull.head.sha).get_check_runs(check_name="arborist plan")
    )
    assert check.conclusion == "success"
    assert re.fullmatch(r"1 changed leaf, \d+ samples to generate", check.output.title)
    assert requests_of_a_run() <= 20, "1,000 an hour are allowed to a repository"
    assert (clone / LEAF / "attribution.txt").read_bytes() == (SKARROW / "attribution.txt").read_bytes()
