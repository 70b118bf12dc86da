"""A local Hugging Face Hub server on which the unmodified client can push, tag and download models."""

from localworld.hub.app import create_hub
from localworld.hub.auth import HubUser
from localworld.hub.publishers import trust

__all__ = ["HubUser", "create_hub", "trust"]
