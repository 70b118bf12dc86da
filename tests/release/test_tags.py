"""Tags of releases: the day, and a number that counts the releases of that day."""

from datetime import date

import pytest

from bot.release.tags import TAG, follows, next_tag, order

DAY = date(2024, 11, 5)


@pytest.mark.parametrize(
    ("newest", "expected"),
    [
        ("", "v2024.11.05.1"),
        ("v2024.11.04.7", "v2024.11.05.1"),
        ("v2023.12.31.7", "v2024.11.05.1"),
        ("v2024.11.05.1", "v2024.11.05.2"),
        ("v2024.11.05.9", "v2024.11.05.10"),
        ("v2024.11.06.3", "v2024.11.06.4"),  # the clock went backwards
    ],
)
def test_the_next_tag_has_the_day_and_counts_the_releases_of_that_day(newest: str, expected: str) -> None:
    assert next_tag(newest, DAY) == expected
    assert not newest or order(newest) < order(expected)


def test_the_day_is_todays_in_utc(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("bot.release.tags.today", lambda: DAY)
    assert next_tag("") == "v2024.11.05.1"


@pytest.mark.parametrize(
    ("tag", "newest", "may_follow"),
    [
        ("v2024.11.05.1", "", True),
        ("v2024.10.01.1", "v2024.09.30.2", True),  # it was approved a month after it was made
        ("v2024.11.06.1", "", True),  # the machine that trained is in the next day already
        ("v2024.11.07.1", "", False),
        ("v2024.11.05.2", "v2024.11.05.1", True),
        ("v2024.11.05.3", "v2024.11.05.1", False),
        ("v2024.11.05.1", "v2024.11.05.1", False),
        ("v2024.11.04.1", "v2024.11.05.1", False),
        ("v2024.11.09.3", "v2024.11.09.2", True),  # the newest release has a day that has not come yet
        ("v2024.02.30.1", "", False),
        ("v2", "", False),
    ],
)
def test_a_tag_that_was_chosen_earlier_may_follow_the_newest(
    tag: str, newest: str, may_follow: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("bot.release.tags.today", lambda: DAY)
    assert follows(tag, newest) is may_follow


@pytest.mark.parametrize(
    "other", ["v1", "v1.0", "v2024.1.1", "v2024.11.05", "v2024.11.05.0", "v2024.11.32.1"]
)
def test_tags_of_another_form_are_no_releases(other: str) -> None:
    assert TAG.fullmatch(other) is None
    with pytest.raises(ValueError, match="is not the tag of a release"):
        order(other)
