"""The Hub's side: what is released, and how the next release becomes so."""

import json
import os
import re
from collections.abc import Collection, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import httpx2
from huggingface_hub import (
    CommitOperationAdd,
    CommitOperationDelete,
    HfApi,
    hf_hub_download,
    snapshot_download,
)
from huggingface_hub.errors import HfHubHTTPError, RepositoryNotFoundError

from bot.errors import UserError
from bot.progress import say
from bot.release.trusted import available, trusted_publishing
from bot.store import cache_folder

MANIFEST = "manifest.json"
_MAY_WRITE = "set HF_TOKEN to a token that may write there, or let the Hub trust the workflow"
_TAG = re.compile(r"^v([1-9]\d*)$")


@dataclass(frozen=True)
class Release:
    """A released model: tag, commit on the Hub, and its manifest."""

    repository: str
    tag: str
    commit: str
    manifest: dict[str, Any]

    @property
    def url(self) -> str:
        return f"{endpoint()}/{self.repository}/tree/{self.tag}"


def _api() -> HfApi:
    return HfApi(endpoint=endpoint())


def endpoint() -> str:
    """The Hub's address; asked each time, since huggingface_hub itself only looks when it is imported."""
    return (os.environ.get("HF_ENDPOINT") or "https://huggingface.co").rstrip("/")


@contextmanager
def hub_errors(doing: str) -> Iterator[None]:
    """Turn what the Hub answers, or fails to answer, into one line."""
    try:
        yield
    except HfHubHTTPError as error:
        status = error.response.status_code if error.response is not None else "an error"
        hint = f"; {_MAY_WRITE}" if status in (401, 403) else "; run again"
        raise UserError(f"{doing}: the Hub at {endpoint()} says {status}{hint}") from None
    except (httpx2.HTTPError, OSError) as error:
        reason = f"{type(error).__name__}: {error}"
        raise UserError(f"{doing}: the Hub at {endpoint()} cannot be reached ({reason}); run again") from None


@contextmanager
def _reading(repository: str) -> Iterator[None]:
    """Read a private model repository by this job's ID token, where no HF_TOKEN is given."""
    if available() and not _api().repo_exists(repository):
        with trusted_publishing(repository, endpoint()):
            yield
    else:
        yield


def latest_release(repository: str) -> Release | None:
    """The newest release on the Hub, or None if nothing was ever released there."""
    with hub_errors(f"reading the releases of {repository}"), _reading(repository):
        tag_commits = _release_tags(repository)
        if not tag_commits:
            return None
        number = max(tag_commits)
        return _release(repository, f"v{number}", tag_commits[number])


def release_at(repository: str, tag: str) -> Release | None:
    """The release of a tag, or None if there is none."""
    with hub_errors(f"reading the releases of {repository}"), _reading(repository):
        commits = {f"v{number}": commit for number, commit in _release_tags(repository).items()}
        return _release(repository, tag, commits[tag]) if tag in commits else None


def download_release(release: Release) -> Path:
    """The released model as a folder on this machine, by commit, so that a copy is never a stale one."""
    with hub_errors(f"fetching {release.repository} {release.tag}"), _reading(release.repository):
        return Path(
            snapshot_download(
                release.repository, revision=release.commit, cache_dir=_cache(), endpoint=endpoint()
            )
        )


def publish(repository: str, folder: Path, files: dict[str, bytes], manifest: dict[str, Any]) -> Release:
    """Make a release: one commit on top of the head that was looked at, then the tag.

    A commit that is there already with this manifest's key (a run that was killed before the tag) is only
    tagged. Nobody sees half a release: without the tag it is none. Files that others put into the repository
    stay; those that an earlier release wrote and this one does not write are deleted.

    Args:
        folder: the model as `save_pretrained` wrote it.
        files: what goes beside it (README.md), by name; the manifest is added here.
        manifest: its "release" says the tag; the files that were written are added.

    Raises:
        UserError: somebody else committed meanwhile, or the Hub refuses.
    """
    api = _api()
    tag = str(manifest["release"])
    with hub_errors(f"publishing {repository} {tag}"), trusted_publishing(repository, endpoint()):
        if not api.repo_exists(repository):
            api.create_repo(repository, exist_ok=True)
        head = api.model_info(repository).sha
        assert head is not None  # noqa: S101  # a repository that exists has a head
        present = _manifest_at(repository, head)
        if present is None or present.get("key") != manifest["key"]:
            manifest = {**manifest, "files": release_files(folder, files)}
            content = {**files, MANIFEST: json.dumps(manifest, indent=2, ensure_ascii=False).encode()}
            stale = _written(repository, head, present) - set(manifest["files"])
            head = _commit(api, repository, folder, content, stale, tag, parent=head)
        if tag not in {f"v{number}" for number in _release_tags(repository)}:
            api.create_tag(repository, tag=tag, revision=head, tag_message=f"Release {tag}")
    return Release(repository, tag, head, manifest)


def check_publishing(repository: str) -> None:
    """Let the Hub refuse a job before it trains, rather than after, where it publishes by its ID token.

    Raises:
        UserError: the Hub does not trust this job.
    """
    if available():
        with hub_errors(f"publishing {repository}"), trusted_publishing(repository, endpoint()):
            say(f"the Hub trusts this job: it may publish {repository} without HF_TOKEN")


def next_tag(previous: Release | None) -> str:
    return f"v{int(previous.tag[1:]) + 1}" if previous else "v1"


def release_files(folder: Path, files: Collection[str]) -> list[str]:
    """The names of all files that a release of this folder, and of these files beside it, writes."""
    return sorted({*_model_files(folder), *files, MANIFEST})


def _model_files(folder: Path) -> dict[str, Path]:
    return {str(path.relative_to(folder)): path for path in sorted(folder.rglob("*")) if path.is_file()}


def _written(repository: str, head: str, present: dict[str, Any] | None) -> set[str]:
    """The files at a commit that earlier releases wrote.

    Args:
        present: the manifest at the commit; if somebody removed it, the newest release's counts.
    """
    tags = _release_tags(repository)
    if present is None and tags:
        present = _manifest_at(repository, tags[max(tags)])
    if present is None:
        return set()
    there = set(_api().list_repo_files(repository, revision=head))
    if "files" in present:
        return there & {str(name) for name in present["files"]}
    # A manifest before version 3: at that time a release deleted all that it did not write.
    tagged = tags.get(int(str(present["release"])[1:]), head)
    return there & set(_api().list_repo_files(repository, revision=tagged)) - {".gitattributes"}


def _commit(
    api: HfApi,
    repository: str,
    folder: Path,
    content: dict[str, bytes],
    stale: Collection[str],
    tag: str,
    parent: str,
) -> str:
    """Commit a model's files and what goes beside them, and delete the stale ones; returns the commit."""
    names = _model_files(folder)
    additions = [CommitOperationAdd(name, str(path)) for name, path in names.items() if name not in content]
    additions += [CommitOperationAdd(name, data) for name, data in content.items()]
    gone = [CommitOperationDelete(name) for name in sorted(stale)]
    try:
        commit = api.create_commit(
            repository, [*additions, *gone], commit_message=f"Release {tag}", parent_commit=parent
        )
    except HfHubHTTPError as error:
        if error.response is not None and error.response.status_code == 412:
            raise UserError(
                f"publishing {repository} {tag}: somebody else committed there meanwhile; run again"
            ) from None
        raise
    say(f"committed {tag} to {repository}: {commit.oid[:12]}")
    return str(commit.oid)


def _release_tags(repository: str) -> dict[int, str]:
    try:
        refs = _api().list_repo_refs(repository)
    except RepositoryNotFoundError:
        return {}
    found = ((_TAG.match(tag.name), tag.target_commit) for tag in refs.tags)
    return {int(match.group(1)): commit for match, commit in found if match}


def _release(repository: str, tag: str, commit: str) -> Release:
    manifest = _manifest_at(repository, commit)
    if manifest is None:
        raise UserError(
            f"{repository} {tag}: {MANIFEST} is missing, so this is no release of ours; move the tag"
        )
    return Release(repository, tag, commit, manifest)


def _manifest_at(repository: str, commit: str) -> dict[str, Any] | None:
    if MANIFEST not in _api().list_repo_files(repository, revision=commit):
        return None
    path = hf_hub_download(repository, MANIFEST, revision=commit, cache_dir=_cache(), endpoint=endpoint())
    manifest: dict[str, Any] = json.loads(Path(path).read_text())
    return manifest


def _cache() -> Path:
    """Downloads are kept apart by Hub: a local Hub and the real one may use the same names."""
    place = re.sub(r"\W+", "-", endpoint().partition("://")[2])
    return Path(os.environ.get("HF_HUB_CACHE") or cache_folder() / "hub" / place)
