"""Retrain on GitHub: train and release the checkout's commit, and report on the pull requests."""

import os
from collections.abc import Sequence, Set
from dataclasses import dataclass
from pathlib import Path

from github.Repository import Repository

from bot.config.recipe import Recipe
from bot.core.errors import UserError
from bot.core.progress import say
from bot.core.store import Store
from bot.github.announce import (
    announce_broken,
    announce_failure,
    announce_refusal,
    announce_release,
    announce_removed,
    announce_training,
    announce_unchanged,
    known_pulls,
    merged_pulls,
)
from bot.github.client import configured, connect, github_errors, run_url
from bot.github.closing import leaves_of
from bot.github.quarantine import tell_quarantine
from bot.pipeline.manifest import Origin, Quarantined
from bot.pipeline.quarantine import quarantine
from bot.pipeline.release_inputs import is_released
from bot.pipeline.retrain import Outcome, nothing_to_do, retrain
from bot.release.hub import Release, latest_release, release_at
from bot.taxonomy.changes import deleted_leaves, tree_id
from bot.taxonomy.files import GitError, NoCommit, git, resolve
from bot.taxonomy.layout import DEFAULT, Layout
from bot.taxonomy.leaf import Leaf
from bot.taxonomy.tree import read_tree_at

MOST_NAMED = 5
"""How many leaves one message names."""
SETTINGS = ("arborist.yaml", "prompts", "runners")
"""Files and folders beside the taxonomy that a model depends on."""
MOST_COMMITS = 50
"""How many commits are searched for the contributors of leaves that a release no longer contains."""


class Unreadable(UserError):
    """Raised if the taxonomy on main contains an error."""


def tell_merged(folder: Path, recipe: Recipe) -> None:
    """Say on the merged pull requests of a checkout that the next release is on its way.

    Args:
        folder: a checkout of the default branch.
    """
    with github_errors("notifying the merged pull requests"):
        released = latest_release(recipe.release.repository)
        pulls = _new_pulls(folder, resolve(folder, "HEAD"), released, recipe.taxonomy)
        announce_training(connect(), pulls, run_url())


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


def retrain_and_tell(folder: Path, recipe: Recipe, store: Store) -> Outcome:
    """Retrain on a checkout and report the result on the pull requests that are new in it.

    Every step can be repeated at any time.

    Args:
        folder: a checkout of the default branch.
    """
    commit = resolve(folder, "HEAD")
    released = latest_release(recipe.release.repository)
    pulls = _new_pulls(folder, commit, released, recipe.taxonomy) if configured() else []
    try:
        wanted = _wanted(folder, commit, released, recipe, store)
        if configured():
            with github_errors("reporting the quarantined leaves"):
                tell_quarantine(connect(), pulls, wanted.quarantined, recipe.taxonomy)
        name = os.environ.get("GITHUB_REPOSITORY", "")
        origin = Origin(name, commit, tuple(pulls), wanted.tree, recipe.taxonomy, wanted.quarantined)
        same = released if wanted.same else None
        outcome = nothing_to_do(same) if same else retrain(wanted.leaves, recipe, store, origin)
    except Exception as error:
        _tell_failure(pulls, error)
        raise
    if not configured():
        say("no pull request is notified: GITHUB_REPOSITORY and GITHUB_TOKEN are not set")
        return outcome
    with github_errors("notifying the pull requests"):
        _tell(folder, outcome, pulls, recipe.taxonomy)
    return outcome


def _new_pulls(folder: Path, commit: str, released: Release | None, layout: Layout) -> list[int]:
    """Return the pull requests that were merged since the newest release and may change the next model."""
    with github_errors("finding the merged pull requests"):
        if released is None:
            return known_pulls(connect(), set(commits_between(folder, "", commit)))
        since = released.manifest["taxonomy"]["commit"]
        if since == commit:
            return []
        return merged_pulls(connect(), commits_between(folder, since, commit, (*layout.folders, *SETTINGS)))


def _wanted(folder: Path, commit: str, released: Release | None, recipe: Recipe, store: Store) -> Wanted:
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
        raise error if isinstance(error, GitError) else Unreadable(str(error), code=error.code) from None
    return Wanted(tree, False, leaves, quarantined)


def _tell(folder: Path, outcome: Outcome, pulls: Sequence[int], layout: Layout) -> None:
    """Report the result on the pull requests that it concerns."""
    repository, release = connect(), outcome.release
    if outcome.verdict and not outcome.verdict.passed:
        announce_refusal(repository, pulls, outcome.verdict, outcome.scores, layout)
        return
    if release is None:
        return
    before = release.manifest["previous"]
    previous = release_at(release.repository, before) if before else None
    announce_release(repository, release, previous)
    told = release.manifest["pulls"]
    announce_unchanged(repository, release, [number for number in pulls if number not in told])
    if previous is not None:
        removed = leaves_of(previous).keys() - leaves_of(release).keys()
        earlier = _contributors(folder, repository, sorted(removed), previous.layout)
        announce_removed(repository, release, previous, [number for number in earlier if number not in told])


def _contributors(folder: Path, repository: Repository, leaves: Sequence[str], layout: Layout) -> list[int]:
    """Return the merged pull requests that changed one of these leaves, from the newest commits of each."""
    if not leaves:
        return []
    paths = [f"{layout.prefix}{leaf}" for leaf in leaves]
    found = git(folder, "rev-list", "--first-parent", f"--max-count={MOST_COMMITS}", "HEAD", "--", *paths)
    return merged_pulls(repository, found.decode().split())


def _tell_failure(pulls: Sequence[int], error: Exception) -> None:
    """Report on the pull requests why there is no release."""
    if not pulls or isinstance(error, GitError):
        return
    with github_errors("notifying the pull requests"):
        if isinstance(error, Unreadable):
            # Somebody merged a pull request that lint had rejected.
            announce_broken(connect(), pulls, str(error))
        else:
            reason = str(error) if isinstance(error, UserError) else f"internal error: {type(error).__name__}"
            announce_failure(connect(), pulls, reason, run_url())


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
