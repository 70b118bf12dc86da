"""The time as GitHub writes it."""

from datetime import UTC, datetime


def now() -> str:
    """This moment, to the second, in UTC."""
    return datetime.now(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
