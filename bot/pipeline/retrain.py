"""Retraining: from the taxonomy on main to the released model.

Retraining is level-triggered: it compares the desired state (main) with the actual state (the release) and
does what is missing, whatever event started it. Each step first checks the store for its result, so
retraining can run at any time, any number of times.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from bot.config.recipe import Recipe
from bot.core.errors import UserError
from bot.core.progress import say
from bot.core.store import Store, canonical
from bot.evaluate.examine import Compared
from bot.evaluate.gate import Verdict, decide
from bot.pipeline.examine import examine_model
from bot.pipeline.generate import generate_all
from bot.pipeline.manifest import Made, Origin, describe, exam_rows
from bot.pipeline.mix import mixtures, show_mixtures
from bot.pipeline.release_inputs import release_inputs
from bot.pipeline.train import base_model, teach_both, todays_model
from bot.release.card import model_card
from bot.release.hub import Release, check_publishing, latest_release, publish
from bot.release.licences import check_licences
from bot.release.manifest import MANIFEST, check_manifest
from bot.release.release_folder import release_files
from bot.release.results_chart import results_chart
from bot.release.signature import UNSIGNED, Signer, find_signer
from bot.taxonomy.leaf import Leaf
from bot.train.curves import loss_curves


@dataclass(frozen=True)
class Outcome:
    """The result of a retraining.

    Attributes:
        release: the newest release; None if there is none.
        made: whether this run made the release.
        verdict: the gate's decision; None if this run trained no model.
        scores: if the gate failed, each leaf's path, and its exam as in the manifest.
    """

    release: Release | None
    made: bool
    verdict: Verdict | None = None
    scores: tuple[dict[str, Any], ...] = ()


def retrain(leaves: Sequence[Leaf], recipe: Recipe, store: Store, origin: Origin) -> Outcome:
    """Release a model of the current taxonomy and recipe, unless the newest release is one already.

    Raises:
        UserError: the taxonomy is empty although there is a release, a licence does not allow the release, or
            a step failed.
    """
    wanted = release_inputs(leaves, recipe)
    released = latest_release(recipe.release.repository)
    if released and released.manifest["key"] == wanted.key:
        return nothing_to_do(released)
    if not leaves:
        return _nothing_to_learn(released)
    check_licences(leaves, recipe)
    check_publishing(recipe.release.repository)
    signer = find_signer()
    with store.work(wanted.step, wanted.key):
        samples = generate_all(leaves, recipe, store)
        mixed = mixtures(samples, leaves, recipe, store)
        show_mixtures(mixed)
        knowledge, skills = teach_both(mixed, leaves, recipe, store)
        examined = Compared(
            base=examine_model(base_model(recipe), (), recipe, store, near=leaves),
            before=examine_model(todays_model(released, recipe), leaves, recipe, store, near=leaves),
            after=examine_model(skills.model, leaves, recipe, store, near=leaves),
        )
        verdict = decide(examined, _known(released), recipe.gate)
        _say(verdict)
        if not verdict.passed:
            return _refused(released, verdict, exam_rows(leaves, mixed, examined))
        made = Made(wanted.key, samples, mixed, knowledge, skills, examined, verdict)
        release = _publish(made, describe(made, leaves, recipe, origin, released), released, signer)
        files = {MANIFEST: canonical(release.manifest).encode()}
        store.put(wanted.step, wanted.key, wanted.values(), files)
    return Outcome(release, made=True, verdict=verdict)


def _publish(
    made: Made, manifest: dict[str, Any], released: Release | None, signer: Signer | None
) -> Release:
    """Publish the model with its card and manifest."""
    folder = made.skills.model.folder
    manifest["signature"] = dict(signer.facts if signer else UNSIGNED)
    card = {
        "README.md": model_card(manifest, released.manifest if released else None).encode(),
        "results.png": results_chart(manifest),
        "loss.png": loss_curves({"knowledge": made.knowledge.metrics, "skills": made.skills.metrics}),
    }
    manifest["files"] = release_files(folder, card, signer)
    check_manifest(manifest)
    return publish(manifest["repository"], folder, card, manifest, signer)


def nothing_to_do(released: Release) -> Outcome:
    """Return the outcome if the release is up to date."""
    say(f"nothing to do: {released.tag} of {released.repository} is up to date with the taxonomy and recipe")
    return Outcome(released, made=False)


def _nothing_to_learn(released: Release | None) -> Outcome:
    """Return the outcome if the taxonomy has no leaves.

    Raises:
        UserError: there is a release; an empty taxonomy never replaces it.
    """
    if released is not None:
        raise UserError(
            f"the taxonomy has no leaves, so {released.tag} of {released.repository} stays: "
            "an empty taxonomy is never released. To withdraw the model, delete it on the Hub",
            code=1,
        )
    say("nothing to do: the taxonomy has no leaves")
    return Outcome(None, made=False)


def _known(released: Release | None) -> set[str]:
    """Return the leaves of a release."""
    return {leaf["path"] for leaf in released.manifest["leaves"]} if released else set()


def _say(verdict: Verdict) -> None:
    """Print why the gate failed, and what it could not decide."""
    for sentence in filter(None, (*verdict.reasons, verdict.note)):
        say(f"gate: {sentence}")


def _refused(released: Release | None, verdict: Verdict, scores: Sequence[dict[str, Any]]) -> Outcome:
    """Return the outcome if the gate failed."""
    return Outcome(released, made=False, verdict=verdict, scores=tuple(scores))
