"""Releases on the Hugging Face Hub: find, download and publish them."""

import json
import os
import re
from collections.abc import Collection, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import httpx2
from huggingface_hub import (
    CommitOperationAdd,
    CommitOperationCopy,
    CommitOperationDelete,
    HfApi,
    hf_hub_download,
    snapshot_download,
)
from huggingface_hub.errors import HfHubHTTPError, RepositoryNotFoundError

from bot.core.errors import UserError
from bot.core.hub_address import endpoint
from bot.core.progress import say
from bot.core.store import cache_folder
from bot.release.manifest import MANIFEST, read_json
from bot.release.release_folder import files_below, prepared, release_files
from bot.release.signature import Signer
from bot.release.tags import TAG, order
from bot.release.trusted_publishing import available, trusted_publishing
from bot.taxonomy.layout import DEFAULT, Layout

_MAY_WRITE = "set HF_TOKEN to a token with write access, or register the workflow as a trusted publisher"
Operation = CommitOperationAdd | CommitOperationCopy | CommitOperationDelete


@dataclass(frozen=True)
class Release:
    """A released model: its repository, tag and commit on the Hub, and its manifest."""

    repository: str
    tag: str
    commit: str
    manifest: dict[str, Any]

    @property
    def url(self) -> str:
        return f"{endpoint()}/{self.repository}/tree/{self.tag}"

    @property
    def layout(self) -> Layout:
        """The place of the taxonomy that the release was made of; older manifests do not state it."""
        return Layout.of(self.manifest.get("taxonomy", {}).get("folder", DEFAULT.name))


def api() -> HfApi:
    """Return a client of the Hub."""
    return HfApi(endpoint=endpoint())


@contextmanager
def hub_errors(doing: str) -> Iterator[None]:
    """Convert errors of the Hub and failed connections to a UserError.

    Args:
        doing: what was being done, as in "publishing org/model v2026.11.29.1"; the message begins with it.
    """
    try:
        yield
    except HfHubHTTPError as error:
        status = error.response.status_code if error.response is not None else "with an error"
        hint = f"; {_MAY_WRITE}" if status in (401, 403) else "; run again"
        raise UserError(f"{doing}: the Hub at {endpoint()} answered {status}{hint}") from None
    except json.JSONDecodeError:
        raise UserError(
            f"{doing}: the Hub at {endpoint()} sent an answer that is not JSON; run again"
        ) from None
    except (httpx2.HTTPError, OSError) as error:
        reason = f"{type(error).__name__}: {error}"
        raise UserError(f"{doing}: the Hub at {endpoint()} cannot be reached ({reason}); run again") from None


@contextmanager
def _reading(repository: str) -> Iterator[None]:
    """Read a private model repository with this job's ID token if HF_TOKEN is not set."""
    if available() and not api().repo_exists(repository):
        with trusted_publishing(repository, endpoint()):
            yield
    else:
        yield


def latest_release(repository: str) -> Release | None:
    """Return the newest release on the Hub; None if there is none yet."""
    with hub_errors(f"reading the releases of {repository}"), _reading(repository):
        tag_commits = _release_tags(repository)
        if not tag_commits:
            return None
        tag = max(tag_commits, key=order)
        return _release(repository, tag, tag_commits[tag])


def release_at(repository: str, tag: str) -> Release | None:
    """Return the release with a tag; None if there is none."""
    with hub_errors(f"reading the releases of {repository}"), _reading(repository):
        commits = _release_tags(repository)
        return _release(repository, tag, commits[tag]) if tag in commits else None


def download_release(release: Release) -> Path:
    """Download a released model and return its folder; copies are cached by commit, so none is outdated."""
    with hub_errors(f"fetching {release.repository} {release.tag}"), _reading(release.repository):
        return _download(release.repository, release.commit)


def download_tag(repository: str, tag: str) -> Path:
    """Download the release with a tag without reading its manifest, and return its folder.

    Raises:
        UserError: there is no such release, or the Hub cannot be reached.
    """
    with hub_errors(f"fetching {repository} {tag}"), _reading(repository):
        commits = _release_tags(repository)
        if tag not in commits:
            known = ", ".join(sorted(commits, key=order)[-3:]) or "no release that can be read from here"
            raise UserError(f"{repository} has no release {tag}; there is {known}")
        return _download(repository, commits[tag])


def _download(repository: str, commit: str) -> Path:
    return Path(snapshot_download(repository, revision=commit, cache_dir=_cache(), endpoint=endpoint()))


def publish(
    repository: str,
    folder: Path,
    files: dict[str, bytes],
    manifest: dict[str, Any],
    signer: Signer | None = None,
) -> Release:
    """Publish a release: one commit on top of the current head, then the tag.

    If the head already has this manifest's key (an earlier run was killed before it created the tag), the
    commit is only tagged. Nobody sees an incomplete release, because only a tag makes a commit a release.
    Files that others added to the repository are kept. Files that an earlier release wrote and this one does
    not write are deleted.

    Args:
        folder: the model as `save_pretrained` wrote it.
        files: additional files (such as README.md), by name; the manifest and the statement are added here.
        manifest: the manifest, whose "release" is the tag; the list of files is added here.
        signer: signs the release; None if it is not signed.

    Raises:
        UserError: somebody else committed at the same time, the Hub refused, or the release cannot be signed.
    """
    tag = str(manifest["release"])
    manifest = {**manifest, "files": release_files(folder, files, signer)}
    with (
        prepared(folder, files, manifest, signer) as place,
        hub_errors(f"publishing {repository} {tag}"),
        trusted_publishing(repository, endpoint()),
    ):
        if not api().repo_exists(repository):
            api().create_repo(repository, exist_ok=True)
        head = head_of(repository)
        present = manifest_at(repository, head) or {}
        tags = _release_tags(repository)
        if (present.get("key"), present.get("release")) != (manifest["key"], tag):
            if tag in tags:
                raise UserError(f"publishing {repository} {tag}: this release is there already; run again")
            stale = written_files(repository, head, present) - set(manifest["files"])
            head = _commit_files(repository, place, stale, tag, parent=head)
        if tag not in tags:
            api().create_tag(repository, tag=tag, revision=head, tag_message=f"Release {tag}")
    return Release(repository, tag, head, manifest)


def check_publishing(repository: str) -> None:
    """Check before training that the Hub accepts this job's ID token, if the job publishes with it.

    Raises:
        UserError: the Hub does not accept the ID token.
    """
    if available():
        with hub_errors(f"publishing {repository}"), trusted_publishing(repository, endpoint()):
            say(f"the Hub trusts this job: it may publish {repository} without HF_TOKEN")


def written_files(repository: str, head: str, present: Mapping[str, Any] | None) -> set[str]:
    """Return the files at a commit that earlier releases wrote.

    Args:
        head: the commit.
        present: the manifest at the commit; if somebody removed it, the newest release's manifest is used.
    """
    tags = _release_tags(repository)
    if not present and tags:
        present = manifest_at(repository, tags[max(tags, key=order)])
    if not present:
        return set()
    there = set(api().list_repo_files(repository, revision=head))
    if "files" in present:
        return there & {str(name) for name in present["files"]}
    # A manifest before version 3: such a release had deleted all files that it did not write.
    tagged = tags.get(str(present["release"]), head)
    return there & set(api().list_repo_files(repository, revision=tagged)) - {".gitattributes"}


def head_of(repository: str, branch: str = "main") -> str:
    """Return the newest commit of a branch."""
    head = api().model_info(repository, revision=branch).sha
    assert head is not None  # noqa: S101  # a repository that exists has a head
    return head


def _commit_files(repository: str, folder: Path, stale: Collection[str], tag: str, parent: str) -> str:
    """Commit the files of a folder, delete stale files, and return the ID of the commit."""
    additions = [CommitOperationAdd(name, str(path)) for name, path in files_below(folder).items()]
    gone = [CommitOperationDelete(name) for name in sorted(stale)]
    return commit_on(
        repository, parent, [*additions, *gone], f"Release {tag}", f"publishing {repository} {tag}"
    )


def commit_on(
    repository: str,
    parent: str,
    operations: Sequence[Operation],
    message: str,
    doing: str,
    branch: str = "main",
) -> str:
    """Commit on top of a commit that must be the head, and return the ID of the new commit.

    Args:
        doing: what is being done, for the error's message.

    Raises:
        UserError: somebody else committed since.
    """
    try:
        commit = api().create_commit(
            repository, operations, commit_message=message, parent_commit=parent, revision=branch
        )
    except HfHubHTTPError as error:
        if error.response is not None and error.response.status_code == 412:
            raise UserError(f"{doing}: somebody else committed there at the same time; run again") from None
        raise
    say(f"{message}: committed to {repository} as {commit.oid[:12]}")
    return str(commit.oid)


def _release_tags(repository: str) -> dict[str, str]:
    """Return tag -> commit of the releases; tags of another form are not releases."""
    try:
        refs = api().list_repo_refs(repository)
    except RepositoryNotFoundError:
        return {}
    return {tag.name: tag.target_commit for tag in refs.tags if TAG.fullmatch(tag.name)}


def _release(repository: str, tag: str, commit: str) -> Release:
    manifest = manifest_at(repository, commit)
    if manifest is None:
        raise UserError(
            f"{repository} {tag}: {MANIFEST} is missing, so this is not a release of arborist; rename the tag"
        )
    return Release(repository, tag, commit, manifest)


def manifest_at(repository: str, commit: str) -> dict[str, Any] | None:
    """Return the manifest at a commit; None if there is none."""
    if MANIFEST not in api().list_repo_files(repository, revision=commit):
        return None
    path = hf_hub_download(repository, MANIFEST, revision=commit, cache_dir=_cache(), endpoint=endpoint())
    manifest = read_json(Path(path), f"{repository} at {commit[:7]}: ")
    if not isinstance(manifest, dict):
        raise UserError(f"{repository} at {commit[:7]}: {MANIFEST} is not a JSON object; restore the file")
    return manifest


def _cache() -> Path:
    """Return the cache folder of this Hub; different Hubs may have repositories with the same names."""
    place = re.sub(r"\W+", "-", endpoint().partition("://")[2])
    return Path(os.environ.get("HF_HUB_CACHE") or cache_folder() / "hub" / place)
