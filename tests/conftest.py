"""What all tests share: GitHub's contract, kept wherever a local GitHub is talked to."""

pytest_plugins = ["pytester", "tests.contract.plugin"]
