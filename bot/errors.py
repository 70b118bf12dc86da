"""The one kind of error that people see: a line that says what, where, and how to mend it."""


class UserError(Exception):
    """Something that a user, a pull request or a service caused; shown as one line, never as a traceback.

    Args:
        message: what is wrong, where, and how to mend it, in one line.
        code: the exit code: 1 the input has errors, 2 wrong use or environment.
    """

    def __init__(self, message: str, *, code: int = 2) -> None:
        super().__init__(message)
        self.code = code
