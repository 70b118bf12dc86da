"""Retrain as GitHub sees it: the checkout's commit is what main asks for, pull requests are told."""

import os
from collections.abc import Set
from pathlib import Path

from bot.errors import UserError
from bot.github.announce import announce_broken, announce_refusal, announce_release, known_pulls, merged_pulls
from bot.github.client import configured, connect, github_errors
from bot.progress import say
from bot.recipe import Recipe
from bot.reconcile import Origin, Outcome, nothing_to_do, retrain
from bot.release.hub import Release, latest_release
from bot.store import Store
from bot.taxonomy.files import GitError, NoCommit, git
from bot.taxonomy.tree import deleted_leaves, load_tree_at, resolve, tree_id
from bot.wanted import is_released

MOST_NAMED = 5
"""Leaves that one message names."""


def retrain_and_tell(folder: Path, recipe: Recipe, store: Store) -> Outcome:
    """Run `retrain` on a checkout and tell the pull requests; each part can be run again at any moment."""
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
        # Of a large taxonomy the leaves are not even read where nothing has changed.
        same = is_released(released, tree, recipe)
        leaves = [] if same else load_tree_at(folder, commit, access=recipe.documents)
        if released is not None and not same:
            check_losses(folder, commit, {leaf.path for leaf in leaves}, released)
    except UserError as error:
        # Whoever merged what lint had refused is told by the pull requests; the run ends red.
        if pulls and not isinstance(error, GitError):
            with github_errors("telling the pull requests"):
                announce_broken(connect(), pulls, str(error))
        raise
    name = os.environ.get("GITHUB_REPOSITORY", "")
    origin = Origin(name, commit, tuple(pulls), tree)
    outcome = nothing_to_do(released) if released and same else retrain(leaves, recipe, store, origin)
    if not configured():
        say("nobody is told: GITHUB_REPOSITORY and GITHUB_TOKEN are not set")
        return outcome
    with github_errors("telling the pull requests"):
        if outcome.verdict and not outcome.verdict.passed:
            announce_refusal(connect(), pulls, outcome.verdict, outcome.scores)
        elif outcome.release:
            announce_release(connect(), outcome.release)
    return outcome


def commits_between(folder: Path, since: str, until: str) -> list[str]:
    """The commits of the first-parent line of `until` that `since` does not hold, newest first.

    Args:
        since: a commit; "" for the line's beginning.
    """
    try:
        span = f"{resolve(folder, since)}..{until}" if since else until
    except NoCommit:
        # main was rewritten, or the checkout is shallow: the last commit is all that is known.
        say(f"the commit of the release before ({since[:7]}) is not in this checkout")
        return [until]
    return git(folder, "rev-list", "--first-parent", "--end-of-options", span, "--").decode().split()


def check_losses(folder: Path, commit: str, leaves: Set[str], released: Release) -> None:
    """Check that each leaf of the release before that is gone was deleted by a commit since.

    Raises:
        UserError: one is gone and no commit deleted it: main was rewritten, or it is not read as it is.
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
