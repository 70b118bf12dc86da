"""Retraining: from the taxonomy on main to an examined model, and from there to the release.

Retraining is level-triggered: it compares the desired state (main) with the actual state (the release) and
does what is missing, whatever event started it. Each step first checks the store for its result, so
retraining can run at any time, any number of times. It ends with a candidate; `release_candidate` in
candidate.py publishes it, maybe on another machine.
"""

from collections.abc import Sequence

from bot.config.recipe import Recipe
from bot.core.progress import say, step
from bot.core.store import Store
from bot.evaluate.examine import Compared
from bot.evaluate.gate import Verdict, decide
from bot.evaluate.tasks import compared
from bot.pipeline.candidate import (
    Candidate,
    CandidateInputs,
    candidate_inputs,
    keep_candidate,
    kept_candidate,
)
from bot.pipeline.companions import make_companions, with_companions
from bot.pipeline.compare import Asked
from bot.pipeline.examine import examine_model, run_recipe_tasks
from bot.pipeline.generate import generate_all
from bot.pipeline.manifest import Made, describe
from bot.pipeline.mix import mixtures, show_mixtures
from bot.pipeline.origin import Origin
from bot.pipeline.passages import taxonomy_passages
from bot.pipeline.retrieval import retrieval_results
from bot.pipeline.train import base_model, teach_both, todays_model
from bot.release.hub import Release
from bot.release.results_chart import results_chart
from bot.taxonomy.leaf import Leaf
from bot.train.curves import loss_curves


def make_candidate(
    asked: Asked, leaves: Sequence[Leaf], recipe: Recipe, store: Store, origin: Origin
) -> Candidate:
    """Return an examined model of the taxonomy with the gate's decision; train it unless the store has it.

    Args:
        asked: what main asks for.
        origin: where the leaves come from.

    Raises:
        UserError: a step failed.
    """
    inputs = candidate_inputs(asked, origin.commit, origin.pulls)
    candidate = kept_candidate(inputs, store)
    if candidate is None:
        with store.work(inputs.step, inputs.key):
            candidate = _train_and_examine(asked, inputs, leaves, recipe, store, origin)
            keep_candidate(inputs, candidate, store)
    _say(candidate.verdict)
    return candidate


def _train_and_examine(
    asked: Asked,
    inputs: CandidateInputs,
    leaves: Sequence[Leaf],
    recipe: Recipe,
    store: Store,
    origin: Origin,
) -> Candidate:
    today = todays_model(asked.released, recipe)
    # Before training, so that a task that cannot be run is reported early.
    tasks = run_recipe_tasks(today, recipe, store)
    samples = generate_all(leaves, recipe, store)
    mixed = mixtures(samples, leaves, recipe, store)
    show_mixtures(mixed)
    knowledge, skills = teach_both(mixed, leaves, recipe, store)
    with step("examining the base"):
        base = examine_model(base_model(recipe), (), recipe, store, near=leaves)
    with step("examining today's model"):
        before = examine_model(today, leaves, recipe, store, near=leaves)
    with step("examining the new model"):
        examined = Compared(base, before, examine_model(skills.model, leaves, recipe, store, near=leaves))
    verdict = decide(examined, _known(asked.released), recipe.gate)
    after = run_recipe_tasks(skills.model, recipe, store)
    passages = taxonomy_passages(leaves, recipe, store) if recipe.retrieval.passages else None
    made = Made(
        *(asked.inputs.key, samples, mixed, knowledge, skills, examined, verdict),
        retrieval=retrieval_results(base_model(recipe), skills.model, leaves, passages, recipe, store),
        tasks=tuple(compared(tasks, after, store)),
    )
    companions, stated = make_companions(made, leaves, recipe, store, origin)
    described = describe(made, leaves, recipe, origin, asked.released)
    manifest = with_companions({**described, **stated}, companions, recipe)
    pictures = {
        "results.png": results_chart(manifest),
        "loss.png": loss_curves({"knowledge": knowledge.metrics, "skills": skills.metrics}),
    }
    return Candidate(inputs.key, skills.entry, pictures, manifest, verdict, companions, passages)


def _known(released: Release | None) -> set[str]:
    """Return the leaves of a release."""
    return {leaf["path"] for leaf in released.manifest["leaves"]} if released else set()


def _say(verdict: Verdict) -> None:
    """Print why the gate failed, and what it could not decide."""
    for sentence in filter(None, (*verdict.reasons, verdict.note)):
        say(f"gate: {sentence}")
