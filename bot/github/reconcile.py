"""Make the release follow the default branch, and report it: decide, train, publish, announce.

Each of the four is a job of retrain.yml; `retrain_and_tell` does all in one process. Each can be repeated at
any time and does only what is missing.
"""

import os
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import asdict
from pathlib import Path

from github.Repository import Repository

from bot.config.recipe import Recipe
from bot.core.errors import UserError
from bot.core.progress import expect, say, step
from bot.core.store import Store, StoreError
from bot.github.announce import (
    announce_broken,
    announce_failure,
    announce_refusal,
    announce_release,
    announce_removed,
    announce_training,
    announce_unchanged,
    merged_pulls,
)
from bot.github.client import configured, connect, github_errors, run_url
from bot.github.closing import leaves_of
from bot.github.github_release import is_announced, tell_releases
from bot.github.main_state import Unreadable, Wanted, new_pulls, wanted_by
from bot.github.quarantine import tell_quarantine
from bot.github.refused import Override, override_of, tell_refused, withdraw_refused
from bot.github.retrain_queue import turn_of
from bot.github.run_shown import shown_run
from bot.pipeline.candidate import (
    Candidate,
    candidate_inputs,
    kept_candidate,
    overridden,
    read_candidate,
    release_candidate,
)
from bot.pipeline.compare import Asked, compare, say_nothing_to_do
from bot.pipeline.expected_time import expected_time
from bot.pipeline.origin import Origin
from bot.release.companions import all_repositories
from bot.release.hub import Release, check_publishing, latest_release, release_at
from bot.release.signature import find_signer
from bot.taxonomy.files import GitError, git, resolve
from bot.taxonomy.layout import Layout

MOST_COMMITS = 50
"""How many commits are searched for the contributors of leaves that a release no longer contains."""


def decide(folder: Path, recipe: Recipe, store: Store) -> bool:
    """Return whether another release is to be made; no model is loaded.

    If so, the pull requests merged since the newest release are told that the next one is on its way. If not,
    they are told what the newest release has of them, or that the gate has refused the next one.

    Args:
        folder: a checkout of the default branch.
    """
    commit = resolve(folder, "HEAD")
    released = latest_release(recipe.release.repository)
    pulls = new_pulls(folder, commit, released, recipe.taxonomy)
    with _failure_told(pulls):
        try:
            wanted = wanted_by(folder, commit, released, recipe, store)
        except StoreError:
            wanted = None  # this machine cannot read the store; the one that trains can, and decides again
        asked = compare(wanted.leaves, recipe) if wanted and not wanted.same else None
        missing = wanted is None or (asked is not None and asked.missing)
        kept = _kept(asked, commit, pulls, store) if asked and missing else None
    if kept is not None and not kept.verdict.passed and _override(kept) is None:
        say(f"nothing to do: the gate refused the candidate {kept.key[:12]} of what {commit[:7]} asks for")
        _tell_verdict(kept, pulls, recipe)
        return False
    if wanted and wanted.same and released:
        say_nothing_to_do(released)
    if configured():
        with github_errors("notifying the merged pull requests"):
            if missing:
                announce(folder, recipe)  # unless the run that released it has done so
                _tell_turn(pulls, asked, recipe, store)
            elif released:
                announce_published(folder, recipe, pulls)
    return missing


def _tell_turn(pulls: Sequence[int], asked: Asked | None, recipe: Recipe, store: Store) -> None:
    """Say on merged pull requests which place this run has in the queue, and how long it is expected to take.

    Args:
        asked: what main asks for; None if this machine cannot read the store.
    """
    if pulls:
        time = expected_time(asked.inputs.leaves.values(), recipe, store) if asked else None
        announce_training(connect(), pulls, run_url(), turn_of(connect(), time, store))


def _kept(asked: Asked, commit: str, pulls: Sequence[int], store: Store) -> Candidate | None:
    """Return the candidate that an earlier run made of what main asks for, if this machine can read it."""
    try:
        return kept_candidate(candidate_inputs(asked, commit, pulls), store)
    except StoreError:
        return None


def train(folder: Path, recipe: Recipe, store: Store) -> Candidate | None:
    """Train and examine a model of a checkout; tell the pull requests if it fails or is refused.

    Args:
        folder: a checkout of the default branch.

    Returns:
        The candidate; None if nothing is to do.
    """
    commit = resolve(folder, "HEAD")
    with shown_run("retrain", commit, recipe, store) as status:
        candidate = _train(folder, commit, recipe, store)
        if candidate is not None and not candidate.verdict.passed:
            status.fail(f"the gate failed: {'; '.join(candidate.verdict.reasons)}")
        return candidate


def _train(folder: Path, commit: str, recipe: Recipe, store: Store) -> Candidate | None:
    released = latest_release(recipe.release.repository)
    pulls = new_pulls(folder, commit, released, recipe.taxonomy)
    with _failure_told(pulls):
        wanted = wanted_by(folder, commit, released, recipe, store)
        if configured():
            with github_errors("reporting the quarantined leaves"):
                tell_quarantine(connect(), pulls, wanted.quarantined, recipe.taxonomy)
        candidate = None if wanted.same else _candidate(wanted, commit, pulls, recipe, store)
    if candidate is not None:
        given = _override(candidate)
        candidate = overridden(candidate, asdict(given), store) if given else candidate
        _tell_verdict(candidate, pulls, recipe)
    elif configured() and released:
        announce_published(folder, recipe, pulls)
    return candidate


def _override(candidate: Candidate) -> Override | None:
    """Return the maintainers' decision to release a refused candidate; None if there is none."""
    if candidate.verdict.passed or not configured():
        return None
    with github_errors("reading the issue on the refused release"):
        return override_of(connect(), candidate)


def _tell_verdict(candidate: Candidate, pulls: Sequence[int], recipe: Recipe) -> None:
    """Report a refused candidate on its pull requests and in the issue."""
    if configured() and not candidate.verdict.passed:
        with github_errors("notifying the pull requests"):
            announce_refusal(connect(), pulls, candidate.verdict, candidate.leaves, recipe.taxonomy)
            tell_refused(connect(), candidate)


def _candidate(
    wanted: Wanted, commit: str, pulls: Sequence[int], recipe: Recipe, store: Store
) -> Candidate | None:
    from bot.pipeline.retrain import make_candidate  # it needs the extra `train`

    asked = compare(wanted.leaves, recipe)
    if not asked.missing:
        return None
    if configured():
        with github_errors("notifying the merged pull requests"):
            _tell_turn(pulls, asked, recipe, store)
    time = expected_time(asked.inputs.leaves.values(), recipe, store)
    if time and time.complete:
        expect(time.seconds)
    name = os.environ.get("GITHUB_REPOSITORY", "")
    origin = Origin(name, commit, tuple(pulls), wanted.tree, recipe.taxonomy, wanted.quarantined)
    return make_candidate(asked, wanted.leaves, recipe, store, origin)


def publish(folder: Path, key: str, recipe: Recipe, store: Store) -> Release:
    """Publish the candidate with a key; tell the pull requests if that fails.

    Args:
        folder: a checkout of the default branch.

    Raises:
        UserError: there is no such candidate, or it cannot be published.
    """
    with _failure_told(_merged_since(folder, recipe)):
        candidate = read_candidate(key, store)
        _check_on_branch(folder, str(candidate.manifest["taxonomy"]["commit"]))
        return release_candidate(candidate, recipe, find_signer())


def _check_on_branch(folder: Path, commit: str) -> None:
    """Check that a commit is on the checked out branch: the release and its git tag point to it.

    Raises:
        UserError: it is not; the machine that trained may state any commit.
    """
    try:
        git(folder, "merge-base", "--is-ancestor", resolve(folder, commit), "HEAD")
    except GitError:
        raise UserError(
            f"the candidate is of the commit {commit[:7]}, which is not on this branch: start a retraining",
            code=1,
        ) from None


def unannounced(recipe: Recipe) -> bool:
    """Return whether the newest release has no GitHub release, so that its announcement is not complete."""
    released = latest_release(recipe.release.repository)
    if released is None or not configured():
        return False
    with github_errors(f"looking for the GitHub release {released.tag}"):
        return not is_announced(connect(), released)


def announce_all(folder: Path, recipe: Recipe) -> None:
    """Report the newest release on its pull requests, by labels, and as a GitHub release.

    Doing it again changes nothing. The GitHub release comes last; see `unannounced`.
    """
    released = latest_release(recipe.release.repository)
    if released is None:
        return
    with github_errors(f"announcing {released.tag}"):
        withdraw_refused(connect(), released.tag)
        announce(folder, recipe)
        tell_releases(connect(), released)


def announce_published(folder: Path, recipe: Recipe, pulls: Sequence[int] = ()) -> None:
    """Report that the newest release is what main asks for, and close the issue on a refused one.

    Args:
        pulls: see `announce`.
    """
    with github_errors("notifying the pull requests"):
        withdraw_refused(connect())
        announce(folder, recipe, pulls)


def announce(folder: Path, recipe: Recipe, pulls: Sequence[int] = ()) -> None:
    """Report the newest release on the pull requests that it concerns.

    Args:
        folder: a checkout of the default branch.
        pulls: pull requests that were merged since, and changed nothing that a model is made of.
    """
    release = latest_release(recipe.release.repository)
    if release is None:
        return
    repository, before = connect(), release.manifest["previous"]
    previous = release_at(release.repository, before) if before else None
    announce_release(repository, release, previous)
    told = release.manifest["pulls"]
    announce_unchanged(repository, release, [number for number in pulls if number not in told])
    if previous is not None:
        removed = leaves_of(previous).keys() - leaves_of(release).keys()
        earlier = _contributors(folder, repository, sorted(removed), previous.layout)
        announce_removed(repository, release, previous, [number for number in earlier if number not in told])


def retrain_and_tell(folder: Path, recipe: Recipe, store: Store) -> tuple[Release | None, Candidate | None]:
    """Decide, train, publish and announce, in this process.

    Args:
        folder: a checkout of the default branch.

    Returns:
        The newest release, and the candidate that this run made. A refused candidate is not released.

    Raises:
        UserError: this process may not publish, or cannot sign though it has a key; or a step failed.
    """
    candidate = None
    with shown_run("retrain", resolve(folder, "HEAD"), recipe, store):
        if decide(folder, recipe, store):
            check_publishing(all_repositories(recipe.release))
            signer = find_signer()
            candidate = train(folder, recipe, store)
            if candidate is not None and candidate.verdict.passed:
                with _failure_told(_merged_since(folder, recipe)), step("publishing"):
                    release_candidate(candidate, recipe, signer)
    if not configured():
        say("no pull request is notified: GITHUB_REPOSITORY and GITHUB_TOKEN are not set")
    elif unannounced(recipe):
        announce_all(folder, recipe)
    return latest_release(recipe.release.repository), candidate


def _merged_since(folder: Path, recipe: Recipe) -> list[int]:
    """Return the pull requests that were merged since the newest release, as it is now."""
    released = latest_release(recipe.release.repository)
    return new_pulls(folder, resolve(folder, "HEAD"), released, recipe.taxonomy)


def _contributors(folder: Path, repository: Repository, leaves: Sequence[str], layout: Layout) -> list[int]:
    """Return the merged pull requests that changed one of these leaves, from the newest commits of each."""
    if not leaves:
        return []
    paths = [f"{layout.prefix}{leaf}" for leaf in leaves]
    found = git(folder, "rev-list", "--first-parent", f"--max-count={MOST_COMMITS}", "HEAD", "--", *paths)
    return merged_pulls(repository, found.decode().split())


@contextmanager
def _failure_told(pulls: Sequence[int]) -> Iterator[None]:
    """Report an error on the pull requests, as the reason why there is no release, and raise it again."""
    try:
        yield
    except GitError:
        raise
    except Exception as error:
        if pulls and configured():
            with github_errors("notifying the pull requests"):
                _tell_failure(pulls, error)
        raise


def _tell_failure(pulls: Sequence[int], error: Exception) -> None:
    if isinstance(error, Unreadable):
        # Somebody merged a pull request that lint had rejected.
        announce_broken(connect(), pulls, str(error))
    else:
        reason = str(error) if isinstance(error, UserError) else f"internal error: {type(error).__name__}"
        announce_failure(connect(), pulls, reason, run_url())
