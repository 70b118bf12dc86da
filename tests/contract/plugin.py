"""The contract in every test: whatever a local GitHub says while a test runs is checked.

    def test_something(tmp_path, contract):
        github = contract.watch(GitHub(tmp_path, "http://127.0.0.1"))
        app = create_app(github, middleware=contract.middleware)

A test during which GitHub's own description was violated fails and says where, whoever sent the request.
"""

from collections.abc import Generator
from typing import Any, TypeVar

import pytest
from starlette.middleware import Middleware

from tests.contract.checker import Contract, Violation
from tests.contract.webhooks import check_payload

VIOLATIONS: list[Violation] = []
T = TypeVar("T")


class Watch:
    """What a test puts around a local GitHub."""

    middleware = (Middleware(Contract, report=VIOLATIONS),)

    def watch(self, github: T) -> T:
        """Check the payload of each event that this GitHub emits; returns the GitHub."""

        def heed(event: Any) -> None:
            VIOLATIONS.extend(check_payload(event.name, event.payload))

        github.subscribe(heed)  # type: ignore[attr-defined]
        return github


@pytest.fixture(scope="session")
def contract() -> Watch:
    """Checks what a local GitHub answers (`middleware`) and emits (`watch`)."""
    return Watch()


def take(violations: list[Violation]) -> str:
    """Empty the list; what was in it as text, each violation once, with how often it came."""
    taken = [violations.pop(0) for _ in range(len(violations))]
    return "\n".join(f"  {one} ({taken.count(one)}x)" for one in dict.fromkeys(taken))


@pytest.hookimpl(wrapper=True)
def pytest_runtest_call(item: pytest.Item) -> Generator[None, object, object]:
    """Fail a test for what was said before and during it; a test that fails anyway shows it beside."""
    try:
        result = yield
    except BaseException:
        if violations := take(VIOLATIONS):
            item.add_report_section("call", "GitHub's contract", violations)
        raise
    if violations := take(VIOLATIONS):
        pytest.fail(f"GitHub's contract is violated:\n{violations}", pytrace=False)
    return result


def pytest_sessionfinish(session: pytest.Session) -> None:
    """What came after the last test, from servers that stop late, still fails the run."""
    if violations := take(VIOLATIONS):
        print(f"\nGitHub's contract is violated after the last test:\n{violations}")
        session.exitstatus = pytest.ExitCode.TESTS_FAILED
