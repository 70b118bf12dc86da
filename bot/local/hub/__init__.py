"""A Hugging Face Hub on this machine: what the unmodified client needs to push, tag and fetch models."""

from bot.local.hub.app import create_hub
from bot.local.hub.auth import HubUser
from bot.local.hub.publishers import trust

__all__ = ["HubUser", "create_hub", "trust"]
