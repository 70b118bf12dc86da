"""The current time in GitHub's format."""

from datetime import UTC, datetime


def now() -> str:
    """Return the current time in UTC, in ISO 8601 with seconds."""
    return datetime.now(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
