"""Slash commands in comments: which one, by whom, on which commit."""

import re
from dataclasses import dataclass
from typing import Any

from github.Repository import Repository

from bot.markdown import escape
from bot.recipe import Recipe

_COMMAND = re.compile(r"^/arborist[ \t]+([a-z]+)[ \t]*(.*)$")
_FENCE = re.compile(r"^ {0,3}(```+|~~~+)")

HELP = """**Commands**
- `/arborist sample`: samples from this contribution, and what today's model answers to its questions
- `/arborist help`: this list"""


@dataclass(frozen=True)
class Command:
    """A command somebody gave: its name, the rest of its line."""

    name: str
    arguments: str


@dataclass(frozen=True)
class Accepted:
    """A command that may run, bound to the pull request's commit at that moment."""

    command: Command
    pull: int
    sha: str


def find_command(body: str) -> Command | None:
    """The first command in a comment: first word of a line, outside quotes and code."""
    fence = ""
    for line in body.splitlines():
        opened = _FENCE.match(line)
        if opened and (not fence or line.strip().startswith(fence)):
            fence = "" if fence else opened.group(1)
            continue
        found = None if fence else _COMMAND.match(line)
        if found:
            return Command(found.group(1), found.group(2).strip())
    return None


def handle_comment(repository: Repository, recipe: Recipe, event: dict[str, Any]) -> Accepted | None:
    """Answer an `issue_comment` event: react, check who it was, say what happens.

    Returns:
        The command for a GPU job to run, or None when there is nothing more to do.
    """
    issue, comment = event["issue"], event["comment"]
    command = find_command(comment["body"] or "")
    if command is None or "pull_request" not in issue or comment["user"]["type"] == "Bot":
        return None
    thread = repository.get_issue(issue["number"])
    said = thread.get_comment(comment["id"])
    if command.name not in recipe.commands or command.name not in ("help", "sample"):
        said.create_reaction("confused")
        thread.create_comment(f"There is no command `{escape(command.name, 40)}` here.\n\n{HELP}")
        return None
    login = comment["user"]["login"]
    role = repository.get_collaborator_role_name(login)
    if role not in recipe.commands[command.name]:
        said.create_reaction("-1")
        allowed = ", ".join(recipe.commands[command.name]) or "nobody"
        thread.create_comment(
            f"`/arborist {command.name}` is for {allowed} here, and you have the role {escape(role)}. "
            "A maintainer can give the command for you."
        )
        return None
    if issue["state"] != "open":
        said.create_reaction("confused")
        thread.create_comment("This pull request is closed, so there is nothing to do.")
        return None
    said.create_reaction("eyes")
    if command.name == "help":
        thread.create_comment(HELP)
        return None
    sha = repository.get_pull(issue["number"]).head.sha
    return Accepted(command, issue["number"], sha)
