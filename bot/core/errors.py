"""The error class that users see: one line with what is wrong, where, and how to fix it."""

import errno
import gc
import os
import sys
from collections.abc import Callable


class UserError(Exception):
    """An error caused by a user, a pull request or a service; printed as one line, without a traceback.

    Args:
        message: what is wrong, where, and how to fix it, in one line.
        code: the exit code: 1 if the input has errors, 2 if the usage or the environment is wrong.
    """

    def __init__(self, message: str, *, code: int = 2) -> None:
        super().__init__(message)
        self.code = code


def run_program(run: Callable[[], object], program: str = "arborist") -> None:
    """Run a program; print a UserError or a full disk as one line on stderr and exit with an error code.

    Args:
        program: the name at the start of the printed line.
    """
    # While it imports torch and transformers, Python would search for garbage a thousand times in vain.
    gc.set_threshold(50_000, 20, 100)
    try:
        run()
    except UserError as error:
        print(f"{program}: {error}", file=sys.stderr)
        sys.exit(error.code)
    except OSError as error:
        # When several copies fail, shutil raises one error without an errno.
        if error.errno not in (errno.ENOSPC, errno.EDQUOT) and os.strerror(errno.ENOSPC) not in str(error):
            raise
        print(f"{program}: {error}; free disk space and run again to resume", file=sys.stderr)
        sys.exit(2)
