"""What GitHub answers when it does not do what it was asked."""

from collections.abc import Sequence
from typing import Any


class ApiError(Exception):
    """An answer with an error status, in GitHub's shape.

    Args:
        status: the HTTP status, 4xx.
        message: GitHub's words.
        errors: details of a 422, such as `{"resource": "Label", "field": "name", "code": "already_exists"}`.
    """

    def __init__(self, status: int, message: str, errors: Sequence[Any] | None = None) -> None:
        super().__init__(message)
        self.status = status
        self.message = message
        self.errors = errors


def not_found() -> ApiError:
    """What is not there, or not for this caller's eyes."""
    return ApiError(404, "Not Found")


def invalid(resource: str, field: str, code: str = "invalid", message: str | None = None) -> ApiError:
    """A 422 about one field; `code` is missing, missing_field, invalid, already_exists or custom."""
    detail = {"resource": resource, "field": field, "code": "custom" if message else code}
    if message:
        detail["message"] = message
    return ApiError(422, "Validation Failed", [detail])
