"""Verification of a copy of a release: its signature, its files, and its manifest."""

from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

from bot.core.errors import UserError
from bot.core.schema import first_violation
from bot.release.manifest import MANIFEST, read_json, violation
from bot.release.release_folder import digest_of, files_below
from bot.release.signature import SIGNATURE
from bot.release.statement import SCHEMA, STATEMENT, subjects
from bot.release.trust import Trust, differences, names, signature_problem
from bot.taxonomy.files import shown

OF_OTHERS = (".gitattributes", ".git", ".cache/huggingface", ".eval_results")
"""What the Hub, git, downloads and the Hub's evaluation results put beside a release. Nothing loads it."""


@dataclass(frozen=True)
class Check:
    """The result of one check.

    Attributes:
        what: what was found; if it failed, what is wrong, where, and how to fix it.
    """

    name: str
    passed: bool
    what: str


@dataclass(frozen=True)
class Copy:
    """A copy of a release in a folder.

    Attributes:
        allowed: files and folders of others that may lie beside the release.
    """

    folder: Path
    allowed: Collection[str] = ()

    @cached_property
    def statement(self) -> Mapping[str, Any]:
        """The statement.

        Raises:
            UserError: it is missing, not JSON, or does not match its schema.
        """
        if not (self.folder / STATEMENT).is_file():
            why = "this is not a release, or one from before there were signatures, and cannot be verified"
            raise UserError(f"there is no {STATEMENT}: {why}", code=1)
        found = read_json(self.folder / STATEMENT)
        if wrong := first_violation(found, SCHEMA):
            raise UserError(f"{STATEMENT}: {shown(wrong)}", code=1)
        statement: Mapping[str, Any] = found
        return statement

    @cached_property
    def stated(self) -> Mapping[str, str]:
        """File -> digest as the statement says; empty if it cannot be read."""
        try:
            return subjects(self.statement)
        except UserError:
            return {}

    @cached_property
    def digests(self) -> Mapping[str, str]:
        """File -> digest as it is; without files of others."""
        there = files_below(self.folder)
        return {name: digest_of(path) for name, path in there.items() if name not in self.ignored}

    @cached_property
    def ignored(self) -> Collection[str]:
        """The files of others beside the release."""
        places = (*OF_OTHERS, *self.allowed)
        beside = files_below(self.folder).keys() - self.stated.keys()
        return {name for name in beside if _lies_in(name, places)}

    @cached_property
    def manifest(self) -> Mapping[str, Any]:
        """The manifest.

        Raises:
            UserError: it is missing, not JSON, or does not match its schema.
        """
        found = read_json(self.folder / MANIFEST)
        if wrong := violation(found):
            raise UserError(f"{MANIFEST}: {shown(wrong)}", code=1)
        manifest: Mapping[str, Any] = found
        return manifest


def _lies_in(name: str, places: Collection[str]) -> bool:
    """Return whether a file is one of these files, or lies in one of these folders."""
    return any(f"{name}/".startswith(f"{place.strip('/')}/") for place in places)


def verify(copy: Copy, trust: Trust | None, expected: str = "") -> Iterator[Check]:
    """Yield the checks of a copy of a release.

    Args:
        trust: whose signature is accepted; None accepts a release that is not signed.
        expected: the release that the copy must be, as repository@tag; "" for any.

    Raises:
        UserError: a check cannot be made in this environment.
    """
    yield _signature(copy, trust)
    yield _files(copy)
    yield _manifest(copy, expected)


def _signature(copy: Copy, trust: Trust | None) -> Check:
    if trust is None:
        who = "whoever can write to the model's repository"
        return Check("signature", True, f"none is asked for (--unsigned): {who} may have made this release")
    wrong = signature_problem(copy.folder, trust, copy.digests, copy.ignored)
    if wrong:
        return Check("signature", False, f"{wrong}; do not use this copy, and ask the maintainers")
    return Check("signature", True, f"{SIGNATURE} is by {trust.who}")


def _files(copy: Copy) -> Check:
    try:
        stated = subjects(copy.statement)
    except UserError as error:
        return Check("files", False, str(error))
    own = (STATEMENT, SIGNATURE)
    wrong = differences(stated, {name: one for name, one in copy.digests.items() if name not in own})
    if wrong:
        hint = "download the release again; if others added files that nothing loads, name them with --allow"
        return Check("files", False, f"{wrong}; {hint}")
    allowed = [name for name in copy.ignored if not _lies_in(name, OF_OTHERS)]
    beside = f"; --allow permits {names(allowed)}" if allowed else ""
    return Check("files", True, f"{len(stated)} files have the digests of {STATEMENT}{beside}")


def _manifest(copy: Copy, expected: str) -> Check:
    try:
        manifest = copy.manifest
        wrong = _contradiction(copy, expected)
    except UserError as error:
        return Check("manifest", False, str(error))
    except RecursionError:
        return Check("manifest", False, f"{MANIFEST} is nested too deeply; do not use this copy")
    if wrong:
        return Check("manifest", False, wrong)
    taxonomy = manifest["taxonomy"]
    release = f"{manifest['repository']}@{manifest['release']}"
    made_of = f"{taxonomy['repository']} at {taxonomy['commit'][:7]}"
    given = manifest["gate"].get("override")
    anyway = f"; the gate failed, and {given['by']} released it: {given['reason']}" if given else ""
    return Check("manifest", True, shown(f"{release}, made of {made_of}{anyway}"))


def _contradiction(copy: Copy, expected: str) -> str:
    """Return what the manifest contradicts; "" if it contradicts nothing."""
    manifest = copy.manifest
    actual = f"{manifest['repository']}@{manifest['release']}"
    if expected and actual != expected:
        return f"{MANIFEST} is of {shown(actual)}, not of {expected}; somebody moved the tag or the files"
    if manifest != copy.statement["predicate"]:
        return f"{MANIFEST} and {STATEMENT} differ; download the release again"
    if manifest["gate"]["decision"] != "passed" and "override" not in manifest["gate"]:
        return f"{MANIFEST} says that the gate failed; do not use this release"
    weights = manifest["phases"]["skills"].get("weights", {})
    other = [name for name in weights if copy.stated.get(name) != weights[name]]
    return f"these weights are not those that were trained: {names(other)}" if other else ""
