"""A pull request of 1,000 leaves with 6,000 mistakes: one comment, the gravest first, soon, few requests."""

import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

from tests.helpers.loop import bot_comments, check_is, fork, push, repository, settled, until

LEAVES = 1000
# Six mistakes: two values that are no text, a misspelt key and with it one that is missing, too few examples,
# and no attribution.txt.
QNA = """version: 3
created_by: contributor
task_description: {number}
seed_examples:
  - question: What is number {number}?
    answer: yes
  - question: What is number {number}, please?
    anwser: Number {number}.
"""
# Sorts first, and is only remarked on: its author may speak HTML.
REMARK = """created_by: contributor
task_description: <b>Bold</b>
seed_examples:
  - question: How bold?
    answer: Very.
"""


def test_it_is_told_in_one_comment_under_the_limit_and_soon(
    world: dict[str, Any], tmp_path: Path, requests_of_a_run: Callable[[], int]
) -> None:
    fork(world, tmp_path, "many")
    for number in range(LEAVES):
        leaf = tmp_path / f"taxonomy/compositional_skills/many/number_{number}"
        leaf.mkdir(parents=True)
        (leaf / "qna.yaml").write_text(QNA.format(number=number))
    (tmp_path / "taxonomy/compositional_skills/aaa").mkdir()
    (tmp_path / "taxonomy/compositional_skills/aaa/qna.yaml").write_text(REMARK)
    push(tmp_path, "Many")
    here = repository(world, "contributor")
    started = time.monotonic()
    pull = here.create_pull(base="main", head="contributor:many", title="Many", body="")
    check_is(world, pull, "failure")
    until(lambda: bot_comments(pull), "the comment")
    assert time.monotonic() - started < 60
    settled(world)

    (body,) = bot_comments(pull)
    assert len(body) < 65_536
    assert "6000 things to fix in 1000 files" in body
    assert "5971 more" in body
    assert "/actions/runs/" in body
    assert "number&#95;0" in body
    assert "aaa" not in body
    (check,) = here.get_commit(pull.head.sha).get_check_runs(check_name="arborist lint")
    assert len(list(check.get_annotations())) == 200
    assert "the first 200 of" in check.output.title
    assert requests_of_a_run() <= 60
