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
from bot.github.slash_commands import COMMANDS, Asked, Command, help_
from bot.text.escape_markdown import escape

_COMMAND = re.compile(r"/arborist(?:[ \t]+([\w-]*)(.*))?", re.IGNORECASE)

MOST_NAMED = 5
"""Maximum number of a comment's commands that a reply names."""


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


@dataclass(frozen=True)
class AcceptedDraft:
    """An issue with a document, of which a GPU runner is to draft a leaf."""

    issue: int

    def outputs(self) -> dict[str, str]:
        """Return the outputs for the workflow's next job."""
        return {"issue": str(self.issue)}


def find_commands(body: str) -> list[Command]:
    """Return the commands in a comment: the lines of paragraphs that start with `/arborist`.

    Case does not matter, and a line without a command's name is a command with the name "". Only top-level
    paragraphs of the rendered Markdown count. Quotes, lists, headings, code blocks and HTML (including HTML
    comments) do not.
    """
    commands = []
    blocks = MarkdownIt("commonmark").parse(body)
    for opening, content in pairwise(blocks):
        if opening.type == "paragraph_open" and opening.level == 0:
            found = (_COMMAND.fullmatch(line.rstrip()) for line in _lines(content.children or []))
            commands += [Command((one[1] or "").lower(), (one[2] or "").strip()) for one in found if one]
    return commands


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
) -> Accepted | AcceptedDraft | None:
    """Handle an `issue_comment` event: react to the command, check its author, and answer or hand it over.

    Handling the same event twice has the same effect as once.

    Returns:
        What a GPU runner is to do; None if nothing is left to do.
    """
    number, given = event["issue"]["number"], event["comment"]
    commands = find_commands(given["body"] or "")
    if not commands:
        return None
    command = commands[0]
    thread = repository.get_issue(number)
    comment = thread.get_comment(given["id"])
    try:
        same = find_commands(comment.body or "") == commands
    except UnknownObjectException:
        return None  # the comment was deleted, and with it the command
    if len(commands) > 1 and comment.user.type != "Bot":
        reply(thread, repository.full_name, f"{comment.id} more", _one_at_a_time(commands))
    asked = Asked(repository, recipe, store, thread, command, comment.created_at, comment.user.login)
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
    if isinstance(answer, Work):
        return Accepted(answer, number, asked.pull.head.sha)
    return AcceptedDraft(answer.number)


def _one_at_a_time(commands: Sequence[Command]) -> str:
    """Return the reply to a comment with several commands, of which the first one counts."""
    first, *others = (f"`{f'/arborist {escape(one.name, 40)}'.strip()}`" for one in commands[:MOST_NAMED])
    more = " and others" if len(commands) > MOST_NAMED else ""
    return (
        f"A comment can give only one command. The first one counts: {first}. "
        f"Not done: {', '.join(others)}{more}. Give each in a comment of its own."
    )


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
        what = f"There is no command `{escape(name, 40)}` here." if name else "Which command do you mean?"
        text = f"{what} Start a line with one of these:\n\n{help_(asked)}"
        return "confused", str(comment.id), text
    if not COMMANDS[name].works_on(asked):
        place = "an issue that is made from the form" if asked.on_pull else "a pull request"
        text = f"`/arborist {name}` works on {place}. Here you can use:\n\n{help_(asked)}"
        return "confused", str(comment.id), text
    allowed = asked.recipe.commands[name]
    if not may(asked.repository, asked.thread, login, allowed):
        text = (
            f"`/arborist {name}` is for {who_may(allowed)} here, so you cannot use it. Ask somebody who can."
        )
        return "-1", once, text
    if asked.thread.state != "open" and not COMMANDS[name].when_closed:
        what = "pull request" if asked.on_pull else "issue"
        return "confused", str(comment.id), f"This {what} is closed, so there is nothing to do."
    return None
