"""What GitHub answers when it is not well: asked again where that is right, else told in one line."""

import json
import time
from collections.abc import Callable, Iterator
from typing import Any

import pytest
from starlette.types import ASGIApp, Receive, Scope, Send

from bot.core.errors import UserError
from bot.github.client import connect, github_errors
from tests.helpers.local_github import TAXONOMY

Fault = tuple[int, dict[str, str], bytes]


class Unwell:
    """Stands before the local GitHub: the first answers are faults, then it is well again.

    Attributes:
        asked: how many requests came.
    """

    def __init__(self, app: ASGIApp, faults: list[Fault | None]) -> None:
        self.app, self.faults, self.asked = app, iter(faults), 0

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        self.asked += 1
        fault = next(self.faults, None)
        if fault is None:
            await self.app(scope, receive, send)
            return
        status, headers, body = fault
        named = [(name.encode(), value.encode()) for name, value in headers.items()]
        await send({"type": "http.response.start", "status": status, "headers": named})
        await send({"type": "http.response.body", "body": body})


@pytest.fixture
def unwell(
    lab: Any, proposal: Any, monkeypatch: pytest.MonkeyPatch
) -> Iterator[Callable[[list[Any]], Unwell]]:
    """unwell(faults): GitHub begins with these."""
    monkeypatch.setenv("GITHUB_API_URL", f"{lab.url}/api/v3")
    monkeypatch.setenv("GITHUB_REPOSITORY", TAXONOMY)
    monkeypatch.setenv("GITHUB_TOKEN", lab.token("arborist[bot]"))
    well = lab.server.application

    def make(faults: list[Any]) -> Unwell:
        lab.server.application = Unwell(well, faults)
        made: Unwell = lab.server.application
        return made

    yield make
    lab.server.application = well


def title() -> str:
    with github_errors("reading pull request 1"):
        return connect().get_pull(1).title


def commented() -> None:
    with github_errors("commenting"):
        connect().get_pull(1).create_issue_comment("Hello")


def said(message: str) -> bytes:
    return json.dumps({"message": message}).encode()


SOON = {"Retry-After": "1"}
HTML = b"<html><body>Unicorn!</body></html>"
LIMIT = (403, SOON, said("You have exceeded a secondary rate limit. Please wait a few minutes"))


@pytest.mark.parametrize(
    "fault",
    [(500, {}, b""), (502, {}, HTML), (503, {}, said("Service unavailable")), (504, {}, b"")],
    ids=lambda fault: str(fault[0]),
)
def test_a_server_that_is_down_is_asked_again(unwell: Callable[[list[Any]], Unwell], fault: Fault) -> None:
    github = unwell([fault])
    assert title() == "A new leaf"
    assert github.asked >= 2


def test_a_secondary_limit_is_waited_for(unwell: Callable[[list[Any]], Unwell]) -> None:
    github = unwell([LIMIT])
    started = time.monotonic()
    assert title() == "A new leaf"
    assert time.monotonic() - started >= 1
    assert github.asked >= 2


@pytest.mark.parametrize(("fault", "comments"), [((502, {}, b""), 0), (LIMIT, 1)], ids=["502", "a limit"])
def test_what_may_have_been_created_is_not_created_again(
    lab: Any, unwell: Callable[[list[Any]], Unwell], fault: Fault, comments: int
) -> None:
    """GitHub does nothing if it asks to come later; an error may come after the deed."""
    unwell([None, None, fault])
    if comments:
        commented()
    else:
        with pytest.raises(UserError, match="commenting: GitHub answered 502"):
            commented()
    assert lab.as_("maintainer").get_pull(1).get_issue_comments().totalCount == comments


@pytest.mark.parametrize(
    ("fault", "message"),
    [
        ((401, {}, said("Bad credentials")), "the token in GITHUB_TOKEN is wrong or expired"),
        (
            (403, {}, said("Resource not accessible by integration")),
            "GitHub answered 403: Resource not accessible",
        ),
        ((404, {}, said("Not Found")), "GitHub answered 404: Not Found"),
        ((422, {}, said("Validation Failed")), "GitHub answered 422: Validation Failed"),
        ((200, {"Content-Type": "application/json"}, b'{"title": "A n'), "answer was cut short; run again"),
        ((200, {"Content-Type": "text/html"}, HTML), "the answer is not from GitHub; check GITHUB_API_URL"),
    ],
    ids=["401", "403", "404", "422", "a body that is cut short", "HTML in place of JSON"],
)
def test_what_asking_again_does_not_fix_is_one_line(
    unwell: Callable[[list[Any]], Unwell], fault: Fault, message: str
) -> None:
    github = unwell([fault] * 20)
    with pytest.raises(UserError) as error:
        title()
    assert message in str(error.value)
    assert "\n" not in str(error.value)
    assert github.asked == 1


def test_a_github_that_cannot_be_reached_is_one_line(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("GITHUB_API_URL", "http://127.0.0.1:9/api/v3")
    monkeypatch.setenv("GITHUB_REPOSITORY", TAXONOMY)
    monkeypatch.setenv("GITHUB_TOKEN", "x")
    monkeypatch.setattr("bot.github.client.RETRIES", 1)
    with pytest.raises(UserError, match="GitHub cannot be reached: ConnectionError; run again"):
        title()
