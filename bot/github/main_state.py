"""What the default branch asks for: its leaves, and the pull requests merged since the newest release."""

from collections.abc import Sequence, Set
from dataclasses import dataclass
from pathlib import Path

from bot.config.recipe import Recipe
from bot.core.errors import UserError
from bot.core.progress import say
from bot.core.store import Store, StoreError
from bot.github.announce import known_pulls, merged_pulls
from bot.github.client import configured, connect, github_errors
from bot.pipeline.origin import Quarantined
from bot.pipeline.quarantine import quarantine
from bot.pipeline.release_inputs import is_released
from bot.release.hub import Release
from bot.taxonomy.changes import deleted_leaves, tree_id
from bot.taxonomy.files import GitError, NoCommit, git, resolve
from bot.taxonomy.layout import DEFAULT, Layout
from bot.taxonomy.leaf import Leaf
from bot.taxonomy.tree import read_tree_at

MOST_NAMED = 5
"""How many leaves one message names."""
SETTINGS = ("arborist.yaml", "prompts", "runners")
"""Files and folders beside the taxonomy that a model depends on."""


class Unreadable(UserError):
    """Raised if the taxonomy on main contains an error."""


@dataclass(frozen=True)
class Wanted:
    """What a commit asks for.

    Attributes:
        tree: git's hash of the taxonomy's folder.
        same: whether the newest release has exactly this tree; then the leaves are not read.
    """

    tree: str
    same: bool
    leaves: Sequence[Leaf] = ()
    quarantined: tuple[Quarantined, ...] = ()


def new_pulls(folder: Path, commit: str, released: Release | None, layout: Layout) -> list[int]:
    """Return the pull requests that were merged since the newest release and may change the next model.

    Outside GitHub there are none.
    """
    if not configured():
        return []
    with github_errors("finding the merged pull requests"):
        if released is None:
            return known_pulls(connect(), set(commits_between(folder, "", commit)))
        since = released.manifest["taxonomy"]["commit"]
        if since == commit:
            return []
        return merged_pulls(connect(), commits_between(folder, since, commit, (*layout.folders, *SETTINGS)))


def wanted_by(folder: Path, commit: str, released: Release | None, recipe: Recipe, store: Store) -> Wanted:
    """Read what a commit asks for.

    Raises:
        Unreadable: no leaf can be read, or a leaf of the newest release is missing though nobody deleted it.
    """
    layout = recipe.taxonomy
    tree = tree_id(folder, commit, layout)
    # If nothing has changed, the leaves of a large taxonomy do not even have to be read.
    if is_released(released, tree, recipe):
        return Wanted(tree, same=True)
    try:
        found = read_tree_at(folder, commit, layout=layout, access=recipe.documents, store=store)
        if released is not None:
            there = {leaf.path for leaf in found.leaves} | {leaf.path for leaf in found.broken}
            check_losses(folder, commit, there, released, layout)
        leaves, quarantined = quarantine(folder, found, released, recipe, store)
    except UserError as error:
        raise (
            error if isinstance(error, (GitError, StoreError)) else Unreadable(str(error), code=error.code)
        ) from None
    return Wanted(tree, False, leaves, quarantined)


def commits_between(folder: Path, since: str, until: str, paths: Sequence[str] = ()) -> list[str]:
    """Return the first-parent commits of `until` that are not in the history of `since`, the newest first.

    Args:
        since: a commit; "" for the whole history.
        paths: only commits that change something there; all commits if empty.
    """
    try:
        span = f"{resolve(folder, since)}..{until}" if since else until
    except NoCommit:
        # main was rewritten, or the checkout is shallow, so only the last commit is known.
        say(f"the commit of the previous release ({since[:7]}) is not in this checkout")
        return [until]
    return git(folder, "rev-list", "--first-parent", "--end-of-options", span, "--", *paths).decode().split()


def check_losses(
    folder: Path, commit: str, leaves: Set[str], released: Release, layout: Layout = DEFAULT
) -> None:
    """Check that each leaf of the previous release that is missing now was deleted by a commit since.

    Args:
        leaves: the paths of the leaves at the commit, with those that cannot be read.

    Raises:
        UserError: a leaf is missing though no commit deleted it: main was rewritten, or the leaf is not read.
    """
    lost = {leaf["path"] for leaf in released.manifest["leaves"]} - leaves
    if not lost:
        return
    since = released.manifest["taxonomy"]["commit"]
    missing = sorted(lost - deleted_leaves(folder, since, commit, layout))
    if missing:
        more = f" and {len(missing) - MOST_NAMED} more" if len(missing) > MOST_NAMED else ""
        raise UserError(
            f"nothing is released: {', '.join(missing[:MOST_NAMED])}{more} of {released.tag} is not in the "
            f"taxonomy at {commit[:7]}, and no commit since {since[:7]} deleted it; put it back, or delete "
            "it in a commit",
            code=1,
        )
