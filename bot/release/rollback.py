"""Rollback: the main branch of a model's repository becomes an earlier release again."""

from huggingface_hub import CommitOperationCopy, CommitOperationDelete

from bot.core.errors import UserError
from bot.core.hub_address import endpoint
from bot.core.progress import say
from bot.release.hub import (
    Release,
    api,
    commit_on,
    head_of,
    hub_errors,
    manifest_at,
    release_at,
    written_files,
)
from bot.release.trusted_publishing import trusted_publishing

MAIN, STABLE = "main", "stable"
"""Branches that people pull from. Releases move only main; a rollback moves both, if there is a `stable`."""


def roll_back(repository: str, tag: str) -> Release:
    """Make the main branch an earlier release again, by one commit that refers to the release's files.

    No weights are downloaded or uploaded. Tags and files of others stay. If there is a branch `stable`, it
    follows. Retraining does not undo it: it compares the taxonomy with the newest tag, and so does nothing
    until the taxonomy changes.

    Raises:
        UserError: there is no such release, somebody else committed at the same time, or the Hub refused.
    """
    doing = f"rolling back {repository} to {tag}"
    with hub_errors(doing), trusted_publishing(repository, endpoint()):
        release = release_at(repository, tag)
        if release is None:
            raise UserError(f"{repository} has no release {tag}; its page on the Hub lists the tags")
        branches = {branch.name for branch in api().list_repo_refs(repository).branches}
        for branch in [MAIN, *sorted(branches & {STABLE})]:
            _move(branch, release, doing)
    return release


def _move(branch: str, release: Release, doing: str) -> None:
    """Make a branch the release by a commit on top of it; it is never without a model."""
    repository, key = release.repository, release.manifest["key"]
    head = head_of(repository, branch)
    present = manifest_at(repository, head) or {}
    if (present.get("release"), present.get("key")) == (release.tag, key):
        say(f"nothing to do: the branch {branch} of {repository} is {release.tag}")
        return
    names = written_files(repository, release.commit, release.manifest)
    stale = written_files(repository, head, present) - names
    copies = [CommitOperationCopy(name, name, src_revision=release.commit) for name in sorted(names)]
    gone = [CommitOperationDelete(name) for name in sorted(stale)]
    commit_on(repository, head, [*copies, *gone], f"Roll back to {release.tag}", doing, branch)
