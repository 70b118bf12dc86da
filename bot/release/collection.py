"""The collection on the Hub that shows a model and its companions on one page."""

from collections.abc import Sequence

from bot.core.errors import UserError
from bot.core.progress import say
from bot.release.hub_repository import HubRepository, api, hub_errors

LONGEST_TITLE = 59
"""Maximum number of characters in the title of a collection on the Hub."""


def join_in_collection(model: str, companions: Sequence[HubRepository], *, private: bool = False) -> None:
    """Put a model and its companions into one collection; if the Hub refuses that, print a line.

    The release is complete without the collection. A trusted publisher's token writes to one repository only,
    so where there is no HF_TOKEN, the owners make the collection.
    """
    if not companions:
        return
    owner, _, name = model.partition("/")
    title, items = name[:LONGEST_TITLE], [HubRepository(model), *companions]
    try:
        with hub_errors(f"the collection {title} was not updated"):
            _add(owner, title, items, private=private)
    except UserError as error:
        reason = str(error).partition("; ")[0]  # the rest says how to publish, which has worked
        named = " and ".join(item.resource for item in items)
        say(f"the release is complete, but {reason}; whoever may write for {owner} can add {named} to it")


def _add(owner: str, title: str, items: Sequence[HubRepository], *, private: bool) -> None:
    """Create the collection if it is missing, and add the items that it lacks."""
    collection = api().create_collection(
        title,
        namespace=owner,
        description="A model and what was released with it",
        private=private,
        exists_ok=True,
    )
    there = {(item.item_type, item.item_id) for item in collection.items}
    for item in items:
        if (item.type, item.name) not in there:
            api().add_collection_item(collection.slug, item.name, item.type, exists_ok=True)
