"""The metadata of a model card: what the Hub shows and filters by, and the exam results as data."""

import re
from collections.abc import Iterator, Mapping
from typing import Any

from huggingface_hub import EvalResult, ModelCardData

from bot.core.hub_address import endpoint
from bot.inference.models import EMBEDDED, model_name
from bot.release.card_template import languages_of
from bot.release.companions import companions_of
from bot.release.exam_words import HELD_OUT, SET_APART, SHARED, questions

MOST_RESULTS = 1_000
"""Maximum number of leaves whose results are in the metadata: the Hub reads no arbitrarily long metadata."""
_COMMIT = re.compile(r"[0-9a-f]{40}")
_NAME = re.compile(r"[\w.-]+/[\w.-]+")
_DATASETS = {HELD_OUT: "arborist-exam", SET_APART: "arborist-exam-set-apart", SHARED: "arborist-exam-shared"}
"""Status of an exam -> the type of its questions. They differ, so that no leaderboard mixes them."""
GENERAL = "arborist-general-questions"


def card_metadata(manifest: Mapping[str, Any]) -> ModelCardData:
    """Return the metadata of a release's model card.

    Args:
        manifest: as `bot.release.manifest.check_manifest` accepts it.
    """
    base, general = _base_model(manifest["student"]), manifest["recipe"]["train"]["general"]["dataset"]
    dataset = general.partition(":")[0].partition("@")[0] if ":" in general else ""
    samples = [one.name for one in companions_of(manifest) if one.type == "dataset"]
    data = ModelCardData(
        model_name=manifest["repository"].rpartition("/")[2],
        license=manifest["recipe"]["release"]["license"],
        language=languages_of(manifest) or None,
        library_name="transformers",
        pipeline_tag="text-generation",
        base_model=base or None,
        datasets=[*samples, *([dataset] if _NAME.fullmatch(dataset) else [])] or None,
        tags=["arborist", "instructlab", "lab"],
        metrics=["accuracy"],
        eval_results=list(_results(manifest)),
    )
    if base:
        data["base_model_relation"] = "finetune"
    return data


def _base_model(student: Mapping[str, str]) -> str:
    """Return the base model's name on the Hub; "" if it is a folder."""
    name = student["name"].partition("@")[0]
    on_the_hub = name == model_name(EMBEDDED) or _COMMIT.fullmatch(student["revision"])
    return name if on_the_hub and _NAME.fullmatch(name) else ""


def _results(manifest: Mapping[str, Any]) -> Iterator[EvalResult]:
    """Yield the results of the exams, of the general questions, and of tasks of lm-evaluation-harness.

    Leaves without an exam are left out: the model was trained on what they were asked.
    """
    exams = [leaf for leaf in manifest["leaves"] if leaf["exam"]["status"] in _DATASETS]
    for leaf in [leaf for leaf in exams if leaf["exam"]["after"]["asked"]][:MOST_RESULTS]:
        status, score = leaf["exam"]["status"], leaf["exam"]["after"]
        asked = questions(status, score["asked"])
        yield _result(manifest, _DATASETS[status], f"{leaf['path']}: {asked}", score, leaf["path"])
    kept = manifest["examined"]["retention"]
    name = f"{kept['asked']} general questions, unrelated to the taxonomy"
    yield _result(manifest, GENERAL, name, {"right": kept["after"], "asked": kept["asked"]})
    for one in manifest["examined"].get("tasks", ())[:MOST_RESULTS]:
        yield EvalResult(
            task_type="text-generation",
            task_name="Text generation",
            dataset_type=one["task"],
            dataset_name=f"{one['task']} (lm-evaluation-harness)",
            metric_type=one["metric"],
            metric_name=one["metric"],
            metric_value=round(one["after"]["value"], 4),
            source_name="manifest.json",
            source_url=_manifest_url(manifest),
        )


def _result(
    manifest: Mapping[str, Any], dataset: str, name: str, score: Mapping[str, int], leaf: str = ""
) -> EvalResult:
    """Return one result; the Hub takes results of the same dataset, configuration and revision for one."""
    return EvalResult(
        task_type="text-generation",
        task_name="Text generation",
        dataset_type=dataset,
        dataset_name=name,
        dataset_config=leaf or None,
        dataset_revision=manifest["taxonomy"]["commit"] if leaf else None,
        metric_type="accuracy",
        metric_name="share of right answers",
        metric_value=round(score["right"] / score["asked"], 4),
        source_name="manifest.json",
        source_url=_manifest_url(manifest),
    )


def _manifest_url(manifest: Mapping[str, Any]) -> str:
    return f"{endpoint()}/{manifest['repository']}/blob/{manifest['release']}/manifest.json"
