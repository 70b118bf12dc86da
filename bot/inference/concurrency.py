"""Adaptive concurrency: find the number of parallel requests at which an endpoint is fastest."""

import asyncio
import time
from collections import deque
from collections.abc import AsyncIterator, Hashable
from contextlib import asynccontextmanager

GROWTH = 2.0
"""Factor by which the number of parallel requests grows while the throughput increases."""
GAIN = 1.1
"""Minimum factor of the throughput that counts as an increase."""


class Width:
    """A limit on parallel requests that adapts to the endpoint; for use in one event loop.

    The limit grows while the endpoint's throughput increases. When the endpoint refuses requests, the limit
    is halved and then grows by one at a time, as TCP's congestion window (additive increase, multiplicative
    decrease; Chiu and Jain 1989).

    Args:
        most: maximum of the limit.
        begin: initial limit.

    Attributes:
        now: the current limit.
    """

    def __init__(self, most: int, begin: int = 16) -> None:
        self.most, self.now = most, min(begin, most)
        # Places in use, and those whose request is being processed: a refused request keeps its place.
        self._taken = self._asked = self._stale = 0
        self._waiting: dict[Hashable, deque[asyncio.Future[None]]] = {}
        self._room = asyncio.Event()
        self._best = 0.0
        self._factor = GROWTH
        self._begin()

    @asynccontextmanager
    async def place(self, call: Hashable) -> AsyncIterator[None]:
        """Wait for a free place, and hold it for the duration of the `with` block.

        Args:
            call: identifies the batch of the request. The batch with the fewest waiting requests goes first,
                so that it finishes early and its follow-up requests keep the endpoint busy.
        """
        if self._taken < self.now:
            self._take()
        else:
            await self._turn(call)
        try:
            yield
        finally:
            self._give_back()

    @asynccontextmanager
    async def aside(self) -> AsyncIterator[None]:
        """Pause a refused request in the `with` block, while it keeps its place.

        At the end of the block, wait until fewer than `now` requests are being processed.
        """
        self._answered()
        try:
            yield
            while self._asked >= self.now:
                self._room.clear()
                await self._room.wait()
        finally:
            self._asked += 1

    async def _turn(self, call: Hashable) -> None:
        turn: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self._waiting.setdefault(call, deque()).append(turn)
        try:
            await turn
        except asyncio.CancelledError:
            if not turn.cancelled():  # the place was already assigned when the task was cancelled
                self._give_back()
            raise

    def _take(self) -> None:
        self._taken += 1
        self._asked += 1

    def _give_back(self) -> None:
        self._taken -= 1
        self._answered()
        while self._taken < self.now and self._waiting:
            call = min(self._waiting, key=lambda one: len(self._waiting[one]))
            turn = self._waiting[call].popleft()
            if not self._waiting[call]:
                del self._waiting[call]
            if not turn.done():  # otherwise its task was cancelled
                turn.set_result(None)
                self._take()

    def _answered(self) -> None:
        self._asked -= 1
        self._stale = max(0, self._stale - 1)
        self._room.set()

    def succeeded(self, tokens: int) -> None:
        """Record a response of `tokens` tokens; adapt the limit after two responses per place."""
        self._done += 1
        self._tokens += tokens
        if self._done < 2 * self.now:
            return
        speed = self._tokens / max(time.monotonic() - self._since, 1e-6)
        if speed > GAIN * self._best:
            self._best = speed
            self.now = min(self.most, max(self.now + 1, int(self._factor * self.now)))
        self._begin()

    def overloaded(self) -> None:
        """Halve the limit after a refused or timed-out request; once per set of parallel requests."""
        if self._stale:
            return
        self._stale = self._asked
        self.now = max(1, self.now // 2)
        self._factor, self._best = 1.0, 0.0
        self._begin()

    def _begin(self) -> None:
        self._done, self._tokens, self._since = 0, 0, time.monotonic()
