"""Rollback: the main branches of a model and of its companions become an earlier release again."""

from collections.abc import Collection, Mapping
from dataclasses import dataclass
from typing import Any

from huggingface_hub import CommitOperationCopy, CommitOperationDelete

from bot.core.errors import UserError
from bot.core.progress import say
from bot.release.companions import KINDS, RECORD, repository_of
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
from bot.release.manifest import MANIFEST, violation
from bot.release.trusted_publishing import trusted_publishing
from bot.taxonomy.files import shown

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
        if wrong := violation(release.manifest):
            raise UserError(f"{repository} {tag}: {MANIFEST}: {shown(wrong)}; nothing was changed")
        companions = [_companion(stated, release) for stated in release.manifest.get("companions", ())]
        _say_what_stays(model, {one.repository.resource for one in companions})
        names = written_files(model, release.commit, release.manifest, MANIFEST)
        _move_branches(_Target(model, release.commit, names, MANIFEST), release)
    for one in companions:
        with (
            hub_errors(f"rolling back {one.repository.resource} to {tag}"),
            trusted_publishing(one.repository),
        ):
            _move_branches(one, release)
    return release


def _companion(stated: Mapping[str, Any], release: Release) -> _Target:
    """Return what a companion is to be again.

    Raises:
        UserError: its repository does not have it. So nobody who can write to the model's repository alone
            can make a rollback change another one.
    """
    repository, commit = repository_of(stated), str(stated["commit"])
    record = record_at(repository, commit, RECORD) or {}
    wanted = {"model": release.repository, "release": release.tag, "key": release.manifest["key"]}
    if any(record.get(name) != value for name, value in wanted.items()):
        raise UserError(
            f"{repository.resource} at {commit[:7]} does not belong to {release.repository} {release.tag}: "
            f"its {RECORD} states another release; nothing was changed"
        )
    return _Target(repository, commit, set(stated["files"]), RECORD)


def _say_what_stays(model: HubRepository, moved: Collection[str]) -> None:
    """Say which companions of the release on main stay, because the wanted release has none of that kind."""
    present = record_at(model, head_of(model), MANIFEST) or {}
    for stated in present.get("companions", ()):
        if stated.get("kind") in KINDS and repository_of(stated).resource not in moved:
            say(f"{repository_of(stated).resource} stays as it is: the release has no such companion")


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
