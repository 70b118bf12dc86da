"""One local GitHub with Actions for the tests of a module; each test makes its own repository in it."""

from collections.abc import Iterator

import pytest

from tests.contract.plugin import Watch
from tests.helpers.local_actions import Lab


@pytest.fixture(scope="module")
def lab(tmp_path_factory: pytest.TempPathFactory, contract: Watch) -> Iterator[Lab]:
    """A served GitHub; every exchange and event is held against GitHub's description."""
    served = Lab(tmp_path_factory.mktemp("lab"), contract)
    yield served
    served.stop()
