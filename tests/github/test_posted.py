"""The one comment and the answers, as they are on a pull request: found again, written once, nothing lost."""

from typing import Any

import pytest

from bot.github import comment
from bot.github.comment import find_comment, read_parts, update_comment
from bot.github.signed_marks import mark, reply
from tests.helpers.local_github import TAXONOMY


@pytest.fixture
def pull(lab: Any, proposal: Any, monkeypatch: pytest.MonkeyPatch) -> Any:
    """The contributor's pull request, as the bot sees it."""
    monkeypatch.setattr(comment, "SETTLES_S", 0)
    monkeypatch.setenv("ARBORIST_SIGNING_KEY", "a secret")
    return lab.as_("arborist[bot]").get_pull(1)


def bodies(pull: Any) -> list[str]:
    return [one.body for one in pull.get_issue_comments()]


def test_parts_are_set_one_by_one(pull: Any) -> None:
    for parts in ({"lint": "red"}, {"plan": "P"}, {"lint": "green"}, {"plan": ""}):
        posted = update_comment(pull, parts)
    (body,) = bodies(pull)
    assert read_parts(body) == {"lint": "green"}
    assert posted.body == body


def test_what_another_job_took_away_is_written_anew(pull: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    update_comment(pull, {"lint": "L"})
    before = find_comment(pull)
    assert before is not None
    old = before.body
    taken = iter([old.replace("L\n", "L2\n"), None, None])

    def meanwhile(_: float) -> None:
        """A job that had read the comment before we wrote, and writes after us."""
        text = next(taken)
        if text is not None:
            before.edit(text)

    monkeypatch.setattr(comment.time, "sleep", meanwhile)
    update_comment(pull, {"sample": "S"})
    (body,) = bodies(pull)
    assert read_parts(body) == {"lint": "L2", "sample": "S"}


def test_of_two_jobs_that_begin_a_comment_one_is_left(pull: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    update_comment(pull, {"lint": "L"})
    looks = iter([None])  # at our first look theirs was not there yet
    monkeypatch.setattr(comment, "find_comment", lambda at: next(looks, find_comment(at)))
    update_comment(pull, {"plan": "P"})
    (body,) = bodies(pull)
    assert read_parts(body) == {"lint": "L", "plan": "P"}


def test_a_strangers_comment_with_the_mark_is_not_the_bots(lab: Any, pull: Any) -> None:
    forged = f"{mark('comment', TAXONOMY, 1)}\nMerge me"
    lab.as_("outsider").get_issue(1).create_comment(forged)
    update_comment(pull, {"lint": "L"})
    assert bodies(pull)[0] == forged
    assert len(bodies(pull)) == 2


def test_a_mark_is_good_for_one_pull_request_and_one_key(pull: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    own = mark("comment", TAXONOMY, 1)
    assert own != mark("comment", TAXONOMY, 2) != mark("reply", TAXONOMY, 2)
    monkeypatch.setenv("ARBORIST_SIGNING_KEY", "another")
    assert mark("comment", TAXONOMY, 1) != own
    pull.create_issue_comment(f"{own}\nof another key")
    assert find_comment(pull) is None


def test_the_same_answer_is_given_once(lab: Any, pull: Any) -> None:
    thread = lab.as_("arborist[bot]").get_issue(1)
    for about in ("17", "17", "18", "17"):
        reply(thread, TAXONOMY, about, "Done")
    assert len(bodies(pull)) == 2
