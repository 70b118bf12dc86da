"""A GitHub on this machine: REST over SQLite and bare git repositories, which PyGithub and git accept."""

from bot.local.github.app import create_app
from bot.local.github.state import Event, GitHub

__all__ = ["Event", "GitHub", "create_app"]
