"""What all tests share: GitHub's contract, the installed package, and how properties draw their examples."""

import os

from hypothesis import HealthCheck, settings

pytest_plugins = ["pytester", "tests.contract.plugin", "tests.package.plugin"]

# On GitHub's own runners the tests make stores in folders, too, and those are folders of the same machine.
os.environ.pop("RUNNER_ENVIRONMENT", None)

# `make test` draws the same examples each time, so that a test cannot fail by its draw. `make fuzz` explores;
# what it finds is written into the test as an @example.
_SLOW = [HealthCheck.too_slow]
settings.register_profile("test", derandomize=True, deadline=20_000, suppress_health_check=_SLOW)
settings.register_profile(
    "fuzz", max_examples=4_000, deadline=2_000, print_blob=True, suppress_health_check=_SLOW
)
settings.load_profile(os.environ.get("HYPOTHESIS_PROFILE", "test"))
