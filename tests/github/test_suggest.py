"""Suggestions: a click fixes the line; none comes twice, and none where GitHub would not take it."""

import pytest

from bot.github.suggest import suggest
from bot.lint.findings import Finding, Severity

PATH = "taxonomy/leaf/qna.yaml"


def finding(line, fixed, path=PATH):
    return Finding(
        path, line, 1, "not-text", Severity.ERROR, "7 is a number @all", "quote it", fixed_line=fixed
    )


@pytest.fixture
def pull(lab, proposal):
    """The contributor's pull request with a file of three lines, as the bot sees it."""
    own, clone = proposal
    clone.commit("Three lines", **{PATH: "a: 1\nb: 2\nc: 3\n"})
    clone.git("push", "--quiet", "origin", "leaf")
    return lab.as_("arborist[bot]").get_pull(own.number)


def told(lab, pull):
    head = lab.as_("arborist[bot]").get_commit(pull.head.sha)
    return lambda *findings: suggest(pull, head, findings)


def test_a_mended_line_is_suggested_on_its_line(lab, pull):
    assert told(lab, pull)(finding(2, 'b: "2"')) == 1
    (comment,) = pull.get_review_comments()
    assert (comment.path, comment.line, comment.side) == (PATH, 2, "RIGHT")
    assert comment.body.endswith('\n\n```suggestion\nb: "2"\n```')
    assert "@all" not in comment.body


def test_nothing_is_suggested_twice(lab, pull):
    assert told(lab, pull)(finding(2, 'b: "2"')) == 1
    assert told(lab, pull)(finding(2, 'b: "2"'), finding(3, 'c: "3"')) == 1
    assert [comment.line for comment in pull.get_review_comments()] == [2, 3]


def test_what_is_not_in_the_diff_gets_none(lab, pull):
    assert told(lab, pull)(finding(9, "x"), finding(1, "x", "taxonomy/other/qna.yaml")) == 0
    assert list(pull.get_reviews()) == []


def test_without_a_fix_nothing_is_asked_of_github(lab, pull):
    assert told(lab, pull)(finding(2, None)) == 0


def test_a_line_with_a_fence_cannot_end_the_suggestion(lab, pull):
    told(lab, pull)(finding(2, "```` @all"))
    (comment,) = pull.get_review_comments()
    assert comment.body.endswith("\n\n`````suggestion\n```` @all\n`````")
