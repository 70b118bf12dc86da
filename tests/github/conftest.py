"""The local GitHub of its own tests: what the bot does there is seen as people would see it."""

from tests.localworld.github.conftest import clone, lab, proposal, proposed, server, settled

__all__ = ["clone", "lab", "proposal", "proposed", "server", "settled"]
