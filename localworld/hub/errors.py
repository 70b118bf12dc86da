"""Error responses of the Hub, with the headers from which the client creates its exceptions."""

from starlette.requests import Request
from starlette.responses import JSONResponse, Response


class HubError(Exception):
    """An error response.

    Args:
        status: the HTTP status.
        message: one line for the user; also sent as the header X-Error-Message.
        code: the header X-Error-Code, by which the client chooses its exception class.
        body: additional fields of the JSON body.
        headers: additional headers.
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
    """Create the error for a repository that does not exist or that the user may not see.

    As on the real Hub, the status is 404 for known users and 401 for anonymous requests.
    """
    message = f"Repository not found: {kind}/{name}" if known_user else "Invalid username or password."
    return HubError(404 if known_user else 401, message, "RepoNotFound")


def no_revision(revision: str) -> HubError:
    """Create a 404 for a revision that does not exist."""
    return HubError(404, f"Invalid rev id: {revision}", "RevisionNotFound")


def no_entry(path: str, commit: str) -> HubError:
    """Create a 404 for a missing file; the client caches by the commit in the header that it is missing."""
    return HubError(404, f"Entry not found: {path}", "EntryNotFound", headers={"X-Repo-Commit": commit})


def as_response(_: Request, error: Exception) -> Response:
    """Convert a HubError to a response, as a Starlette exception handler."""
    if not isinstance(error, HubError):
        raise error
    line = "".join(c if " " <= c <= "~" else "?" for c in error.message)  # headers are ASCII
    headers = error.headers | {"X-Error-Message": line}
    if error.code:
        headers["X-Error-Code"] = error.code
    return JSONResponse({"error": error.message, **error.body}, error.status, headers)
