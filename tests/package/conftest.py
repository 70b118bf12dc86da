"""The local GitHub of its own tests, for commands that speak to one."""

from tests.local.github.conftest import server, settled

__all__ = ["server", "settled"]
