"""What the Hub answers when it says no: a status, and headers that the client turns into its exceptions."""

from starlette.requests import Request
from starlette.responses import JSONResponse, Response


class HubError(Exception):
    """A request that cannot be served.

    Args:
        status: the HTTP status.
        message: one line for the person; it also travels as X-Error-Message.
        code: X-Error-Code, from which the client picks its exception class.
        body: more members of the JSON answer.
        headers: more headers of the answer.
    """

    def __init__(
        self,
        status: int,
        message: str,
        code: str = "",
        body: dict[str, object] | None = None,
        headers: dict[str, str] | None = None,
    ) -> None:
        super().__init__(message)
        self.status = status
        self.message = message
        self.code = code
        self.body = body or {}
        self.headers = headers or {}


def no_repository(kind: str, name: str, *, known_user: bool) -> HubError:
    """A repository that is not there, or that must look so; to strangers the real Hub says 401, not 404."""
    message = f"Repository not found: {kind}/{name}" if known_user else "Invalid username or password."
    return HubError(404 if known_user else 401, message, "RepoNotFound")


def no_revision(revision: str) -> HubError:
    return HubError(404, f"Invalid rev id: {revision}", "RevisionNotFound")


def no_entry(path: str, commit: str) -> HubError:
    """With the commit the client remembers that the file is not there."""
    return HubError(404, f"Entry not found: {path}", "EntryNotFound", headers={"X-Repo-Commit": commit})


def as_response(_: Request, error: Exception) -> Response:
    """Starlette's handler for HubError."""
    if not isinstance(error, HubError):
        raise error
    line = "".join(c if " " <= c <= "~" else "?" for c in error.message)  # what a header may hold
    headers = error.headers | {"X-Error-Message": line}
    if error.code:
        headers["X-Error-Code"] = error.code
    return JSONResponse({"error": error.message, **error.body}, error.status, headers)
