"""A watcher of a run for tests."""

from bot.core.progress import Count


class Heard:
    """A watcher that remembers what it was told."""

    def __init__(self) -> None:
        self.counts: list[Count] = []

    def begin(self, step: str) -> None:
        """Training begins no step of its own."""

    def expect(self, seconds: float) -> None:
        """Nor does it expect anything."""

    def count(self, count: Count) -> None:
        self.counts.append(count)
