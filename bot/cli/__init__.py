"""The command line: parse, call, print. Whatever is heavy is imported by the command that needs it."""

import errno
import os
import sys

from bot import __version__
from bot.cli import local, models, pulls, releases, samples, taxonomy
from bot.cli.root import app
from bot.errors import UserError

__all__ = ["local", "main", "models", "pulls", "releases", "samples", "taxonomy"]


def main() -> None:
    """Run a command; an error that a person can mend is one line and an exit code."""
    try:
        app()
    except UserError as error:
        print(f"arborist: {error}", file=sys.stderr)
        sys.exit(error.code)
    except OSError as error:
        # Of several files that could not be copied shutil gives no number.
        if error.errno not in (errno.ENOSPC, errno.EDQUOT) and os.strerror(errno.ENOSPC) not in str(error):
            raise
        print(f"arborist: {error}; make room and run again, which goes on where it was", file=sys.stderr)
        sys.exit(2)


@app.command()
def version() -> None:
    """Print the version."""
    print(__version__)
