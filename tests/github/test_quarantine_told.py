"""What people are told of leaves that cannot be read: on their pull request, and in one issue."""

from typing import Any

import pytest

from bot.github.comment import find_comment, update_comment
from bot.github.quarantine import QUARANTINE, tell_quarantine
from bot.pipeline.origin import Quarantined
from bot.taxonomy.layout import DEFAULT, Layout

REASON = "taxonomy/leaf/qna.yaml:4:9: the host 'gone.example' cannot be found; check the URL"
LEAF = Quarantined("leaf", REASON)
OTHER = Quarantined("knowledge/other", "taxonomy/knowledge/other/qna.yaml:1:1: <b>odd</b>; fix it")


@pytest.fixture
def bot(lab: Any) -> Any:
    return lab.as_("arborist[bot]")


@pytest.fixture
def merged(lab: Any, proposal: Any, bot: Any) -> Any:
    """The number of a merged pull request that added the leaf, on which the bot had commented."""
    pull, _ = proposal
    update_comment(bot.get_pull(pull.number), {"lint": "green"})
    lab.as_("maintainer").get_pull(pull.number).merge()
    return pull.number


def issues(lab: Any) -> list[Any]:
    listed = lab.as_("maintainer").get_issues(state="all")
    return [issue for issue in listed if issue.pull_request is None]


def comment(bot: Any, number: int) -> str:
    found = find_comment(bot.get_pull(number))
    assert found is not None
    return str(found.body)


def test_the_pull_request_and_one_issue_say_why(lab: Any, bot: Any, merged: int) -> None:
    tell_quarantine(bot, [merged], [LEAF], DEFAULT)
    said = comment(bot, merged)
    assert "Not taught yet: a leaf of this pull request cannot be read" in said
    assert "the host 'gone.example' cannot be found; check the URL" in said
    assert "green" in said, "the other parts stay"
    [issue] = issues(lab)
    assert (issue.state, issue.title) == ("open", "Leaves that cannot be read")
    assert [label.name for label in issue.labels] == [QUARANTINE.label]
    assert "1 leaf of the taxonomy cannot be read" in issue.body
    assert "the host 'gone.example' cannot be found; check the URL" in issue.body
    assert issue.body.count("| no |") == 1


def test_told_again_nothing_changes(lab: Any, bot: Any, merged: int) -> None:
    for _ in range(2):
        tell_quarantine(bot, [merged], [LEAF], DEFAULT)
    edits = len(lab.happened("issues", "edited")) + len(lab.happened("issue_comment", "edited"))
    tell_quarantine(bot, [merged], [LEAF], DEFAULT)
    assert len(issues(lab)) == 1
    assert edits == len(lab.happened("issues", "edited")) + len(lab.happened("issue_comment", "edited"))


def test_the_issue_follows_the_leaves_and_is_closed_when_all_can_be_read(
    lab: Any, bot: Any, merged: int
) -> None:
    tell_quarantine(bot, [merged], [LEAF], DEFAULT)
    tell_quarantine(bot, [merged], [LEAF, OTHER], DEFAULT)
    [issue] = issues(lab)
    assert "2 leaves of the taxonomy cannot be read" in issue.body
    assert "<b>" not in issue.body
    tell_quarantine(bot, [], [OTHER], DEFAULT)
    assert "Not taught yet" not in comment(bot, merged), "its leaf can be read again"
    assert "gone.example" not in issues(lab)[0].body
    tell_quarantine(bot, [], [], DEFAULT)
    [issue] = issues(lab)
    assert issue.state == "closed"
    assert "All leaves of the taxonomy can be read again." in issue.body
    tell_quarantine(bot, [], [LEAF], DEFAULT)
    assert [issue.state for issue in issues(lab)] == ["open"], "the same issue is opened again"


def test_where_nothing_is_quarantined_nobody_is_told(lab: Any, bot: Any, merged: int) -> None:
    tell_quarantine(bot, [merged], [], DEFAULT)
    assert issues(lab) == []
    assert "Not taught yet" not in comment(bot, merged)


def test_a_pull_request_of_another_leaf_is_not_told(lab: Any, bot: Any, merged: int) -> None:
    tell_quarantine(bot, [merged], [OTHER], DEFAULT)
    assert "Not taught yet" not in comment(bot, merged)
    assert len(issues(lab)) == 1


def test_a_pull_request_is_found_by_its_files_in_any_layout(lab: Any, bot: Any, merged: int) -> None:
    """The pull request's file is taxonomy/leaf/qna; in the root, that is another leaf."""
    tell_quarantine(bot, [merged], [LEAF], Layout(""))
    assert "Not taught yet" not in comment(bot, merged)
    tell_quarantine(bot, [merged], [Quarantined("taxonomy/leaf", REASON)], Layout(""))
    assert "Not taught yet" in comment(bot, merged)


def test_the_pull_request_says_what_the_release_keeps(lab: Any, bot: Any, merged: int) -> None:
    tell_quarantine(bot, [merged], [Quarantined("leaf", REASON, "0123456" + "0" * 33)], DEFAULT)
    assert "The release still contains this leaf as of `0123456`." in comment(bot, merged)
    assert "as of `0123456`" in issues(lab)[0].body


def test_a_persons_issue_with_the_same_words_is_left_alone(lab: Any, bot: Any, merged: int) -> None:
    tell_quarantine(bot, [merged], [LEAF], DEFAULT)
    own = QUARANTINE.find(bot)
    assert own is not None
    theirs = lab.as_("maintainer").create_issue("mine", own.body, labels=[QUARANTINE.label])
    tell_quarantine(bot, [], [], DEFAULT)
    assert lab.as_("maintainer").get_issue(theirs.number).state == "open"
    assert lab.as_("maintainer").get_issue(own.number).state == "closed"


def test_numbers_that_somebody_writes_into_the_issue_do_not_count(lab: Any, bot: Any, merged: int) -> None:
    """Else whoever edits the issue would choose which comments the bot writes."""
    tell_quarantine(bot, [], [LEAF], DEFAULT)
    own = issues(lab)[0]
    own.edit(body=own.body.replace("arborist:pulls ", f"arborist:pulls {merged} 999 "))
    tell_quarantine(bot, [], [LEAF], DEFAULT)
    assert "Not taught yet" not in comment(bot, merged)
