"""Explanation of a release: from its weights to samples, leaves, commits, pull requests and people."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from bot.core.errors import UserError
from bot.core.store import Entry
from bot.pipeline.lineage import CANDIDATE, MIXTURE, SAMPLES, Lineage
from bot.pipeline.lineage_node import Node
from bot.release.manifest import MANIFEST, violation
from bot.release.signature import UNSIGNED
from bot.taxonomy.leaf_commits import LeafCommit

Manifest = Mapping[str, Any]


@dataclass(frozen=True)
class Known:
    """What is known of a release beside its manifest.

    Attributes:
        commits: leaf -> the commit that last changed it; empty without a clone of the taxonomy.
        samples: the keys of samples that the store has; None without a store.
        tables: key of a mixture -> leaf -> number of its samples.
        candidate: the key of the candidate; "" if the store does not have it.
    """

    commits: Mapping[str, LeafCommit] = field(default_factory=dict)
    samples: frozenset[str] | None = None
    tables: Mapping[str, Mapping[str, int]] = field(default_factory=dict)
    candidate: str = ""


NOTHING = Known()


def checked(manifest: Any, where: str) -> Manifest:
    """Return a manifest that matches its schema.

    Raises:
        UserError: it does not.
    """
    mistake = violation(manifest)
    if mistake:
        raise UserError(f"{where}: {MANIFEST}: {mistake}; only releases of this version can be explained")
    found: Manifest = manifest
    return found


def in_the_store(manifest: Manifest, lineage: Lineage) -> Known:
    """Return what the store has of a release: one listing for all leaves, and few records.

    Raises:
        StoreError: the store cannot be reached.
    """
    store = lineage.store
    mixtures = store.get_many(MIXTURE, {one["key"] for one in manifest["mixtures"].values()})
    return Known(
        samples=store.has(SAMPLES, {leaf["key"] for leaf in manifest["leaves"]}),
        tables={key: entry.facts.get("table", {}) for key, entry in mixtures.items()},
        candidate=_candidate(manifest, lineage),
    )


def _candidate(manifest: Manifest, lineage: Lineage) -> str:
    """Return the key of the candidate that a release was published from; "" if the store does not have it."""
    release, commit = manifest["key"], manifest["taxonomy"]["commit"]
    override = manifest["gate"].get("override", {})
    for one in lineage.entries(CANDIDATE):
        found = one.inputs["release"], one.inputs["commit"], one.inputs.get("override", {})
        if found == (release, commit, override):
            return one.key
    return ""


def candidate_manifest(entry: Entry) -> Manifest:
    """Return the manifest of a candidate in the store.

    Raises:
        UserError: it does not match the schema, or was altered.
    """
    # Publishing adds these.
    manifest = {"files": [], "signature": UNSIGNED} | entry.read_json(MANIFEST)
    return checked(manifest, f"the candidate {entry.key[:12]}")


def release_tree(manifest: Manifest, known: Known) -> Node:
    """Return the tree of a release."""
    taxonomy = manifest["taxonomy"]
    facts: dict[str, str] = {
        "release before": manifest["previous"] or "none",
        "taxonomy": f"{taxonomy['repository']} at {taxonomy['commit']}",
        "compared with": manifest["examined"]["before"],
        "pull requests": ", ".join(f"#{number}" for number in manifest["pulls"]) or "none",
        "people": ", ".join(sorted({leaf["created_by"] for leaf in manifest["leaves"]})),
        "made by": ", ".join(f"{name} {version}" for name, version in manifest["tools"].items()),
        "signature": manifest["signature"]["method"],
    }
    name = f"{manifest['release']} of {manifest['repository']}"
    candidate = [Node(CANDIDATE, "", known.candidate)] if known.candidate else []
    parts = [*candidate, *release_parts(manifest, known)]
    return Node("release", name, manifest["key"], facts, parts=parts)


def release_parts(manifest: Manifest, known: Known) -> list[Node]:
    """Return the gate, the weights down to the base, and the leaves of a release or a candidate."""
    leaves = [leaf_node(row, known) for row in manifest["leaves"]]
    quarantined = [
        Node("leaf", one["path"], facts={"reason": one["reason"]}) for one in manifest["quarantined"]
    ]
    parts = [
        _gate(manifest["gate"]),
        _weights(manifest, known),
        Node("leaves", str(len(leaves)), parts=leaves),
    ]
    tasks = [_task(row) for row in manifest["examined"].get("tasks", ())]
    if tasks:
        parts.append(Node("tasks", str(len(tasks)), parts=tasks))
    if quarantined:
        parts.append(Node("quarantined", str(len(quarantined)), parts=quarantined))
    return parts


def _stored(there: bool | None) -> dict[str, bool]:
    return {} if there is None else {"in the store": there}


def _gate(gate: Mapping[str, Any]) -> Node:
    facts: dict[str, str] = {}
    for one in gate["criteria"]:
        name = f"{one['kind']} {one['leaf']}".strip()
        facts[name] = (
            f"{one['verdict']}: {one['before']} → {one['after']} of {one['asked']} "
            f"({one['gained']} gained, {one['lost']} lost)"
        )
    override = gate.get("override")
    if override:
        facts["released all the same by"] = f"{override['by']}: {override['reason']}"
    return Node("gate", gate["decision"], facts=facts)


def _weights(manifest: Manifest, known: Known) -> Node:
    """Return the weights with the phases, the mixtures and the base that they were made of."""
    student, teacher = manifest["student"], manifest["teacher"]
    facts = {"revision": student["revision"], "licence": student["licence"] or "unknown"}
    last = Node("student", student["name"], facts=facts)
    for phase in ("knowledge", "skills"):
        mixture = manifest["mixtures"][phase]
        table = known.tables.get(mixture["key"], {})
        counts = {"samples": mixture["samples"]} | {
            leaf or "general requests": count for leaf, count in sorted(table.items())
        }
        parts = [Node(MIXTURE, phase, mixture["key"], counts), last]
        last = Node("phase", phase, manifest["phases"][phase]["key"], parts=parts)
    files = manifest["phases"]["skills"].get("weights", {})
    hashes = {name: f"SHA-256 {digest}" for name, digest in files.items()}
    teaching = Node("teacher", teacher["name"], facts={"revision": teacher["revision"]})
    return Node("weights", facts=hashes, parts=[last, teaching])


def leaf_node(row: Mapping[str, Any], known: Known = NOTHING) -> Node:
    """Return a leaf's row of a manifest: exam, author, commit, pull request and samples."""
    exam, commit = row["exam"], known.commits.get(row["path"])
    before, after = exam["before"], exam["after"]
    facts: dict[str, str | int] = {
        "exam": f"{before['right']} → {after['right']} of {after['asked']} right ({exam['status']})",
        "by": row["created_by"],
        **({"by a judge": exam["judged"]} if "judged" in exam else {}),
    }
    if commit:
        facts["commit"] = commit.commit
        facts |= {"pull request": f"#{commit.pull}"} if commit.pull else {}
    there = None if known.samples is None else row["key"] in known.samples
    samples = Node(SAMPLES, "", row["key"], {"samples": row["samples"], **_stored(there)})
    return Node("leaf", row["path"], facts=facts, parts=[samples, *_answers(row)])


def _task(row: Mapping[str, Any]) -> Node:
    facts = {row["metric"]: f"{row['before']['value']:.4g} → {row['after']['value']:.4g}"}
    return Node("task", row["task"], row["results"], facts)


def _answers(row: Mapping[str, Any]) -> Sequence[Node]:
    return [Node("exam", "", row["exam"]["answers"], {"answers": row["exam"]["after"]["asked"]})]
