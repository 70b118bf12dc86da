"""Releases on the Hugging Face Hub: find, download and publish them."""

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from huggingface_hub import get_token

from bot.core.errors import UserError
from bot.core.hub_address import endpoint
from bot.core.progress import say
from bot.core.stored_file import StoredFile
from bot.release.collection import join_in_collection
from bot.release.companions import Companion, move_companion_tags, publish_companion
from bot.release.hub_repository import (
    HubRepository,
    api,
    create_if_missing,
    create_tag,
    download,
    head_of,
    hub_errors,
    is_private,
    record_at,
    release_tags,
    tags_of,
    written_files,
)
from bot.release.manifest import MANIFEST
from bot.release.release_folder import prepared, release_files
from bot.release.signature import Signer
from bot.release.tags import order
from bot.release.trusted_publishing import available, trusted_publishing
from bot.release.upload import commit_prepared
from bot.taxonomy.layout import DEFAULT, Layout


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


@contextmanager
def _reading(repository: str) -> Iterator[None]:
    """Read a private model repository with this job's ID token if HF_TOKEN is not set."""
    if available() and not api().repo_exists(repository):
        with trusted_publishing(HubRepository(repository)):
            yield
    else:
        yield


def latest_release(repository: str) -> Release | None:
    """Return the newest release on the Hub; None if there is none yet."""
    with hub_errors(f"reading the releases of {repository}"), _reading(repository):
        tag_commits = release_tags(HubRepository(repository))
        if not tag_commits:
            return None
        tag = max(tag_commits, key=order)
        return _release(repository, tag, tag_commits[tag])


def release_at(repository: str, tag: str) -> Release | None:
    """Return the release with a tag; None if there is none."""
    with hub_errors(f"reading the releases of {repository}"), _reading(repository):
        commits = release_tags(HubRepository(repository))
        return _release(repository, tag, commits[tag]) if tag in commits else None


def download_release(release: Release) -> Path:
    """Download a released model and return its folder; copies are cached by commit, so none is outdated."""
    with hub_errors(f"fetching {release.repository} {release.tag}"), _reading(release.repository):
        return download(HubRepository(release.repository), release.commit)


def download_tag(repository: str, tag: str) -> Path:
    """Download the release with a tag without reading its manifest, and return its folder.

    Raises:
        UserError: there is no such release, or the Hub cannot be reached.
    """
    with hub_errors(f"fetching {repository} {tag}"), _reading(repository):
        commits = release_tags(HubRepository(repository))
        if tag not in commits:
            known = ", ".join(sorted(commits, key=order)[-3:]) or "no release that can be read from here"
            raise UserError(f"{repository} has no release {tag}; there is {known}")
        return download(HubRepository(repository), commits[tag])


def publish(
    repository: str,
    folder: Path,
    files: Mapping[str, bytes | StoredFile],
    manifest: dict[str, Any],
    signer: Signer | None = None,
    companions: Sequence[Companion] = (),
) -> Release:
    """Publish a release: its companions, then the model in one commit on top of the head, then the tag.

    If the head already has this manifest's key (an earlier run was killed before it created the tag), the
    commit is only tagged. Nobody sees an incomplete release, because only a tag makes a commit a release.
    Files that others added to the repository are kept. Files that an earlier release wrote and this one does
    not write are deleted.

    Args:
        folder: the model as `save_pretrained` wrote it, without the files that are in the store.
        files: name -> the additional files, such as README.md, and the model's large files; the manifest and
            the statement are added here.
        manifest: the manifest, whose "release" is the tag; the list of files and the companions are added
            here.
        signer: signs the release; None if it is not signed.

    Raises:
        UserError: somebody else committed at the same time, the Hub refused, or the release cannot be signed.
    """
    tag, model = str(manifest["release"]), HubRepository(repository)
    doing = f"publishing {repository} {tag}"
    with hub_errors(doing), trusted_publishing(model):
        create_if_missing(model)
        head, tags = head_of(model), tags_of(model)
        present, private = record_at(model, head, MANIFEST) or {}, is_private(model)
    if (present.get("key"), present.get("release")) == (manifest["key"], tag):
        manifest = present
    elif tag in tags:
        raise UserError(f"{doing}: this release is there already; run again")
    else:
        manifest = {**manifest, "files": release_files(folder, files, signer)}
        if companions:
            manifest["companions"] = [publish_companion(one, manifest, private=private) for one in companions]
        with prepared(folder, files, manifest, signer) as made:
            with hub_errors(doing), trusted_publishing(model):
                stale = written_files(model, head, present, MANIFEST) - set(manifest["files"])
            head = commit_prepared(model, made, stale, tag, parent=head)
    if tag not in tags:
        with hub_errors(doing), trusted_publishing(model):
            create_tag(model, tag, head)
    move_companion_tags(manifest)
    join_in_collection(repository, [one.repository for one in companions], private=private)
    return Release(repository, tag, head, manifest)


def check_publishing(repositories: Sequence[HubRepository]) -> None:
    """Check before training that there is a token to publish with: the job's ID token, or one that is set.

    Args:
        repositories: the model's repository and its companions'.

    Raises:
        UserError: the Hub does not accept the ID token, or there is no token.
    """
    if not available() and not get_token():
        name = repositories[0].resource
        raise UserError(f"publishing {name} needs a token that may write to the Hub; set HF_TOKEN")
    for repository in repositories if available() else ():
        name = repository.resource
        with hub_errors(f"publishing {name}"), trusted_publishing(repository):
            say(f"the Hub trusts this job: it may publish {name} without HF_TOKEN")


def _release(repository: str, tag: str, commit: str) -> Release:
    manifest = record_at(HubRepository(repository), commit, MANIFEST)
    if manifest is None:
        raise UserError(
            f"{repository} {tag}: {MANIFEST} is missing, so this is not a release of arborist; rename the tag"
        )
    return Release(repository, tag, commit, manifest)
