"""Candidates: examined models, each with all that a release of it is made of.

A candidate is an entry of the store. So the job that trains needs no token that can write to the Hub: another
job, on another machine, publishes the candidate once the results are known.
"""

import hashlib
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any, ClassVar

from bot.config.recipe import Recipe
from bot.core.errors import UserError
from bot.core.step import Inputs
from bot.core.store import Entry, Store, canonical
from bot.core.store_files import RECORD
from bot.core.stored_file import StoredFile
from bot.evaluate.gate import Verdict
from bot.inference.retrieval import FILE as IN_RELEASE
from bot.pipeline.compare import Asked
from bot.pipeline.passages import FILE as PASSAGES
from bot.pipeline.passages import PassagesInputs
from bot.release.card import model_card
from bot.release.collection import join_in_collection
from bot.release.companions import Companion, checked_companion, companions_of, wanted_companions
from bot.release.gguf_rule import published
from bot.release.hub import Release, check_publishing, latest_release, publish
from bot.release.hub_repository import HubRepository
from bot.release.manifest import MANIFEST, check_manifest
from bot.release.model_files import DATA, RUNS, WEIGHTS
from bot.release.modelfile import NAME as MODELFILE
from bot.release.release_folder import release_files
from bot.release.signature import UNSIGNED, Signer
from bot.release.tags import follows

PICTURES = ("results.png", "loss.png")
"""The files of a candidate that a release has, too."""
_KEY, _STEP = re.compile(r"[0-9a-f]{64}"), re.compile(r"[a-z-]{1,40}")


class Superseded(UserError):
    """Raised if another release was published since a candidate was compared with the newest one."""


@dataclass(frozen=True)
class CandidateInputs(Inputs):
    """Everything that a candidate depends on.

    Attributes:
        release: the key of the wanted release.
        previous: the tag of the release with which the model is compared; "" if there is none.
        commit: the taxonomy's commit.
        pulls: the pull requests merged since the previous release.
        override: who releases it although the gate failed, and why; empty if nobody does.
    """

    STEP: ClassVar[str] = "candidate"
    VERSION: ClassVar[int] = 1

    release: str
    previous: str
    commit: str
    pulls: Sequence[int]
    override: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True)
class Candidate:
    """An examined model.

    Attributes:
        key: the candidate's key in the store.
        model: the entry of the store that has the model.
        pictures: the pictures of the model card, by name; see PICTURES.
        manifest: the release's manifest without `files`, `signature` and the companions' commits, which
            publishing adds.
        verdict: the gate's decision.
        companions: kind -> the entry of the store that has the companion's data files.
        passages: the entry of the store that has the documents' passages; None without retrieval.
    """

    key: str
    model: Entry
    pictures: Mapping[str, bytes]
    manifest: Mapping[str, Any]
    verdict: Verdict
    companions: Mapping[str, Entry] = field(default_factory=dict)
    passages: Entry | None = None

    @property
    def leaves(self) -> Sequence[Mapping[str, Any]]:
        """Each leaf's path, exam and near misses, as in the manifest."""
        rows: Sequence[Mapping[str, Any]] = self.manifest["leaves"]
        return rows

    @property
    def previous(self) -> str:
        """The tag of the release with which the model was compared; "" if there was none."""
        return str(self.manifest["previous"] or "")


def candidate_inputs(asked: Asked, commit: str, pulls: Sequence[int]) -> CandidateInputs:
    """Return the inputs of the candidate that main asks for.

    Args:
        commit: the taxonomy's commit.
        pulls: the pull requests merged since the newest release.
    """
    return CandidateInputs(asked.inputs.key, asked.released.tag if asked.released else "", commit, pulls)


def kept_candidate(inputs: CandidateInputs, store: Store) -> Candidate | None:
    """Return the candidate that an earlier run made of the same inputs; None if there is none."""
    there = store.get(inputs.step, inputs.key) is not None
    return read_candidate(inputs.key, store) if there else None


def keep_candidate(inputs: CandidateInputs, candidate: Candidate, store: Store) -> None:
    """Put a candidate into the store. The model and the companions stay in their own entries."""
    files = {**candidate.pictures, MANIFEST: canonical(candidate.manifest).encode()}
    facts = {
        "step": candidate.model.step,
        "model": candidate.model.key,
        "reasons": list(candidate.verdict.reasons),
        "note": candidate.verdict.note,
        "companions": {
            kind: {"step": entry.step, "key": entry.key} for kind, entry in candidate.companions.items()
        },
        "passages": candidate.passages.key if candidate.passages else "",
    }
    store.put(inputs.step, inputs.key, inputs.values(), files, facts=facts)


def overridden(candidate: Candidate, override: Mapping[str, str], store: Store) -> Candidate:
    """Return a refused candidate as one that may be released, and keep it in the store.

    Args:
        override: `by` and `reason`, which the manifest and the card state.
    """
    report = {**candidate.verdict.report, "override": dict(override)}
    manifest = {**candidate.manifest, "gate": report}
    inputs = CandidateInputs(
        manifest["key"], candidate.previous, manifest["taxonomy"]["commit"], manifest["pulls"], override
    )
    verdict = replace(candidate.verdict, report=report)
    made = replace(candidate, key=inputs.key, manifest=manifest, verdict=verdict)
    keep_candidate(inputs, made, store)
    return made


def reference_of(candidate: Candidate, store: Store) -> str:
    """Return the key of a candidate in the store, and a hash of its records, which state all files' hashes.

    The approval of a release is given for what the job that trained has shown. Whoever can write to the store
    cannot change that afterwards.
    """
    entry = store.get(CandidateInputs.STEP, candidate.key)
    records = (entry.record() if entry else b"") + candidate.model.record()
    records += candidate.passages.record() if candidate.passages else b""
    return f"{candidate.key}.{hashlib.sha256(records).hexdigest()}"


def read_candidate(reference: str, store: Store) -> Candidate:
    """Read a candidate from the store.

    Args:
        reference: as `reference_of` returns it, or only the key.

    Raises:
        UserError: the key is malformed, the store does not have the candidate or its model, or they are not
            what the reference states.
    """
    key, _, stated = reference.partition(".")
    if not _KEY.fullmatch(key):
        raise UserError(f"{key[:80]!r} is not the key of a candidate: it has 64 hexadecimal digits")
    entry = store.get(CandidateInputs.STEP, key)
    if entry is None:
        raise UserError(f"the store {store.url} has no candidate {key[:12]}; start a retraining to make one")
    try:
        candidate = _read(entry, store)
        if stated and reference_of(candidate, store) != reference:
            raise ValueError("it is not the candidate whose results were shown")
        return candidate
    except (KeyError, TypeError, ValueError, AttributeError):
        raise UserError(
            f"the candidate {key[:12]} in {store.url} was altered; "
            f"remove it with `arborist forget {key[:12]}`, and start a retraining"
        ) from None


def _read(entry: Entry, store: Store) -> Candidate:
    key, facts = entry.key, entry.facts
    model = _entry_of(key, "the model", facts["step"], facts["model"], store)
    companions = {
        kind: _entry_of(key, f"the companion {kind}", one["step"], one["key"], store)
        for kind, one in facts.get("companions", {}).items()
    }
    manifest = entry.read_json(MANIFEST)
    check_manifest({**manifest, "files": [], "signature": UNSIGNED})
    if sorted(one["kind"] for one in manifest.get("companions", ())) != sorted(companions):
        raise ValueError("the manifest states other companions")
    verdict = Verdict(tuple(entry.facts["reasons"]), entry.facts["note"], manifest["gate"])
    pictures = {name: entry.read_bytes(name) for name in PICTURES}
    passages = (
        _entry_of(key, "the passages", PassagesInputs.STEP, facts["passages"], store)
        if facts.get("passages")
        else None
    )
    return Candidate(key, model, pictures, manifest, verdict, companions, passages)


def _entry_of(candidate: str, what: str, step: str, key: str, store: Store) -> Entry:
    """Return the entry of a candidate's model, of one of its companions, or of its passages."""
    if not _STEP.fullmatch(step) or not _KEY.fullmatch(key):
        raise ValueError(f"this is not an entry: {what}")
    entry = store.get(step, key)
    if entry is None:
        raise UserError(
            f"the store {store.url} no longer has {what} of the candidate {candidate[:12]}; "
            f"remove the candidate with `arborist forget {candidate[:12]}`, and start a retraining"
        )
    return entry


def release_candidate(candidate: Candidate, recipe: Recipe, signer: Signer | None) -> Release:
    """Publish a candidate with its card, unless an earlier run has published it; the store is only read.

    Args:
        signer: signs the release; None if it is not signed.

    Raises:
        Superseded: another release was published since the candidate was made.
        UserError: the gate refused the candidate, a file of the model was altered, or the Hub refused.
    """
    repository, key = recipe.release.repository, str(candidate.manifest["key"])
    if not candidate.verdict.passed:
        raise UserError(f"the gate refused the candidate {candidate.key[:12]}; it is not published", code=1)
    if candidate.manifest["repository"] != repository:
        raise Superseded(
            f"the candidate {candidate.key[:12]} is for {candidate.manifest['repository']}, and the recipe "
            f"names {repository} now: start a retraining",
            code=1,
        )
    released = latest_release(repository)
    if released and released.manifest["key"] == key:
        join_in_collection(repository, companions_of(released.manifest))
        return released
    newest = released.tag if released else ""
    if newest and not candidate.previous:
        raise Superseded(
            f"{newest} is the newest release of {repository}, and the job that trained saw none. If the "
            "repository is private, set the secret HF_READ_TOKEN; then start a retraining",
            code=1,
        )
    if newest != candidate.previous:
        compared = candidate.previous or "the base"
        raise Superseded(
            f"{newest or 'no release'} is the newest release of {repository}, and the candidate "
            f"{candidate.key[:12]} was compared with {compared}: start a retraining to compare it again",
            code=1,
        )
    if not follows(tag := str(candidate.manifest["release"]), newest):
        raise UserError(
            f"the candidate {candidate.key[:12]} has the tag {tag[:40]!r}, which cannot follow "
            f"{newest or 'no release'}; set the clock of the machine that trained, remove the candidate with "
            f"`arborist forget {candidate.key[:12]}`, and start a retraining"
        )
    return _publish(candidate, released, recipe, signer)


def _publish(
    candidate: Candidate, released: Release | None, recipe: Recipe, signer: Signer | None
) -> Release:
    """Publish the model with its card, manifest and companions, after a check of the files in the store.

    The job that trains is not trusted: it reads documents and answers of others, and runs their libraries.
    """
    for name in sorted(candidate.model.files):
        if not name.endswith(DATA) and not name.startswith(RUNS):
            raise UserError(
                f"{name}: a release has no such file, since it could run code; nothing is published"
            )
    manifest = dict(candidate.manifest, signature=dict(signer.facts if signer else UNSIGNED))
    companions = _companions(candidate, manifest, recipe)
    card = model_card(manifest, released.manifest if released else None)
    files: dict[str, bytes | StoredFile] = {"README.md": card.encode(), **candidate.pictures}
    if candidate.passages:
        files[IN_RELEASE] = StoredFile(candidate.passages, PASSAGES)
    files |= {
        name: StoredFile(candidate.model, name) for name in candidate.model.files if name.endswith(WEIGHTS)
    }
    with TemporaryDirectory() as scratch:
        folder = Path(scratch)
        for name in candidate.model.files.keys() - files.keys():
            (folder / name).parent.mkdir(parents=True, exist_ok=True)
            (folder / name).write_bytes(candidate.model.read_bytes(name))
        (folder / RECORD).write_bytes(candidate.model.record())
        manifest["files"] = release_files(folder, files, signer)
        check_manifest(manifest)
        repository = HubRepository(manifest["repository"])
        check_publishing([repository, *(one.repository for one in companions)])
        return publish(repository.name, folder, files, manifest, signer, companions)


def _companions(candidate: Candidate, manifest: Mapping[str, Any], recipe: Recipe) -> list[Companion]:
    """Return the companions of a candidate, after a check of their files and repositories.

    Raises:
        Superseded: a companion is for another repository than the recipe names.
    """
    wanted = wanted_companions(recipe.release)
    found = []
    for stated in manifest.get("companions", ()):
        kind, repository = stated["kind"], stated["repository"]
        if kind not in wanted or wanted[kind].name != repository:
            raise Superseded(
                f"the candidate {candidate.key[:12]} has {kind} for {repository}, and the recipe names "
                f"{wanted[kind].name if kind in wanted else 'no repository'} now: start a retraining",
                code=1,
            )
        found.append(checked_companion(stated, candidate.companions[kind], manifest))
    _check_gguf(manifest, recipe)
    return found


def _check_gguf(manifest: Mapping[str, Any], recipe: Recipe) -> None:
    """Check that the card names only GGUF files that are published with the release."""
    files = {name for one in manifest.get("companions", ()) if one["kind"] == "gguf" for name in one["files"]}
    named = manifest.get("gguf", {}).get("repository", recipe.release.gguf)
    if named != recipe.release.gguf or set(published(manifest)) != {one for one in files if one != MODELFILE}:
        raise Superseded(
            "the GGUF files that the manifest states are not those for "
            f"{recipe.release.gguf or 'no repository'}, which the recipe names: start a retraining",
            code=1,
        )
