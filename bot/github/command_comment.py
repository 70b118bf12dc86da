"""Slash commands in comments: parse the command, check who gave it, and answer it."""

import re
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import Any

from github.GithubException import UnknownObjectException
from github.IssueComment import IssueComment
from github.Repository import Repository
from markdown_it import MarkdownIt
from markdown_it.token import Token

from bot.config.recipe import Recipe
from bot.core.errors import UserError
from bot.core.store import Store
from bot.github.gpu_work import Work
from bot.github.rights import may, who_may
from bot.github.signed_marks import reply
from bot.github.slash_commands import COMMANDS, Asked, Command
from bot.text.markdown import escape

_COMMAND = re.compile(r"/arborist[ \t]+([a-z]+)\b[ \t]*(.*)")


@dataclass(frozen=True)
class Accepted:
    """Work for a GPU runner, for the commit that the author of the command saw."""

    work: Work
    pull: int
    sha: str

    def outputs(self) -> dict[str, str]:
        """Return the outputs for the workflow's next job; every value is a single line."""
        return {
            "command": self.work.command,
            "arguments": self.work.arguments,
            "pull": str(self.pull),
            "sha": self.sha,
        }


def find_command(body: str) -> Command | None:
    """Return the first command in a comment: a line of a paragraph that starts with `/arborist`.

    Only top-level paragraphs of the rendered Markdown count. Quotes, lists, headings, code blocks and HTML
    (including HTML comments) do not.
    """
    blocks = MarkdownIt("commonmark").parse(body)
    for opening, content in pairwise(blocks):
        if opening.type == "paragraph_open" and opening.level == 0:
            for line in _lines(content.children or []):
                found = _COMMAND.fullmatch(line.rstrip())
                if found:
                    return Command(found.group(1), found.group(2).strip())
    return None


def _lines(content: Sequence[Token]) -> list[str]:
    """Return the lines of a paragraph; a line that starts with something other than text is empty."""
    lines, fresh = [""], True
    for part in content:
        if part.type in ("softbreak", "hardbreak"):
            lines.append("")
            fresh = True
            continue
        if not fresh and lines[-1]:
            lines[-1] += part.content or part.markup
        elif fresh and part.type == "text":
            lines[-1] = part.content
        fresh = fresh and part.type == "text" and not part.content
    return lines


def handle_comment(
    repository: Repository, recipe: Recipe, store: Store, event: dict[str, Any]
) -> Accepted | None:
    """Handle an `issue_comment` event: react to the command, check its author, and answer or hand it over.

    Handling the same event twice has the same effect as once.

    Returns:
        The work for a GPU runner; None if nothing is left to do.
    """
    number, given = event["issue"]["number"], event["comment"]
    command = find_command(given["body"] or "")
    if command is None or "pull_request" not in event["issue"]:
        return None
    thread = repository.get_issue(number)
    comment = thread.get_comment(given["id"])
    try:
        same = find_command(comment.body or "") == command
    except UnknownObjectException:
        return None  # the comment was deleted, and with it the command
    asked = Asked(repository, recipe, store, thread, command, comment.created_at)
    refusal = _refusal(asked, comment, same)
    if refusal:
        reaction, about, text = refusal
        comment.create_reaction(reaction)
        reply(thread, repository.full_name, about, text)
        return None
    comment.create_reaction("eyes")
    try:
        answer = COMMANDS[command.name].answer(asked)
    except UserError as error:
        answer = f"`/arborist {command.name}` failed: {escape(str(error))}"
    if isinstance(answer, str):
        reply(thread, repository.full_name, str(comment.id), answer)
        return None
    return Accepted(answer, number, asked.pull.head.sha)


def _refusal(asked: Asked, comment: IssueComment, same: bool) -> tuple[str, str, str] | None:
    """Decide whether a command is refused.

    Args:
        comment: the comment with the command.
        same: whether the comment still contains this command.

    Returns:
        The reaction, a key under which the reply is posted only once, and the reply; None if not refused.
    """
    name, login = asked.command.name, comment.user.login
    once = f"refused {login} {name}"
    if not same:
        return (
            "confused",
            str(comment.id),
            "The comment was edited since you posted it. Give the command in a new comment.",
        )
    if comment.user.type == "Bot":
        return "-1", f"refused {login}", "Commands are for people; commands from bots are ignored."
    if name not in COMMANDS or name not in asked.recipe.commands:
        text = f"There is no command `{escape(name, 40)}` here. `/arborist help` lists the commands."
        return "confused", str(comment.id), text
    allowed = asked.recipe.commands[name]
    if not may(asked.repository, asked.thread, login, allowed):
        text = (
            f"`/arborist {name}` is for {who_may(allowed)} here, so you cannot use it. Ask somebody who can."
        )
        return "-1", once, text
    if asked.thread.state != "open" and not COMMANDS[name].when_closed:
        return "confused", str(comment.id), "This pull request is closed, so there is nothing to do."
    return None
