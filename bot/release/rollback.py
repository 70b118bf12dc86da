"""Rollback: the main branches of a model and of its companions become an earlier release again."""

from collections.abc import Collection
from dataclasses import dataclass

from huggingface_hub import CommitOperationCopy, CommitOperationDelete

from bot.core.errors import UserError
from bot.core.progress import say
from bot.release.companions import RECORD, repository_of
from bot.release.hub import Release, release_at
from bot.release.hub_repository import (
    MAIN,
    HubRepository,
    branches_of,
    commit_on,
    head_of,
    hub_errors,
    record_at,
    written_files,
)
from bot.release.manifest import MANIFEST
from bot.release.trusted_publishing import trusted_publishing

STABLE = "stable"
"""A branch that people pull from. Releases move only main; a rollback moves both, if there is a `stable`."""


@dataclass(frozen=True)
class _Target:
    """What a repository is to be again.

    Attributes:
        commit: the commit of the release.
        names: the files that the release wrote.
        record: the file that states the release.
    """

    repository: HubRepository
    commit: str
    names: Collection[str]
    record: str


def roll_back(repository: str, tag: str) -> Release:
    """Make the main branches an earlier release again, by one commit each that refers to the release's files.

    No weights are downloaded or uploaded. Tags and files of others stay. If there is a branch `stable`, it
    follows. Companions that the release does not have stay as they are. Retraining does not undo a rollback:
    it compares the taxonomy with the newest tag, and so does nothing until the taxonomy changes.

    Raises:
        UserError: there is no such release, somebody else committed at the same time, or the Hub refused.
    """
    model = HubRepository(repository)
    with hub_errors(f"rolling back {repository} to {tag}"), trusted_publishing(model):
        release = release_at(repository, tag)
        if release is None:
            raise UserError(f"{repository} has no release {tag}; its page on the Hub lists the tags")
        names = written_files(model, release.commit, release.manifest, MANIFEST)
        _move_branches(_Target(model, release.commit, names, MANIFEST), release)
    for stated in release.manifest.get("companions", ()):
        companion = repository_of(stated)
        with hub_errors(f"rolling back {companion.resource} to {tag}"), trusted_publishing(companion):
            _move_branches(_Target(companion, stated["commit"], set(stated["files"]), RECORD), release)
    return release


def _move_branches(target: _Target, release: Release) -> None:
    """Make branches the release by a commit on top of each; they are never without its files."""
    repository = target.repository
    for branch in [MAIN, *sorted(branches_of(repository) & {STABLE})]:
        head = head_of(repository, branch)
        present = record_at(repository, head, target.record) or {}
        if (present.get("release"), present.get("key")) == (release.tag, release.manifest["key"]):
            say(f"nothing to do: the branch {branch} of {repository.resource} is {release.tag}")
            continue
        stale = written_files(repository, head, present, target.record) - set(target.names)
        copies = [
            CommitOperationCopy(name, name, src_revision=target.commit) for name in sorted(target.names)
        ]
        gone = [CommitOperationDelete(name) for name in sorted(stale)]
        commit_on(repository, head, [*copies, *gone], f"Roll back to {release.tag}", branch)
