"""Verification of a release's companions on the Hub: their files and tags must be those of the manifest."""

from collections.abc import Collection, Iterator, Mapping
from typing import Any

from huggingface_hub.errors import HFValidationError, RepositoryNotFoundError, RevisionNotFoundError

from bot.release.companions import repository_of
from bot.release.hub_repository import HubRepository, download, hub_errors, tags_of
from bot.release.trust import differences
from bot.release.verify import Check, Copy

_WAY_OUT = "ask the maintainers; if others added files that nothing loads, name them with --allow"


def verify_companions(manifest: Mapping[str, Any], allowed: Collection[str]) -> Iterator[Check]:
    """Download each companion of a release and yield whether it has the files that the manifest states.

    Args:
        manifest: a manifest that matches its schema.
        allowed: files and folders of others that may lie beside a companion's files.

    Raises:
        UserError: the Hub cannot be reached.
    """
    for stated in manifest.get("companions", ()):
        repository, commit = repository_of(stated), str(stated.get("commit", ""))
        what = f"{repository.resource} at {commit[:7]}"
        if wrong := _problem(repository, commit, str(manifest["release"]), stated["files"], allowed):
            yield Check(stated["kind"], False, f"{what}: {wrong}")
        else:
            many = len(stated["files"])
            yield Check(stated["kind"], True, f"{what}: {many} files have the digests of the manifest")


def _problem(
    repository: HubRepository, commit: str, tag: str, files: Mapping[str, str], allowed: Collection[str]
) -> str:
    """Return what is wrong with a companion, in one line; "" if nothing is."""
    if not commit:
        return "the manifest states no commit; do not use this release"
    with hub_errors(f"fetching {repository.resource} {tag}"):
        try:
            tagged = tags_of(repository).get(tag, "")
            copy = Copy(download(repository, commit), allowed)
        except (RepositoryNotFoundError, RevisionNotFoundError):
            return "the Hub shows no such commit: it was deleted, or cannot be read from here"
        except HFValidationError as error:
            return " ".join(str(error).split())
    if wrong := differences(files, copy.digests):
        return f"{wrong}; {_WAY_OUT}"
    if not tagged:
        return f"the Hub shows no tag {tag}: it was deleted, or the repository cannot be read from here"
    if tagged != commit:
        return (
            f"the tag {tag} is at {tagged[:7]}: somebody moved it; load the commit, and ask the maintainers"
        )
    return ""
