"""Retraining: from the taxonomy on main to an examined model, and from there to the release.

Retraining is level-triggered: it compares the desired state (main) with the actual state (the release) and
does what is missing, whatever event started it. Each step first checks the store for its result, so
retraining can run at any time, any number of times. It ends with a candidate; `release_candidate` in
candidate.py publishes it, maybe on another machine.
"""

from collections.abc import Sequence

from bot.config.recipe import Recipe
from bot.core.progress import say
from bot.core.store import Store
from bot.evaluate.examine import Compared
from bot.evaluate.gate import Verdict, decide
from bot.pipeline.candidate import Candidate, CandidateInputs, keep_candidate
from bot.pipeline.compare import Asked
from bot.pipeline.examine import examine_model
from bot.pipeline.generate import generate_all
from bot.pipeline.manifest import Made, describe, exam_rows
from bot.pipeline.mix import mixtures, show_mixtures
from bot.pipeline.origin import Origin
from bot.pipeline.train import base_model, teach_both, todays_model
from bot.release.card import model_card
from bot.release.hub import Release, release_files
from bot.release.manifest import check_manifest
from bot.taxonomy.leaf import Leaf
from bot.train.curves import loss_curves


def make_candidate(
    asked: Asked, leaves: Sequence[Leaf], recipe: Recipe, store: Store, origin: Origin
) -> Candidate:
    """Train and examine a model of the taxonomy, decide whether it may be released, and keep it in the store.

    Raises:
        UserError: a step failed.
    """
    wanted, released = asked.inputs, asked.released
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
        made = Made(wanted.key, samples, mixed, knowledge, skills, examined)
        manifest = describe(made, leaves, recipe, origin, released)
        card = {
            "README.md": model_card(manifest, recipe.release.license).encode(),
            "loss.png": loss_curves({"knowledge": knowledge.metrics, "skills": skills.metrics}),
        }
        manifest["files"] = release_files(skills.model.folder, card)
        check_manifest(manifest)
        inputs = CandidateInputs(wanted.key, manifest["previous"] or "", origin.commit, origin.pulls)
        rows = exam_rows(leaves, mixed, examined)
        candidate = Candidate(inputs.key, skills.entry, card, manifest, verdict, rows)
        keep_candidate(inputs, candidate, store)
    return candidate


def _known(released: Release | None) -> set[str]:
    """Return the leaves of a release."""
    return {leaf["path"] for leaf in released.manifest["leaves"]} if released else set()


def _say(verdict: Verdict) -> None:
    """Print why the gate failed, and what it could not decide."""
    for sentence in filter(None, (*verdict.reasons, verdict.note)):
        say(f"gate: {sentence}")
