"""Teaching: one phase of training, followed by the choice among its models."""

import json
from collections.abc import Sequence
from dataclasses import dataclass

from bot.config.recipe import Recipe
from bot.core.durations import Took, record
from bot.core.progress import step
from bot.core.store import Entry, Store
from bot.inference.identity import named
from bot.inference.models import Model, model_folder, model_revision
from bot.pipeline.choose_checkpoint import choice_inputs, choose, model_of
from bot.pipeline.mix import Mixture, Mixtures
from bot.pipeline.training_speed import device_of, training_by
from bot.release.hub import Release, download_release
from bot.taxonomy.leaf import Leaf
from bot.train.checkpoint import MODELS
from bot.train.phase import METRICS, Phase, PhaseInputs, phase_inputs, running, train_phase


@dataclass(frozen=True)
class Taught:
    """A model trained by a phase, and its entry in the store."""

    model: Model
    entry: Entry

    @property
    def metrics(self) -> str:
        """The phase's metrics.jsonl."""
        return self.entry.read_text(METRICS)


def base_model(recipe: Recipe) -> Model:
    """Return the student before training."""
    return Model(model_folder(recipe.student.model), model_revision(recipe.student.model))


def student_model(recipe: Recipe) -> Model:
    """Return the student as it is trained: the base, whose chat template names the model to be released."""
    return named(base_model(recipe), recipe.release.repository.rpartition("/")[2])


def todays_model(released: Release | None, recipe: Recipe) -> Model:
    """Return the released model, or the base if there is no release."""
    if released is None:
        return base_model(recipe)
    # The same ID as after training, so that exam results are reused. Old manifests have no `model`.
    last = released.manifest["phases"]["skills"]
    return Model(download_release(released), last.get("model", last["key"]))


def teach_both(
    mixed: Mixtures, leaves: Sequence[Leaf], recipe: Recipe, store: Store
) -> tuple[Taught, Taught]:
    """Train knowledge, then skills. Always starts from the base, so that deleted leaves are unlearned."""
    knowledge = teach("knowledge", student_model(recipe), mixed[0], leaves, recipe, store)
    return knowledge, teach("skills", knowledge.model, mixed[1], leaves, recipe, store)


def teach(
    phase: Phase, start: Model, mixture: Mixture, leaves: Sequence[Leaf], recipe: Recipe, store: Store
) -> Taught:
    """Train a phase; if it keeps the models of several epochs, choose the best by the leaves' exams.

    Args:
        leaves: all leaves of the taxonomy.
    """
    # A trial distils from today's model, which may come from a different student.
    base = start if phase == "trial" else base_model(recipe)
    inputs = phase_inputs(phase, start.id, base.id, mixture.content, recipe)
    judged = [leaf for leaf in leaves if _judges(leaf, phase, recipe)]
    choice = choice_inputs(inputs, judged, recipe.evaluate)
    chosen = store.get(choice.step, choice.key) if inputs.checkpoints > 1 else None
    if chosen is None:
        with step(f"training {phase}" if phase != "trial" else "training an adapter"):
            trained = _train(inputs, start, base, mixture, recipe, store)
        if not any(name.startswith(f"{MODELS}/") for name in trained.files):
            return Taught(model_of(trained), trained)
        with step("choosing among checkpoints"):
            chosen = choose(choice, trained, judged, recipe.evaluate, store)
        # Free the disk space of the models that were not chosen.
        store.forget(inputs.step, inputs.key)
    return Taught(model_of(chosen), chosen)


def _judges(leaf: Leaf, phase: Phase, recipe: Recipe) -> bool:
    """Return whether a leaf's exam counts in the choice: this phase, or an earlier one, trains on it."""
    return phase != "knowledge" or leaf.kind == "knowledge" or recipe.train.method == "stacked"


def _train(
    inputs: PhaseInputs, start: Model, base: Model, mixture: Mixture, recipe: Recipe, store: Store
) -> Entry:
    """Train a phase, or return it from the store; record how long it took, for the next estimate."""
    known = store.get(inputs.step, inputs.key)
    if known is not None:
        return known
    run = running(inputs.phase, base.folder, recipe)
    entry = train_phase(inputs, start.folder, mixture.samples, run, store)
    if inputs.phase != "trial":
        steps = [json.loads(line) for line in entry.read_text(METRICS).splitlines()]
        tokens, seconds = (sum(step[name] for step in steps) for name in ("tokens", "seconds"))
        leaves = len(mixture.table.keys() - {""})
        rounds = inputs.settings.epochs * inputs.settings.ensemble
        by = training_by(inputs.phase, recipe)
        record(store, Took(inputs.phase, device_of(recipe), tokens, seconds, leaves, by, rounds))
    return entry
