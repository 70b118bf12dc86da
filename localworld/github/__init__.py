"""A local GitHub server that PyGithub and git accept: REST API over SQLite and bare git repositories."""

from localworld.github.app import create_app
from localworld.github.event import Event
from localworld.github.state import GitHub

__all__ = ["Event", "GitHub", "create_app"]
