"""Repositories of any type on the Hugging Face Hub: their head, commits on top of it, and tags."""

import json
import os
import re
import sys
import warnings
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from http import HTTPStatus
from pathlib import Path
from typing import Any, Literal

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
from huggingface_hub.utils.tqdm import disable_progress_bars

from bot.core.errors import UserError
from bot.core.hub_address import endpoint, limit_waiting
from bot.core.progress import say
from bot.core.store import cache_folder
from bot.release.manifest import read_json
from bot.release.tags import TAG, order

_MAY_WRITE = "set HF_TOKEN to a token with write access, or register the workflow as a trusted publisher"
Operation = CommitOperationAdd | CommitOperationCopy | CommitOperationDelete
MAIN = "main"


@dataclass(frozen=True)
class HubRepository:
    """A repository on the Hub.

    Attributes:
        name: organization/name.
    """

    name: str
    type: Literal["model", "dataset"] = "model"

    @property
    def resource(self) -> str:
        """The repository in URLs and for trusted publishing, such as `datasets/organization/name`."""
        return self.name if self.type == "model" else f"{self.type}s/{self.name}"


def api() -> HfApi:
    """Return a client of the Hub, which draws its progress only on a terminal."""
    limit_waiting()
    if not sys.stderr.isatty():
        disable_progress_bars()
    return HfApi(endpoint=endpoint())


@contextmanager
def hub_errors(doing: str) -> Iterator[None]:
    """Convert errors of the Hub and failed connections to a UserError.

    Args:
        doing: what was being done, as in "publishing org/model v2026.11.29.1"; the message begins with it.
    """
    try:
        with _upload_errors():
            yield
    except HfHubHTTPError as error:
        status = error.response.status_code if error.response is not None else "with an error"
        if status == HTTPStatus.PRECONDITION_FAILED:
            raise UserError(f"{doing}: somebody else committed there at the same time; run again") from None
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
def _upload_errors() -> Iterator[None]:
    """Raise the reason why an upload failed: huggingface_hub and hf_xet raise a RuntimeError."""
    try:
        yield
    except RuntimeError as error:
        raise error.__cause__ or OSError(" ".join(str(error).split())[:300]) from None


def create_if_missing(repository: HubRepository, *, private: bool | None = None) -> None:
    """Create a repository unless it exists.

    Args:
        private: whether nobody else may see it; None for the owner's default.
    """
    if not api().repo_exists(repository.name, repo_type=repository.type):
        api().create_repo(repository.name, repo_type=repository.type, private=private, exist_ok=True)


def is_private(repository: HubRepository) -> bool:
    """Return whether only members of the owner see a repository."""
    return bool(api().repo_info(repository.name, repo_type=repository.type).private)


def head_of(repository: HubRepository, branch: str = MAIN) -> str:
    """Return the newest commit of a branch."""
    head = api().repo_info(repository.name, repo_type=repository.type, revision=branch).sha
    assert head is not None  # noqa: S101  # a repository that exists has a head
    return head


def files_at(repository: HubRepository, commit: str) -> set[str]:
    """Return the names of all files at a commit."""
    return set(api().list_repo_files(repository.name, repo_type=repository.type, revision=commit))


def tags_of(repository: HubRepository) -> dict[str, str]:
    """Return tag -> commit; empty if there is no such repository."""
    try:
        refs = api().list_repo_refs(repository.name, repo_type=repository.type)
    except RepositoryNotFoundError:
        return {}
    return {tag.name: tag.target_commit for tag in refs.tags}


def branches_of(repository: HubRepository) -> set[str]:
    """Return the names of the branches."""
    return {one.name for one in api().list_repo_refs(repository.name, repo_type=repository.type).branches}


def record_at(repository: HubRepository, commit: str, name: str) -> dict[str, Any] | None:
    """Return the JSON object in a file at a commit; None if there is no such file.

    Raises:
        UserError: the file is not a JSON object.
    """
    if name not in files_at(repository, commit):
        return None
    path = hf_hub_download(
        repository.name,
        name,
        repo_type=repository.type,
        revision=commit,
        cache_dir=_cache(),
        endpoint=endpoint(),
    )
    where = f"{repository.resource} at {commit[:7]}: "
    found = read_json(Path(path), where)
    if not isinstance(found, dict):
        raise UserError(f"{where}{name} is not a JSON object; restore the file")
    return found


def release_tags(repository: HubRepository) -> dict[str, str]:
    """Return tag -> commit of the releases; tags of another form are not releases."""
    return {name: commit for name, commit in tags_of(repository).items() if TAG.fullmatch(name)}


def written_files(
    repository: HubRepository, head: str, present: Mapping[str, Any] | None, record: str
) -> set[str]:
    """Return the files at a commit that earlier releases wrote.

    Args:
        head: the commit.
        present: the content of the record at the commit; if it was removed, the newest release's is used.
        record: the file that lists what a release wrote.
    """
    tags = release_tags(repository)
    if not present and tags:
        present = record_at(repository, tags[max(tags, key=order)], record)
    wrote = {str(name) for name in (present or {}).get("files", ())}
    return wrote & files_at(repository, head)


def download(repository: HubRepository, commit: str) -> Path:
    """Download all files at a commit and return their folder; copies are cached by commit."""
    return Path(
        snapshot_download(
            repository.name,
            repo_type=repository.type,
            revision=commit,
            cache_dir=_cache(),
            endpoint=endpoint(),
        )
    )


def commit_on(
    repository: HubRepository,
    parent: str,
    operations: Sequence[Operation],
    message: str,
    branch: str = MAIN,
) -> str:
    """Commit on top of a commit that must be the head, and return the ID of the new commit.

    Raises:
        HfHubHTTPError: 412, somebody else committed since; `hub_errors` says so.
    """
    # huggingface_hub warns of Parquet files in a model's repository; a release has passages there.
    warnings.filterwarnings("ignore", message="It seems that you are about to commit a data file")
    commit = api().create_commit(
        repository.name,
        operations,
        repo_type=repository.type,
        commit_message=message,
        parent_commit=parent,
        revision=branch,
    )
    oid = str(commit.oid)
    if oid != parent:
        say(f"{message}: committed to {repository.resource} as {oid[:12]}")
    return oid


def create_tag(repository: HubRepository, tag: str, commit: str) -> None:
    """Create the tag of a release."""
    api().create_tag(
        repository.name,
        repo_type=repository.type,
        tag=tag,
        revision=commit,
        tag_message=f"Release {tag}",
    )


def move_tag(repository: HubRepository, tag: str, commit: str) -> None:
    """Create a tag, or move it from another commit."""
    there = tags_of(repository)
    if there.get(tag) == commit:
        return
    if tag in there:
        api().delete_tag(repository.name, repo_type=repository.type, tag=tag)
    create_tag(repository, tag, commit)


def _cache() -> Path:
    """Return the cache folder of this Hub; different Hubs may have repositories with the same names."""
    place = re.sub(r"\W+", "-", endpoint().partition("://")[2])
    return Path(os.environ.get("HF_HUB_CACHE") or cache_folder() / "hub" / place)
