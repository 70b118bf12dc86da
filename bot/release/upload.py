"""Commits of many files to the Hub, which need disk for one large file at a time."""

from collections.abc import Collection, Iterator
from contextlib import ExitStack, contextmanager

from huggingface_hub import CommitOperationAdd, CommitOperationDelete

from bot.core.progress import say
from bot.release.hub_repository import HubRepository, api, commit_on, hub_errors
from bot.release.release_folder import Prepared, files_below
from bot.release.trusted_publishing import trusted_publishing


def commit_prepared(
    repository: HubRepository, prepared: Prepared, stale: Collection[str], tag: str, parent: str
) -> str:
    """Commit files on top of the head, delete stale files, and return the ID of the commit.

    Large files are uploaded one by one before the commit, and nobody sees them until then. If the head has
    exactly this already, there is no new commit.

    Args:
        tag: the tag of the release.
        parent: the head that was looked at; see `commit_on`.

    Raises:
        UserError: a file in the store was altered, somebody else committed since, or the Hub refused.
    """
    additions = [CommitOperationAdd(name, str(path)) for name, path in files_below(prepared.folder).items()]
    gone = [CommitOperationDelete(name) for name in sorted(stale)]
    doing = f"publishing {repository.resource} {tag}"
    with _uploaded(repository, prepared, doing) as large, hub_errors(doing), trusted_publishing(repository):
        return commit_on(repository, parent, [*additions, *large, *gone], f"Release {tag}")


@contextmanager
def _uploaded(
    repository: HubRepository, prepared: Prepared, doing: str
) -> Iterator[list[CommitOperationAdd]]:
    """Upload the large files one by one, and yield the operations that add them."""
    additions = []
    with ExitStack() as kept:
        for number, (name, stored) in enumerate(prepared.stored.items(), 1):
            with ExitStack() as here:
                path = here.enter_context(stored.fetched())
                addition = CommitOperationAdd(name, str(path))
                # A token for the Hub that is exchanged for an ID token is valid for an hour.
                with hub_errors(doing), trusted_publishing(repository):
                    api().preupload_lfs_files(repository.name, [addition], repo_type=repository.type)
                if addition.path_or_fileobj:  # the Hub keeps this file in git: the commit uploads it
                    kept.enter_context(here.pop_all())
            additions.append(addition)
            say(f"{doing}: uploaded {name} ({number} of {len(prepared.stored)}, {stored.size / 1e6:.0f} MB)")
        yield additions
