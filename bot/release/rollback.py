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

STABLE = "stable"
"""A branch that people pull from. Releases do not move it; a rollback does, if there is one."""


def roll_back(repository: str, tag: str) -> Release:
    """Make the main branch an earlier release again, by one commit that refers to the release's files.

    No weights are downloaded or uploaded. Tags and files of others stay. Retraining does not undo it: it
    compares the taxonomy with the newest tag, and so does nothing until the taxonomy changes.

    Raises:
        UserError: there is no such release, somebody else committed at the same time, or the Hub refused.
    """
    doing = f"rolling back {repository} to {tag}"
    with hub_errors(doing), trusted_publishing(repository, endpoint()):
        release = release_at(repository, tag)
        if release is None:
            raise UserError(f"{repository} has no release {tag}; its page on the Hub lists the tags")
        head = head_of(repository)
        present = manifest_at(repository, head)
        if present is not None and (present.get("release"), present.get("key")) == (
            tag,
            release.manifest["key"],
        ):
            say(f"nothing to do: the main branch of {repository} is {tag}")
        else:
            names = written_files(repository, release.commit, release.manifest)
            stale = written_files(repository, head, present) - names
            copies = [CommitOperationCopy(name, name, src_revision=release.commit) for name in sorted(names)]
            gone = [CommitOperationDelete(name) for name in sorted(stale)]
            commit_on(repository, head, [*copies, *gone], f"Roll back to {tag}", doing)
        _move_stable(repository, release)
    return release


def _move_stable(repository: str, release: Release) -> None:
    """Make the branch `stable` the release, if there is such a branch."""
    branches = {branch.name: branch.target_commit for branch in api().list_repo_refs(repository).branches}
    if branches.get(STABLE, release.commit) != release.commit:
        api().delete_branch(repository, branch=STABLE)
        api().create_branch(repository, branch=STABLE, revision=release.commit)
        say(f"the branch {STABLE} of {repository} is {release.tag}")
