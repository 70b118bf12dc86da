"""Candidates: examined models, each with everything that a release of it consists of besides the weights.

A candidate is an entry of the store. So the job that trains needs no token that can write to the Hub: another
job, on another machine, publishes the candidate once the results are known.
"""

import json
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, ClassVar

from bot.config.recipe import Recipe
from bot.core.errors import UserError
from bot.core.step import Inputs
from bot.core.store import Entry, Store, canonical
from bot.evaluate.gate import Verdict
from bot.pipeline.release_inputs import ReleaseInputs
from bot.release.hub import Release, latest_release, publish
from bot.release.manifest import check_manifest

MANIFEST, GATE, LEAVES = "manifest.json", "gate.json", "leaves.json"
_KEY = re.compile(r"[0-9a-f]{64}")


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
    """

    STEP: ClassVar[str] = "candidate"
    VERSION: ClassVar[int] = 1

    release: str
    previous: str
    commit: str
    pulls: Sequence[int]


@dataclass(frozen=True)
class Candidate:
    """An examined model.

    Attributes:
        key: the candidate's key in the store.
        model: the entry of the store that has the model.
        files: the additional files of the release, by name.
        manifest: the release's manifest.
        verdict: the gate's decision.
        leaves: each leaf's path, exam and near misses, as in the manifest.
    """

    key: str
    model: Entry
    files: Mapping[str, bytes]
    manifest: Mapping[str, Any]
    verdict: Verdict
    leaves: Sequence[Mapping[str, Any]]

    @property
    def previous(self) -> str:
        """The tag of the release with which the model was compared; "" if there was none."""
        return str(self.manifest["previous"] or "")


def keep_candidate(inputs: CandidateInputs, candidate: Candidate, store: Store) -> None:
    """Put a candidate into the store. The model stays in its own entry."""
    gate = {"reasons": candidate.verdict.reasons, "note": candidate.verdict.note}
    files = {
        **candidate.files,
        MANIFEST: canonical(candidate.manifest).encode(),
        GATE: canonical({**gate, "report": candidate.verdict.report}).encode(),
        LEAVES: canonical(candidate.leaves).encode(),
    }
    facts = {"step": candidate.model.step, "model": candidate.model.key}
    store.put(inputs.step, inputs.key, inputs.values(), files, facts=facts)


def read_candidate(key: str, store: Store) -> Candidate:
    """Read a candidate from the store.

    Raises:
        UserError: the key is malformed, or the store does not have the candidate or its model.
    """
    if not _KEY.fullmatch(key):
        raise UserError(f"{key[:80]!r} is not the key of a candidate: it has 64 hexadecimal digits")
    entry = store.get(CandidateInputs.STEP, key)
    if entry is None:
        raise UserError(f"the store {store.url} has no candidate {key[:12]}; start a retraining to make one")
    model = store.get(str(entry.facts.get("step")), str(entry.facts.get("model")))
    if model is None:
        raise UserError(
            f"the store {store.url} no longer has the model of the candidate {key[:12]}; "
            f"remove the candidate with `arborist forget {key[:12]}`, and start a retraining"
        )
    manifest = entry.read_json(MANIFEST)
    check_manifest(manifest)
    gate = entry.read_json(GATE)
    verdict = Verdict(tuple(gate["reasons"]), gate["note"], gate["report"])
    own = (MANIFEST, GATE, LEAVES)
    files = {name: entry.read_bytes(name) for name in entry.files if name not in own}
    return Candidate(key, model, files, manifest, verdict, json.loads(entry.read_bytes(LEAVES)))


def release_candidate(candidate: Candidate, recipe: Recipe, store: Store) -> Release:
    """Publish a candidate, unless an earlier run has published it.

    Raises:
        Superseded: another release was published since the candidate was made.
        UserError: the gate refused the candidate, or the Hub refused.
    """
    repository, key = recipe.release.repository, str(candidate.manifest["key"])
    if not candidate.verdict.passed:
        raise UserError(f"the gate refused the candidate {candidate.key[:12]}; it is not published", code=1)
    released = latest_release(repository)
    if released and released.manifest["key"] == key:
        return released
    newest = released.tag if released else ""
    if newest != candidate.previous:
        compared = candidate.previous or "the base"
        raise Superseded(
            f"{newest or 'no release'} is the newest release of {repository}, and the candidate "
            f"{candidate.key[:12]} was compared with {compared}: start a retraining to compare it again",
            code=1,
        )
    files = dict(candidate.files)
    release = publish(repository, candidate.model.folder(), files, dict(candidate.manifest))
    manifest = {"manifest.json": canonical(candidate.manifest).encode()}
    store.put(ReleaseInputs.STEP, key, {"candidate": candidate.key}, manifest)
    return release
