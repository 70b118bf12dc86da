"""GitHub's JSON shapes, built from rows and git objects.

A function whose docstring names a schema returns that schema of GitHub's OpenAPI description.
"""

from localworld.github.shapes.checks import ANNOTATION, annotation, check_run, check_suite, event_check_run
from localworld.github.shapes.git import (
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
from localworld.github.shapes.issues import (
    REACTIONS,
    assignees_of,
    comment,
    event_issue,
    issue,
    label,
    labels_of,
    reaction,
)
from localworld.github.shapes.pulls import pull, pull_simple, review, review_comment
from localworld.github.shapes.repositories import (
    clone_url,
    full_repository,
    lite_repository,
    permissions,
    push_repository,
    repository,
    repository_url,
    web_url,
)
from localworld.github.shapes.timeline import (
    activity,
    commented,
    committed,
    event_with_issue,
    issue_event,
    line_commented,
    reviewed,
)
from localworld.github.shapes.users import app, app_id, node_id, public_user, simple_user

__all__ = [
    "ANNOTATION",
    "REACTIONS",
    "activity",
    "annotation",
    "app",
    "app_id",
    "assignees_of",
    "check_run",
    "check_suite",
    "clone_url",
    "comment",
    "commented",
    "commit",
    "commit_with_files",
    "committed",
    "content",
    "content_file",
    "diff_entry",
    "event_check_run",
    "event_issue",
    "event_with_issue",
    "full_repository",
    "git_commit",
    "issue",
    "issue_event",
    "label",
    "labels_of",
    "line_commented",
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
    "reviewed",
    "signature_of",
    "simple_user",
    "tree",
    "user_of",
    "web_url",
]
