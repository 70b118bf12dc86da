"""A Hub or a GitHub whose answers fail now and then: errors, refusals, and answers that are lost."""

import asyncio
from random import Random

from starlette.responses import JSONResponse
from starlette.types import ASGIApp, Message, Receive, Scope, Send

LATE_S = 6
"""How late a late answer is, in seconds; clients are to wait less."""
MOST_LATE = 6
"""How many answers are late at most, since a test waits for each."""
REFUSALS = (500, 502, 503, 401, 403, 429)


class FaultyHub:
    """Stands between a service and its clients.

    A fault is an error status (the service has done nothing), an answer that is lost or does not come in time
    although the service has done what it was asked for, or an upload that is cut in the middle.

    Args:
        share: of the requests that write, how many have a fault.
        reading: the same of those that read.
    """

    def __init__(self, app: ASGIApp, seed: int, share: float, reading: float = 0.0) -> None:
        self.app, self.draw, self.share, self.reading = app, Random(seed), share, reading
        self.faults, self.late = 0, 0

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        writes = scope["type"] == "http" and scope["method"] != "GET" and scope["method"] != "HEAD"
        share = self.share if writes else self.reading
        if scope["type"] != "http" or not share or self.draw.random() >= share:
            await self.app(scope, receive, send)
            return
        self.faults += 1
        kinds = ("refused", "lost", "cut") if self.late == MOST_LATE else ("refused", "lost", "cut", "late")
        kind = self.draw.choice(kinds)
        if kind == "refused":
            status = self.draw.choice(REFUSALS)
            await JSONResponse({"message": "a fault"}, status, {"Retry-After": "1"})(scope, receive, send)
        elif kind == "late":
            self.late += 1
            await self.app(scope, receive, _nowhere)
            await asyncio.sleep(LATE_S)
        elif kind == "lost":
            await self.app(scope, receive, _nowhere)
            raise ConnectionResetError("the answer is lost")
        else:
            await receive()
            raise ConnectionResetError("the upload is cut")


async def _nowhere(_: Message) -> None:
    """Takes an answer and sends it to nobody."""
