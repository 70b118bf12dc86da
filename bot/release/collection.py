"""The collection on the Hub that shows a model and its companions on one page."""

from collections.abc import Sequence

from bot.core.errors import UserError
from bot.core.progress import say
from bot.release.hub_repository import HubRepository, api, hub_errors

LONGEST_TITLE = 59
"""Maximum number of characters in the title of a collection on the Hub."""


def join_in_collection(model: str, companions: Sequence[HubRepository]) -> None:
    """Put a model and its companions into one collection; if the Hub refuses that, print a line.

    The release is complete without the collection. A trusted publisher's token writes to one repository only,
    so where there is no HF_TOKEN, the owners make the collection.
    """
    if not companions:
        return
    owner, _, name = model.partition("/")
    items = [HubRepository(model), *companions]
    try:
        with hub_errors(f"the collection {name[:LONGEST_TITLE]}"):
            _add(owner, name[:LONGEST_TITLE], items)
    except UserError as error:
        named = ", ".join(item.resource for item in items)
        say(
            f"the release is complete, but not its collection on the Hub; its owners can add {named}: {error}"
        )


def _add(owner: str, title: str, items: Sequence[HubRepository]) -> None:
    collection = api().create_collection(
        title, namespace=owner, description="A model and what was released with it", exists_ok=True
    )
    there = {(item.item_type, item.item_id) for item in collection.items}
    for item in items:
        if (item.type, item.name) not in there:
            api().add_collection_item(collection.slug, item.name, item.type, exists_ok=True)
