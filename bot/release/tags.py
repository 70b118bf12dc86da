"""Tags of releases: `v2026.11.29.1` is the first release of 29 November 2026 (UTC)."""

import re
from datetime import UTC, date, datetime, timedelta

TAG = re.compile(r"v(\d{4})\.(0[1-9]|1[0-2])\.(0[1-9]|[12]\d|3[01])\.([1-9]\d{0,5})", re.ASCII)
EXAMPLE = "v2026.11.29.1"
"""The tag that messages show as an example."""
CLOCKS_DIFFER = timedelta(days=1)
"""By how much the clocks of two machines may differ."""


def today() -> date:
    """Return today's date in UTC; the only place where the clock is read for a tag."""
    return datetime.now(UTC).date()


def order(tag: str) -> tuple[int, ...]:
    """Return year, month, day and number of a release's tag; the newest release has the highest.

    Raises:
        ValueError: the tag is not a release's.
    """
    found = TAG.fullmatch(tag)
    if not found:
        raise ValueError(f"{tag[:80]!r} is not the tag of a release; one is {EXAMPLE}")
    return tuple(map(int, found.groups()))


def next_tag(newest: str, day: date | None = None) -> str:
    """Return the tag of the next release: the day, and a number that counts the releases of that day.

    Args:
        newest: the tag of the newest release; "" if there is none. If its day is later than `day`, because a
            clock is wrong, the next release gets the same day.
        day: the day on which the release is made; today if it is None.
    """
    day = day or today()
    made, last = (day.year, day.month, day.day), order(newest) if newest else (0, 0, 0, 0)
    year, month, of_month = max(made, last[:3])
    number = last[3] + 1 if (year, month, of_month) == last[:3] else 1
    return f"v{year:04}.{month:02}.{of_month:02}.{number}"


def follows(tag: str, newest: str) -> bool:
    """Return whether a tag that was chosen earlier, on another machine, may be the next release's.

    Args:
        tag: the tag, whose day may have passed since.
        newest: the tag of the newest release; "" if there is none.
    """
    if not TAG.fullmatch(tag):
        return False
    try:
        day = date(*order(tag)[:3])
    except ValueError:
        return False  # there is no such day
    latest = next_tag(newest, today() + CLOCKS_DIFFER)
    return tag == next_tag(newest, day) and order(tag) <= order(latest)
