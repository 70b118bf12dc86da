"""GitHub's JSON shapes, made from rows and git objects; the OpenAPI description says what they must hold."""

from bot.local.github.shapes.checks import ANNOTATION, annotation, check_run, check_suite
from bot.local.github.shapes.repositories import (
    clone_url,
    full_repository,
    permissions,
    push_repository,
    repository,
    repository_url,
    web_url,
)
from bot.local.github.shapes.users import app, node_id, public_user, simple_user

__all__ = [
    "ANNOTATION",
    "annotation",
    "app",
    "check_run",
    "check_suite",
    "clone_url",
    "full_repository",
    "node_id",
    "permissions",
    "public_user",
    "push_repository",
    "repository",
    "repository_url",
    "simple_user",
    "web_url",
]
