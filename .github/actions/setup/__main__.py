"""Entry point: refuses a Python that is too old in one line, before anything is imported that it lacks."""

import sys

if sys.version_info < (3, 11):  # noqa: UP036  it is the machine's Python that runs this
    sys.exit(f"::error::set-up: {sys.executable} is Python {sys.version[:4]}; arborist needs 3.11 or newer")

from step import main

main()
