"""The contract in every test: whatever talks to a local GitHub made with `contract` around it is checked.

    def test_something(contract):
        app = create_app(github, middleware=contract)

A test during which GitHub's description was violated fails and says where, whoever sent the request.
"""

from collections.abc import Generator

import pytest
from starlette.middleware import Middleware

from tests.contract.checker import Contract, Violation

VIOLATIONS: list[Violation] = []


@pytest.fixture(scope="session")
def contract() -> list[Middleware]:
    """The middleware to put around a local GitHub's application."""
    return [Middleware(Contract, report=VIOLATIONS)]


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
