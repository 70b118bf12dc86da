"""Retrain on GitHub: train and release the checkout's commit, and report on the pull requests."""

import os
from collections.abc import Set
from pathlib import Path

from bot.config.recipe import Recipe
from bot.core.errors import UserError
from bot.core.progress import say
from bot.core.store import Store
from bot.github.announce import announce_broken, announce_refusal, announce_release, known_pulls, merged_pulls
from bot.github.client import configured, connect, github_errors
from bot.pipeline.manifest import Origin
from bot.pipeline.release_inputs import is_released
from bot.pipeline.retrain import Outcome, nothing_to_do, retrain
from bot.release.hub import Release, latest_release
from bot.taxonomy.files import GitError, NoCommit, git
from bot.taxonomy.tree import deleted_leaves, load_tree_at, resolve, tree_id

MOST_NAMED = 5
"""How many leaves one message names."""


def retrain_and_tell(folder: Path, recipe: Recipe, store: Store) -> Outcome:
    """Retrain on a checkout and report the result on the pull requests that are new in it.

    Every step can be repeated at any time.

    Args:
        folder: a checkout of the default branch.
    """
    commit = resolve(folder, "HEAD")
    released = latest_release(recipe.release.repository)
    pulls: list[int] = []
    if configured() and released is None:
        with github_errors("finding the merged pull requests"):
            pulls = known_pulls(connect(), set(commits_between(folder, "", commit)))
    elif configured() and released and released.manifest["taxonomy"]["commit"] != commit:
        with github_errors("finding the merged pull requests"):
            since = released.manifest["taxonomy"]["commit"]
            pulls = merged_pulls(connect(), commits_between(folder, since, commit))
    tree = tree_id(folder, commit)
    try:
        # If nothing has changed, the leaves of a large taxonomy do not even have to be read.
        same = is_released(released, tree, recipe)
        leaves = [] if same else load_tree_at(folder, commit, access=recipe.documents)
        if released is not None and not same:
            check_losses(folder, commit, {leaf.path for leaf in leaves}, released)
    except UserError as error:
        # Somebody merged a pull request that lint had rejected: report the error there, and fail the run.
        if pulls and not isinstance(error, GitError):
            with github_errors("notifying the pull requests"):
                announce_broken(connect(), pulls, str(error))
        raise
    name = os.environ.get("GITHUB_REPOSITORY", "")
    origin = Origin(name, commit, tuple(pulls), tree)
    outcome = nothing_to_do(released) if released and same else retrain(leaves, recipe, store, origin)
    if not configured():
        say("no pull request is notified: GITHUB_REPOSITORY and GITHUB_TOKEN are not set")
        return outcome
    with github_errors("notifying the pull requests"):
        if outcome.verdict and not outcome.verdict.passed:
            announce_refusal(connect(), pulls, outcome.verdict, outcome.scores)
        elif outcome.release:
            announce_release(connect(), outcome.release)
    return outcome


def commits_between(folder: Path, since: str, until: str) -> list[str]:
    """Return the first-parent commits of `until` that are not in the history of `since`, the newest first.

    Args:
        since: a commit; "" for the whole history.
    """
    try:
        span = f"{resolve(folder, since)}..{until}" if since else until
    except NoCommit:
        # main was rewritten, or the checkout is shallow, so only the last commit is known.
        say(f"the commit of the previous release ({since[:7]}) is not in this checkout")
        return [until]
    return git(folder, "rev-list", "--first-parent", "--end-of-options", span, "--").decode().split()


def check_losses(folder: Path, commit: str, leaves: Set[str], released: Release) -> None:
    """Check that each leaf of the previous release that is missing now was deleted by a commit since.

    Args:
        leaves: the paths of the leaves at the commit.

    Raises:
        UserError: a leaf is missing though no commit deleted it: main was rewritten, or the leaf is not read.
    """
    lost = {leaf["path"] for leaf in released.manifest["leaves"]} - leaves
    if not lost:
        return
    since = released.manifest["taxonomy"]["commit"]
    missing = sorted(lost - deleted_leaves(folder, since, commit))
    if missing:
        more = f" and {len(missing) - MOST_NAMED} more" if len(missing) > MOST_NAMED else ""
        raise UserError(
            f"nothing is released: {', '.join(missing[:MOST_NAMED])}{more} of {released.tag} is not in the "
            f"taxonomy at {commit[:7]}, and no commit since {since[:7]} deleted it; put it back, or delete "
            "it in a commit",
            code=1,
        )
