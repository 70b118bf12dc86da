"""Explanation of one entry of the store: what step it is, its inputs, what it was made of and used for."""

from collections.abc import Iterator, Mapping
from typing import Any

from bot.core.store import Entry
from bot.pipeline.explain_release import candidate_manifest, in_the_store, release_parts
from bot.pipeline.lineage import CANDIDATE, LINKS, MIXTURE, SAMPLES, Lineage, Reference
from bot.pipeline.lineage_node import Node

STEPS = {
    "batch": "one batch of the teacher's candidates for a leaf",
    SAMPLES: "the samples of a leaf",
    "all-samples": "a note that all leaves of a taxonomy have their samples",
    "general": "the base's own answers to general requests",
    "sifted": "the samples that no mixture may have",
    MIXTURE: "the samples that a phase is trained on",
    "train-knowledge": "the model after the knowledge phase",
    "train-skills": "the model after the skills phase",
    "train-trial": "the model of a trial on a pull request",
    "choice": "the best of the models that a phase kept",
    "exam": "a model's answers to the questions of one exam",
    "verdict": "a judge's mark of one answer",
    "task": "a model's results in a task of lm-evaluation-harness",
    CANDIDATE: "an examined model with the gate's decision, which can be released",
}
"""Step -> what its entries are."""
FIELDS = {
    "adds.neurons": "new neurons per layer",
    "adds.rank": "rank of the adapters",
    "base": "base model",
    "commit": "commit of the taxonomy",
    "general": "general requests",
    "languages": "hash of the language files",
    "leaf.seeds": "seed examples",
    "leaf.source": "documents' repository",
    "left_out": "hash of the samples left out",
    "max_new_tokens": "longest answer, in tokens",
    "mixture": "hash of the mixture's samples",
    "model": "ID of the model",
    "previous": "release before",
    "prompts": "prompts",
    "pulls": "pull requests",
    "release": "key of the release",
    "settings.batches": "batches at most",
    "settings.given": "version of the samples without a teacher",
    "settings.languages": "hash of the language files",
    "settings.prompts": "hash of the prompts",
    "settings.samples": "samples wanted from the teacher",
    "settings.stored": "version of the storage format",
    "start": "ID of the model to start from",
    "tokens": "special tokens",
    "weight": "weight of general requests",
}
"""Field of a step's inputs -> its name for people."""
LISTED = 5
"""A list of up to this many plain values is shown, of longer ones the length."""
LONGEST = 100


def entry_tree(entry: Entry, lineage: Lineage) -> Node:
    """Return what an entry is, its inputs in words, what it was made of, and what was made of it.

    Raises:
        StoreError: the store cannot be reached.
        UserError: another entry's record was altered.
    """
    parents, users = _present(lineage, lineage.made_of(entry)), lineage.used_by(entry)
    inputs = Node("inputs", facts=dict(_in_words(_own_inputs(entry))))
    groups = [inputs, Node("made of", parts=parents), Node("used by", parts=[_part(one) for one in users])]
    parts = [one for one in groups if one.facts or one.parts]
    if entry.step == CANDIDATE:
        manifest = candidate_manifest(entry)
        parts += release_parts(manifest, in_the_store(manifest, lineage))
    facts = {"is": STEPS.get(entry.step, f"a result of the step {entry.step}"), **_facts(entry)}
    return Node(entry.step, _name(entry), entry.key, facts, parts=parts)


def _name(entry: Entry) -> str:
    """Return the leaf of an entry, if it has one."""
    leaf = entry.inputs.get("leaf", "")
    return str(leaf["path"] if isinstance(leaf, Mapping) else leaf)


def _facts(entry: Entry) -> dict[str, str | int]:
    """Return what the entry's record says of the result."""
    facts, files = entry.facts, entry.files
    found: dict[str, str | int] = {}
    for name in ("samples", "leaves"):
        if name in facts:
            found[name] = facts[name]
    if "funnel" in facts:
        funnel = facts["funnel"]
        found["accepted"] = f"{funnel['accepted']} of the teacher's {funnel['candidates']} candidates"
        dropped = sorted(funnel["dropped"].items(), key=lambda one: -one[1])
        found["dropped"] = ", ".join(f"{count} by {name}" for name, count in dropped) or "none"
    for leaf, count in sorted(facts.get("table", {}).items()):
        found[leaf or "general requests"] = count
    if "questions" in entry.inputs:
        found["questions"] = len(entry.inputs["questions"])
    return found | {"files": ", ".join(sorted(files)) if len(files) <= LISTED else len(files)}


def _own_inputs(entry: Entry) -> dict[str, Any]:
    """Return the inputs that are not entries of their own."""
    links = LINKS.get(entry.step, ())
    own = {name: value for name, value in entry.inputs.items() if name not in links}
    # The base has no entry, so its ID is all that there is.
    return own | {name: entry.inputs[name] for name in ("start", "model") if name in entry.inputs}


def _in_words(value: Any, path: str = "") -> Iterator[tuple[str, str | int | float | bool]]:
    """Yield the fields of inputs, with names and values for people."""
    if isinstance(value, Mapping):
        for name, inner in value.items():
            yield from _in_words(inner, f"{path}.{name}" if path else str(name))
    elif value not in (None, "", [], ()):
        yield FIELDS.get(path, path.replace("_", " ").replace(".", ", ")), _short(value)


def _short(value: Any) -> str | int | float | bool:
    if isinstance(value, list | tuple):
        plain = len(value) <= LISTED and not any(isinstance(one, list | tuple | Mapping) for one in value)
        return _short(", ".join(map(str, value))) if plain else f"{len(value)}"
    if isinstance(value, str):
        line = " ".join(value.split())
        return line if len(line) <= LONGEST else f"{line[: LONGEST - 1]}…"
    return value if isinstance(value, int | float) else str(value)


def _present(lineage: Lineage, references: list[Reference]) -> list[Node]:
    """Return the entries that another one was made of; says of each whether the store still has it."""
    there = {
        step: lineage.store.has(step, [one.key for one in references if one.step == step])
        for step in {one.step for one in references}
    }
    return [_part(one, gone=one.key not in there[one.step]) for one in references]


def _part(one: Reference, *, gone: bool = False) -> Node:
    name = one.name if one.name != one.step else ""
    return Node(one.step, name, one.key, {"in the store": False} if gone else {})
