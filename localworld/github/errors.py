"""Error responses of the GitHub API."""

from collections.abc import Sequence
from typing import Any


class ApiError(Exception):
    """An error response in GitHub's shape.

    Args:
        status: the HTTP status, 4xx.
        message: GitHub's message.
        errors: details of a 422, such as `{"resource": "Label", "field": "name", "code": "already_exists"}`.
    """

    def __init__(self, status: int, message: str, errors: Sequence[Any] | None = None) -> None:
        super().__init__(message)
        self.status = status
        self.message = message
        self.errors = errors


def not_found() -> ApiError:
    """Create a 404, for a resource that does not exist or that the caller may not see."""
    return ApiError(404, "Not Found")


def invalid(resource: str, field: str, code: str = "invalid", message: str | None = None) -> ApiError:
    """Create a 422 about one field.

    Args:
        resource: GitHub's name of the resource, such as `PullRequest`.
        code: missing, missing_field, invalid or already_exists; ignored if there is a message.
        message: GitHub's message; the code is then `custom`.
    """
    detail = {"resource": resource, "field": field, "code": "custom" if message else code}
    if message:
        detail["message"] = message
    return ApiError(422, "Validation Failed", [detail])
