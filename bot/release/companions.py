"""Companions of a release: repositories on the Hub that are published with the model's.

A companion is published before the model: one commit on top of its head, then the same tag. The manifest of
the release states the commit and the SHA-256 of each file, so the signature of the release binds them. A
companion without a release of the model is of no account: the next release replaces it.
"""

import json
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any, Literal

from bot.config.recipe import ReleaseRecipe
from bot.core.errors import UserError
from bot.core.store import Entry
from bot.core.stored_file import StoredFile
from bot.inference.engine_llamacpp import ENDING
from bot.release.convert_gguf import MAGIC
from bot.release.gguf_card import gguf_card
from bot.release.hub_repository import (
    HubRepository,
    create_if_missing,
    head_of,
    hub_errors,
    move_tag,
    record_at,
    written_files,
)
from bot.release.modelfile import NAME as MODELFILE
from bot.release.modelfile import is_modelfile
from bot.release.release_folder import Prepared, prepared_files
from bot.release.samples_card import samples_card
from bot.release.trusted_publishing import trusted_publishing
from bot.release.upload import commit_prepared

CARD, RECORD = "README.md", "release.json"
"""The card of a companion, and which release it belongs to. Publishing adds both to the data files."""


@dataclass(frozen=True)
class Kind:
    """A kind of companion.

    Attributes:
        what: what it is, in words.
        type: the type of its repository on the Hub.
        endings: the endings of its data files. A companion has no others: a library may execute them.
        facts: the facts of its entry that its part of the manifest states.
        card: makes README.md from the manifest of the release and the companion's part of it.
    """

    what: str
    type: Literal["model", "dataset"]
    endings: tuple[str, ...]
    facts: tuple[str, ...]
    card: Callable[[Mapping[str, Any], Mapping[str, Any]], str]


KINDS: Mapping[str, Kind] = {
    "samples": Kind(
        *("the samples that the model learned", "dataset"), (".parquet",), ("rows", "private"), samples_card
    ),
    "gguf": Kind("GGUF files for llama.cpp and ollama", "model", (ENDING, MODELFILE), (), gguf_card),
}
"""The kinds of companions. The recipe's part `release` names the repository of each."""


@dataclass(frozen=True)
class Companion:
    """A companion that is to be published.

    Attributes:
        stated: its part of the manifest, without the commit; see schemas/manifest.json.
        data: name -> its data files.
        card: the text of its card.
    """

    stated: Mapping[str, Any]
    data: Mapping[str, StoredFile]
    card: str

    @property
    def repository(self) -> HubRepository:
        """The repository on the Hub."""
        return repository_of(self.stated)


def repository_of(stated: Mapping[str, Any]) -> HubRepository:
    """Return the repository of a companion in a manifest."""
    return HubRepository(str(stated["repository"]), KINDS[str(stated["kind"])].type)


def companions_of(manifest: Mapping[str, Any]) -> list[HubRepository]:
    """Return the repositories of a release's companions."""
    return [repository_of(stated) for stated in manifest.get("companions", ())]


def wanted_companions(release: ReleaseRecipe) -> dict[str, HubRepository]:
    """Return kind -> repository of the companions that the recipe names."""
    wanted: dict[str, str] = {kind: getattr(release, kind) for kind in KINDS}
    return {kind: HubRepository(name, KINDS[kind].type) for kind, name in wanted.items() if name}


def all_repositories(release: ReleaseRecipe) -> list[HubRepository]:
    """Return the repositories that a release is published in: the model's, then its companions'."""
    return [HubRepository(release.repository), *wanted_companions(release).values()]


def stated_companion(kind: str, repository: HubRepository, entry: Entry) -> dict[str, Any]:
    """Return a companion as the manifest of a candidate states it: its data files and facts about them."""
    return {
        "kind": kind,
        "repository": repository.name,
        "files": _digests(entry),
        "facts": {name: entry.facts[name] for name in KINDS[kind].facts},
    }


def checked_companion(stated: Mapping[str, Any], entry: Entry, manifest: Mapping[str, Any]) -> Companion:
    """Return a companion that may be published, after a check of its files in the store.

    Raises:
        UserError: a file was altered, could run code, or is not what its name says.
    """
    kind = KINDS[stated["kind"]]
    for name in sorted(entry.files):
        if not name.endswith(kind.endings):
            raise UserError(
                f"{name}: a companion of the kind {stated['kind']} has no such file; {_remove(entry)}"
            )
    if _digests(entry) != stated["files"]:
        raise UserError(
            f"store entry {entry.step}/{entry.key[:12]}: its files are not those that the manifest states; "
            f"{_remove(entry)}"
        )
    data = {name: StoredFile(entry, name) for name in sorted(entry.files)}
    for name, stored in data.items():
        if name.endswith(ENDING) and not stored.begins_with(MAGIC):
            raise UserError(f"{name}: this is not a GGUF file; {_remove(entry)}")
        if name.endswith(MODELFILE) and not is_modelfile(name, entry.read_bytes(name), entry.files):
            raise UserError(f"{name}: this Modelfile uses other files than the release's; {_remove(entry)}")
    return Companion(stated, data, kind.card(manifest, stated))


def _remove(entry: Entry) -> str:
    return f"remove it with `arborist forget {entry.key[:12]}`, and start a retraining"


def publish_companion(
    companion: Companion, manifest: Mapping[str, Any], *, private: bool = False
) -> dict[str, Any]:
    """Publish a companion and return it as the manifest of the release states it, with its commit.

    If the head is this companion already (an earlier run was killed), there is no new commit. Files of others
    are kept. The model has no release with this tag yet, so a tag that is there is moved.

    Args:
        manifest: the manifest of the release, without companions.
        private: whether a repository that does not exist yet becomes private, as the model's is.

    Raises:
        UserError: the repository has the companions of another model, somebody else committed at the same
            time, or the Hub refused.
    """
    repository, tag = companion.repository, str(manifest["release"])
    doing = f"publishing {repository.resource} {tag}"
    with _prepared(companion, manifest) as made:
        digests = made.digests()
        with hub_errors(doing), trusted_publishing(repository):
            create_if_missing(repository, private=private or None)
            head = head_of(repository)
            present = record_at(repository, head, RECORD) or {}
            if present.get("model", manifest["repository"]) != manifest["repository"]:
                raise UserError(
                    f"{doing}: this repository belongs to the releases of {present['model']}; name another "
                    f"one in `release.{companion.stated['kind']}` of arborist.yaml"
                )
            stale = written_files(repository, head, present, RECORD) - digests.keys()
        commit = commit_prepared(repository, made, stale, tag, parent=head)
        with hub_errors(doing), trusted_publishing(repository):
            move_tag(repository, tag, commit)
    return {**companion.stated, "files": digests, "commit": commit}


def move_companion_tags(manifest: Mapping[str, Any]) -> None:
    """Move the tags of a release's companions to the commits that its manifest states.

    Another run may have published companions with the same tag for a model that never came.
    """
    tag = str(manifest["release"])
    for stated in manifest.get("companions", ()):
        repository = repository_of(stated)
        with hub_errors(f"publishing {repository.resource} {tag}"), trusted_publishing(repository):
            move_tag(repository, tag, str(stated["commit"]))


@contextmanager
def _prepared(companion: Companion, manifest: Mapping[str, Any]) -> Iterator[Prepared]:
    """Yield all files of a companion."""
    record = {
        "model": manifest["repository"],
        "release": manifest["release"],
        "key": manifest["key"],
        "files": sorted({*companion.data, CARD, RECORD}),
    }
    content: dict[str, bytes | StoredFile] = {
        **companion.data,
        CARD: companion.card.encode(),
        RECORD: f"{json.dumps(record, indent=2, ensure_ascii=False)}\n".encode(),
    }
    with prepared_files(content, {}, str(manifest["release"])) as made:
        yield made


def _digests(entry: Entry) -> dict[str, str]:
    """Return file -> SHA-256 of an entry's files."""
    return {name: str(one["sha256"]) for name, one in sorted(entry.files.items())}
