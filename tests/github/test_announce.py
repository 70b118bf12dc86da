"""Which merged pull requests a release is told to."""

import pytest

from bot.github.announce import known_pulls, merged_pulls
from bot.github.comment import update_comment
from tests.helpers.local_github import TAXONOMY


@pytest.fixture
def bot(lab):
    return lab.as_("arborist[bot]")


def commits(lab):
    """The first-parent line of main, as a checkout has it."""
    return lab.github.git(TAXONOMY).text("rev-list", "--first-parent", "main").split()


@pytest.mark.parametrize("method", ["merge", "squash", "rebase"])
def test_the_first_release_is_told_to_those_that_the_bot_has_spoken_on(lab, proposal, bot, method):
    pull, _ = proposal
    update_comment(bot.get_pull(pull.number), {"lint": "green"})
    assert known_pulls(bot, commits(lab)) == []
    lab.as_("maintainer").get_pull(pull.number).merge(merge_method=method)
    assert known_pulls(bot, commits(lab)) == [pull.number]


def test_the_first_release_is_not_told_to_what_was_merged_before_the_bot_came(lab, proposal, bot):
    pull, _ = proposal
    lab.as_("maintainer").get_pull(pull.number).merge()
    assert known_pulls(bot, commits(lab)) == []


def test_a_later_release_is_told_to_what_its_commits_brought(lab, proposal, bot):
    pull, _ = proposal
    before = commits(lab)
    lab.as_("maintainer").get_pull(pull.number).merge()
    new = [commit for commit in commits(lab) if commit not in before]
    assert merged_pulls(bot, new) == [pull.number]
    assert merged_pulls(bot, before) == []
