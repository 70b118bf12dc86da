"""Explanation of a difference: which inputs of two results differ, down to the leaf and the field."""

from collections.abc import Iterable, Iterator, Mapping
from typing import Any

from bot.core.errors import UserError
from bot.core.store import Entry
from bot.core.value_changes import Change, changes
from bot.pipeline.explain_release import Manifest, candidate_manifest
from bot.pipeline.lineage import CANDIDATE, EXAM, LINKS, MODELS, SAMPLES, Lineage, Reference
from bot.pipeline.lineage_node import Node
from bot.release.leaf_changes import leaf_changes, rows_of

COMPARED = ("previous", "taxonomy", "student", "teacher", "recipe", "pulls", "tools")
"""Fields of a manifest that are compared as they are."""

NOTHING = {"change": "nothing differs"}


def entries_difference(before: Entry, after: Entry, lineage: Lineage) -> Node:
    """Return what differs between two entries of one step.

    Raises:
        UserError: they are of different steps.
    """
    if before.step != after.step:
        raise UserError(
            f"{before.key[:12]} is of the step {before.step}, and {after.key[:12]} is of {after.step}: "
            "give two keys of one step"
        )
    compared = _Comparison(lineage).entries(before, after)
    if before.step != CANDIDATE:
        return compared
    manifests = candidate_manifest(before), candidate_manifest(after)
    return manifests_difference(*manifests, lineage, CANDIDATE)


def manifests_difference(
    before: Manifest, after: Manifest, lineage: Lineage | None, kind: str = "release"
) -> Node:
    """Return what differs between two releases.

    Args:
        lineage: None without a store; then only the manifests are compared.
        kind: release or candidate.

    Raises:
        StoreError: the store cannot be reached.
    """
    old, new = ({name: one.get(name) for name in COMPARED} for one in (before, after))
    found = [*_key_change(before["key"], after["key"]), *changes(old, new)]
    compared = _Comparison(lineage)
    leaves, weights = [*compared.leaves(before, after)], compared.weights(before, after)
    parts = [Node("leaves", f"{len(leaves)} differ", parts=leaves)] if leaves else []
    parts += [weights] if weights else []
    name = " → ".join(f"{one['release']} of {one['repository']}" for one in (before, after))
    return Node(kind, name, facts={} if found or parts else NOTHING, changes=found, parts=parts)


class _Comparison:
    """A comparison of entries; a pair of entries that occurs again is not shown again."""

    def __init__(self, lineage: Lineage | None) -> None:
        self.lineage = lineage
        self.seen: set[tuple[str, str]] = set()

    def entries(self, before: Entry, after: Entry, name: str = "") -> Node:
        """Compare two entries of one step by their inputs."""
        self.seen.add((before.key, after.key))
        old, new = (_own_inputs(one) for one in (before, after))
        found = [*_key_change(before.key, after.key), *changes(old, new)]
        # All batches follow from the inputs of a leaf's samples.
        parts = [] if after.step == SAMPLES else [*self._links(before, after)]
        return Node(after.step, name, facts={} if found or parts else NOTHING, changes=found, parts=parts)

    def _links(self, before: Entry, after: Entry) -> Iterator[Node]:
        """Compare the entries that two entries were made of."""
        assert self.lineage is not None  # noqa: S101  # entries come from a store
        old, new = ({one.name: one for one in self.lineage.made_of(entry)} for entry in (before, after))
        # The base has no entry, and the store may have lost others: these are compared by their IDs.
        ids = [
            field
            for field in LINKS.get(after.step, ())
            if isinstance(after.inputs.get(field), str) and not (field in old and field in new)
        ]
        for field in ids:
            found = [*changes(before.inputs.get(field), after.inputs[field], "ID")]
            if found:
                yield Node(field, changes=found)
        names = sorted({**old, **new}.keys() - set(ids))
        pairs = [(name, old.get(name), new.get(name)) for name in names]
        yield from self._pairs([one for one in pairs if one[1] != one[2]])

    def _pairs(self, pairs: Iterable[tuple[str, Reference | None, Reference | None]]) -> Iterator[Node]:
        pairs = list(pairs)
        entries = self._read([one for _, *both in pairs for one in both if one])
        for name, old, new in pairs:
            one = new or old
            assert one is not None  # noqa: S101  # one of them is there
            title = "" if name == one.step else name
            if old is None or new is None:
                yield Node(one.step, title, one.key, {"change": "removed" if new is None else "added"})
            elif (old.key, new.key) in self.seen:
                yield Node(one.step, title, "", {"change": "as above"}, _key_change(old.key, new.key))
            elif old.key in entries and new.key in entries:
                yield self.entries(entries[old.key], entries[new.key], title)
            else:
                yield _lost(one.step, title, old.key, new.key)

    def _read(self, references: Iterable[Reference]) -> dict[str, Entry]:
        """Return key -> entry, of the references that the store has."""
        if self.lineage is None:
            return {}
        keys: dict[str, set[str]] = {}
        for one in references:
            keys.setdefault(one.step, set()).add(one.key)
        found = (self.lineage.store.get_many(step, wanted) for step, wanted in keys.items())
        return {key: entry for one in found for key, entry in one.items()}

    def leaves(self, before: Manifest, after: Manifest) -> Iterator[Node]:
        """Compare the leaves of two releases: their samples, and the questions of their exams."""
        found = leaf_changes(before, after)
        for word, rows in (("added", found.added), ("removed", found.removed)):
            for row in rows:
                facts = {"change": word, "samples": row["samples"], "by": row["created_by"]}
                yield Node("leaf", row["path"], row["key"], facts)
        old = rows_of(before)
        pairs = [
            (row["path"], *(Reference(row["path"], SAMPLES, one["key"]) for one in (old[row["path"]], row)))
            for row in found.changed
        ]
        yield from self._pairs(pairs)
        yield from self._exams(old, rows_of(after))

    def _exams(self, old: Mapping[str, Any], new: Mapping[str, Any]) -> Iterator[Node]:
        both = sorted(old.keys() & new.keys())
        keys = [(path, old[path]["exam"]["answers"], new[path]["exam"]["answers"]) for path in both]
        entries = self._read(Reference("", EXAM, key) for _, *pair in keys for key in pair)
        for path, before, after in keys:
            if before in entries and after in entries:
                old_questions, new_questions = (entries[key].inputs["questions"] for key in (before, after))
                found = [*changes(old_questions, new_questions, "questions")]
                if found:
                    yield Node(EXAM, path, changes=found)

    def weights(self, before: Manifest, after: Manifest) -> Node | None:
        """Compare the last phases of two releases, down to the mixtures and the base."""
        keys = before["phases"]["skills"]["key"], after["phases"]["skills"]["key"]
        if keys[0] == keys[1]:
            return None
        entries = self._read(Reference("", step, key) for step in MODELS for key in keys)
        if len(entries) == len(keys):
            return self.entries(entries[keys[0]], entries[keys[1]])
        return _lost("phase", "skills", *keys)


def _own_inputs(entry: Entry) -> dict[str, Any]:
    """Return the inputs of an entry that do not name other entries."""
    links = LINKS.get(entry.step, ())
    return {field: value for field, value in entry.inputs.items() if field not in links}


def _key_change(before: str, after: str) -> list[Change]:
    return [Change("key", before, after)] if before != after else []


def _lost(step: str, name: str, before: str, after: str) -> Node:
    facts = {"inputs": "not compared, since the store does not have both"}
    return Node(step, name, "", facts, _key_change(before, after))
