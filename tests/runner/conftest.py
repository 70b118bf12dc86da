"""One local GitHub with Actions for the tests of a module; each test makes its own repository in it."""

from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from tests.contract.plugin import Watch
from tests.helpers.job_runner import Workplace
from tests.helpers.local_actions import Lab


@pytest.fixture(scope="module")
def lab(tmp_path_factory: pytest.TempPathFactory, contract: Watch) -> Iterator[Lab]:
    """A served GitHub; every exchange is held against GitHub's description."""
    served = Lab(tmp_path_factory.mktemp("lab"), contract)
    yield served
    served.stop()


@pytest.fixture
def workplace(lab: Lab, tmp_path: Path) -> Callable[..., Workplace]:
    """workplace(name=workflow, …): a new repository with these workflows, and a machine for its jobs."""
    return lambda **workflows: Workplace(lab, tmp_path, **workflows)
