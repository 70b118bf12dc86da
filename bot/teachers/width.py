"""How many requests an endpoint is given side by side: as many as make it faster, no more than it bears."""

import asyncio
import time
from collections import deque
from collections.abc import AsyncIterator, Hashable
from contextlib import asynccontextmanager

GROWTH = 2.0
"""How much wider it is tried, as long as that pays."""
GAIN = 1.1
"""A wider width pays if so much more comes in the same time."""


class Width:
    """Requests that may be under way at once; found by trying, within one event loop.

    It grows while that makes the endpoint faster. Where the endpoint refuses, it is halved and then grows by
    one at a time, as TCP does it (additive increase, multiplicative decrease; Chiu and Jain 1989).

    Args:
        most: never more than this many.
        begin: how many at first.
    """

    def __init__(self, most: int, begin: int = 16) -> None:
        self.most, self.now = most, min(begin, most)
        # Places taken, and those of them that are asked just now: what was refused waits in its place.
        self._taken = self._asked = self._stale = 0
        self._waiting: dict[Hashable, deque[asyncio.Future[None]]] = {}
        self._room = asyncio.Event()
        self._best = 0.0
        self._factor = GROWTH
        self._begin()

    @asynccontextmanager
    async def place(self, call: Hashable) -> AsyncIterator[None]:
        """Wait for a place among those under way.

        Args:
            call: what the request is part of. That with the fewest requests left goes first: what is nearly
                done is done early, and what is to be asked after it is there while others still wait.
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
        """Let the endpoint alone after it refused, without giving up one's place to a new request.

        No more come out again at once than may be under way by then.
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
            if not turn.cancelled():  # it had its place when it was called off
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
            if not turn.done():  # else it was called off
                turn.set_result(None)
                self._take()

    def _answered(self) -> None:
        self._asked -= 1
        self._stale = max(0, self._stale - 1)
        self._room.set()

    def succeeded(self, tokens: int) -> None:
        """A response of so many tokens came; after two for each place it is known whether it got faster."""
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
        """The endpoint refused or lost a request; of those under way together only the first counts."""
        if self._stale:
            return
        self._stale = self._asked
        self.now = max(1, self.now // 2)
        self._factor, self._best = 1.0, 0.0
        self._begin()

    def _begin(self) -> None:
        self._done, self._tokens, self._since = 0, 0, time.monotonic()
