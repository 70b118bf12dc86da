"""GitHub's JSON shapes, made from rows and git objects; the OpenAPI description says what they must hold."""

from bot.local.github.shapes.checks import ANNOTATION, annotation, check_run, check_suite, event_check_run
from bot.local.github.shapes.git import (
    commit,
    commit_with_files,
    content,
    content_file,
    diff_entry,
    git_commit,
    ref,
    signature_of,
    tree,
    user_of,
)
from bot.local.github.shapes.issues import REACTIONS, comment, event_issue, issue, label, labels_of, reaction
from bot.local.github.shapes.pulls import pull, pull_simple, review, review_comment
from bot.local.github.shapes.repositories import (
    clone_url,
    full_repository,
    lite_repository,
    permissions,
    push_repository,
    repository,
    repository_url,
    web_url,
)
from bot.local.github.shapes.users import app, node_id, public_user, simple_user

__all__ = [
    "ANNOTATION",
    "REACTIONS",
    "annotation",
    "app",
    "check_run",
    "check_suite",
    "clone_url",
    "comment",
    "commit",
    "commit_with_files",
    "content",
    "content_file",
    "diff_entry",
    "event_check_run",
    "event_issue",
    "full_repository",
    "git_commit",
    "issue",
    "label",
    "labels_of",
    "lite_repository",
    "node_id",
    "permissions",
    "public_user",
    "pull",
    "pull_simple",
    "push_repository",
    "reaction",
    "ref",
    "repository",
    "repository_url",
    "review",
    "review_comment",
    "signature_of",
    "simple_user",
    "tree",
    "user_of",
    "web_url",
]
