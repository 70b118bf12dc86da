"""The one kind of error that people see: a line that says what, where, and how to mend it."""

import errno
import os
import sys
from collections.abc import Callable


class UserError(Exception):
    """Something that a user, a pull request or a service caused; shown as one line, never as a traceback.

    Args:
        message: what is wrong, where, and how to mend it, in one line.
        code: the exit code: 1 the input has errors, 2 wrong use or environment.
    """

    def __init__(self, message: str, *, code: int = 2) -> None:
        super().__init__(message)
        self.code = code


def plainly(run: Callable[[], object]) -> None:
    """Run a program; what a person can mend, a full disk wherever it is met, is one line and an exit code."""
    try:
        run()
    except UserError as error:
        print(f"arborist: {error}", file=sys.stderr)
        sys.exit(error.code)
    except OSError as error:
        # Of several files that could not be copied shutil gives no number.
        if error.errno not in (errno.ENOSPC, errno.EDQUOT) and os.strerror(errno.ENOSPC) not in str(error):
            raise
        print(f"arborist: {error}; make room and run again, which goes on where it was", file=sys.stderr)
        sys.exit(2)
