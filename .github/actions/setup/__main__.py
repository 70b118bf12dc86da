"""Entry point of set-up. It checks Python's version before any import that an old Python lacks."""

import sys

if sys.version_info < (3, 11):  # noqa: UP036  the machine's own Python runs this file
    sys.exit(
        f"::error::set-up: {sys.executable} is Python {sys.version[:4]}; "
        "install Python 3.11 or newer on this machine"
    )

from step import main

main()
