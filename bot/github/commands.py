"""Slash commands in comments: which one, by whom, on which commit."""

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

from bot.github.answers import COMMANDS, Asked, Command
from bot.github.marks import reply
from bot.github.rights import may, who_may
from bot.github.work import Work
from bot.markdown import escape
from bot.recipe import Recipe
from bot.store import Store

_COMMAND = re.compile(r"/arborist[ \t]+([a-z]+)\b[ \t]*(.*)")


@dataclass(frozen=True)
class Accepted:
    """Work for a GPU runner, bound to the commit that the person saw who asked for it."""

    work: Work
    pull: int
    sha: str

    def outputs(self) -> dict[str, str]:
        """What the workflow's next job is given; none of it can be more than one line."""
        return {
            "command": self.work.command,
            "arguments": self.work.arguments,
            "pull": str(self.pull),
            "sha": self.sha,
        }


def find_command(body: str) -> Command | None:
    """The first command in a comment: the first word of a line of a paragraph, as GitHub renders it.

    Quotes, lists, headings, code blocks and HTML, comments included, are no paragraphs of the comment's own.
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
    """The lines of a paragraph; one that begins with something other than text is empty."""
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
    """Answer an `issue_comment` event: react, check who it was, do it or hand it over. Twice is as once.

    Returns:
        What a GPU runner has to do, or None when there is nothing more to do.
    """
    number, given = event["issue"]["number"], event["comment"]
    command = find_command(given["body"] or "")
    if command is None or "pull_request" not in event["issue"]:
        return None
    thread = repository.get_issue(number)
    said = thread.get_comment(given["id"])
    try:
        same = find_command(said.body or "") == command
    except UnknownObjectException:
        return None  # deleted meanwhile, and with it what was asked for
    asked = Asked(repository, recipe, store, thread, command, said.created_at)
    refusal = _refusal(asked, said, same)
    if refusal:
        reaction, about, text = refusal
        said.create_reaction(reaction)
        reply(thread, repository.full_name, about, text)
        return None
    said.create_reaction("eyes")
    answer = COMMANDS[command.name].answer(asked)
    if isinstance(answer, str):
        reply(thread, repository.full_name, str(said.id), answer)
        return None
    return Accepted(answer, number, asked.pull.head.sha)


def _refusal(asked: Asked, said: IssueComment, same: bool) -> tuple[str, str, str] | None:
    """Why a command is not followed: the reaction, what is answered once only, the answer; None if it is."""
    name, login = asked.command.name, said.user.login
    once = f"refused {login} {name}"
    if not same:
        return "confused", str(said.id), "The comment was edited since; say it in a new one."
    if said.user.type == "Bot":
        return "-1", f"refused {login}", "Commands are for people; a bot's are not followed."
    if name not in COMMANDS or name not in asked.recipe.commands:
        text = f"There is no command `{escape(name, 40)}` here. `/arborist help` lists what there is."
        return "confused", str(said.id), text
    allowed = asked.recipe.commands[name]
    if not may(asked.repository, asked.thread, login, allowed):
        text = (
            f"`/arborist {name}` is for {who_may(allowed)} here, and that is not the case for you. "
            "One of them can give the command for you."
        )
        return "-1", once, text
    if asked.thread.state != "open" and not COMMANDS[name].when_closed:
        return "confused", str(said.id), "This pull request is closed, so there is nothing to do."
    return None
