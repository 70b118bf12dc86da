"""The Hub's side: what is released, and how the next release becomes so."""

import json
import os
import re
from collections.abc import Iterator
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
from bot.release.trusted import trusted_publishing
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


def latest_release(repository: str) -> Release | None:
    """The newest release on the Hub, or None if nothing was ever released there."""
    with hub_errors(f"reading the releases of {repository}"):
        tag_commits = _release_tags(repository)
        if not tag_commits:
            return None
        number = max(tag_commits)
        return _release(repository, f"v{number}", tag_commits[number])


def release_at(repository: str, tag: str) -> Release | None:
    """The release of a tag, or None if there is none."""
    with hub_errors(f"reading the releases of {repository}"):
        commits = {f"v{number}": commit for number, commit in _release_tags(repository).items()}
        return _release(repository, tag, commits[tag]) if tag in commits else None


def download_release(release: Release) -> Path:
    """The released model as a folder on this machine, by commit, so that a copy is never a stale one."""
    with hub_errors(f"fetching {release.repository} {release.tag}"):
        return Path(
            snapshot_download(
                release.repository, revision=release.commit, cache_dir=_cache(), endpoint=endpoint()
            )
        )


def publish(repository: str, folder: Path, files: dict[str, bytes], manifest: dict[str, Any]) -> Release:
    """Make a release: one commit on top of the head that was looked at, then the tag.

    A commit that is there already with this manifest's key (a run that was killed before the tag) is only
    tagged. Nobody sees half a release: without the tag it is none.

    Args:
        folder: the model as `save_pretrained` wrote it.
        files: what goes beside it (README.md), by name; the manifest is added here.
        manifest: its "release" says the tag.

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
            content = {**files, MANIFEST: json.dumps(manifest, indent=2, ensure_ascii=False).encode()}
            head = _commit(api, repository, folder, content, tag, parent=head)
        if tag not in {f"v{number}" for number in _release_tags(repository)}:
            api.create_tag(repository, tag=tag, revision=head, tag_message=f"Release {tag}")
    return Release(repository, tag, head, manifest)


def check_publishing(repository: str) -> None:
    """Let the Hub refuse a job before it trains, rather than after, where it publishes by its ID token.

    Raises:
        UserError: the Hub does not trust this job.
    """
    with hub_errors(f"publishing {repository}"), trusted_publishing(repository, endpoint()):
        pass


def next_tag(previous: Release | None) -> str:
    return f"v{int(previous.tag[1:]) + 1}" if previous else "v1"


def _commit(
    api: HfApi, repository: str, folder: Path, content: dict[str, bytes], tag: str, parent: str
) -> str:
    names = {str(p.relative_to(folder)): p for p in sorted(folder.rglob("*")) if p.is_file()}
    there = {name for name in api.list_repo_files(repository, revision=parent) if name != ".gitattributes"}
    additions = [CommitOperationAdd(name, str(path)) for name, path in names.items() if name not in content]
    additions += [CommitOperationAdd(name, data) for name, data in content.items()]
    # What an earlier release had and this one has not must not linger: the tree is the release.
    gone = [CommitOperationDelete(name) for name in sorted(there - set(names) - set(content))]
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
