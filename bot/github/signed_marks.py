"""Signed markers in the bot's comments: the bot recognizes its own comments, and nobody can forge them."""

import hashlib
import hmac
import os
from collections.abc import Iterable

from github.Issue import Issue
from github.IssueComment import IssueComment

SIGNED = 32
"""How many hexadecimal digits of a signature are written."""


def mark(purpose: str, repository: str, number: int, about: str = "") -> str:
    """Return an invisible HTML comment that marks a comment of the bot on one pull request.

    ARBORIST_SIGNING_KEY is the secret. Without it the bot still finds its comments, but anybody who reads
    this file can forge a marker. The only protection then is that comments by people are ignored.

    Args:
        purpose: what the comment is for: a word, such as `comment`.
        number: the number of the pull request.
        about: distinguishes several comments with the same purpose.
    """
    return f"<!-- arborist:{purpose} {sign(purpose, repository.casefold(), str(number), about)} -->"


def sign(*parts: str) -> str:
    """Return the signature of some texts with ARBORIST_SIGNING_KEY."""
    key = os.environ.get("ARBORIST_SIGNING_KEY", "").encode()
    return hmac.new(key, "\n".join(parts).encode(), hashlib.sha256).hexdigest()[:SIGNED]


def has_key() -> bool:
    """Return whether ARBORIST_SIGNING_KEY is set."""
    return bool(os.environ.get("ARBORIST_SIGNING_KEY"))


def marked(comments: Iterable[IssueComment], opening: str) -> IssueComment | None:
    """Return the first comment by a bot that begins with a marker; None if there is none."""
    for comment in comments:
        if (comment.body or "").startswith(opening) and comment.user.type == "Bot":
            return comment
    return None


def reply(thread: Issue, repository: str, about: str, text: str) -> None:
    """Reply in a separate comment, unless there is already a reply with the same key.

    Args:
        thread: the issue of the pull request.
        about: the key of the reply: the ID of the answered comment, or a text if it is posted once for all.
    """
    own = mark("reply", repository, thread.number, about)
    if marked(thread.get_comments(), own) is None:
        thread.create_comment(f"{own}\n{text}")
