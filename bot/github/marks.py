"""Signed marks in what the bot writes: it finds its own comments again, and nobody can write one for it."""

import hashlib
import hmac
import os
from collections.abc import Iterable

from github.Issue import Issue
from github.IssueComment import IssueComment

SIGNED = 32
"""Hexadecimal digits of a signature that are written."""


def mark(purpose: str, repository: str, number: int, about: str = "") -> str:
    """An HTML comment that is seen by nobody and holds for one purpose on one pull request.

    ARBORIST_SIGNING_KEY is the secret. Without one the marks still find what the bot wrote, but who reads
    this file can write them; that only a bot's comment counts is then all that keeps strangers out.

    Args:
        purpose: a word, such as `comment`.
        about: what tells several of one purpose apart.
    """
    return f"<!-- arborist:{purpose} {sign(purpose, repository.casefold(), str(number), about)} -->"


def sign(*parts: str) -> str:
    """The signature of some texts under ARBORIST_SIGNING_KEY."""
    key = os.environ.get("ARBORIST_SIGNING_KEY", "").encode()
    return hmac.new(key, "\n".join(parts).encode(), hashlib.sha256).hexdigest()[:SIGNED]


def has_key() -> bool:
    """Whether signatures are made with a secret."""
    return bool(os.environ.get("ARBORIST_SIGNING_KEY"))


def marked(comments: Iterable[IssueComment], opening: str) -> IssueComment | None:
    """The bot's first comment that begins with a mark."""
    for comment in comments:
        if (comment.body or "").startswith(opening) and comment.user.type == "Bot":
            return comment
    return None


def reply(thread: Issue, repository: str, about: str, text: str) -> None:
    """Answer in a comment of its own; whoever answers the same thing again adds nothing.

    Args:
        thread: the pull request's.
        about: what is answered: a comment's id, or what is said once for all.
    """
    own = mark("reply", repository, thread.number, about)
    if marked(thread.get_comments(), own) is None:
        thread.create_comment(f"{own}\n{text}")
