"""Lineage: the entries of the store that an entry was made of, and those that were made of it."""

import re
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache

from bot.core.store import Entry, Store, key_of
from bot.generate.inputs import BatchInputs

SAMPLES, MIXTURE, CHOICE, CANDIDATE = "samples", "mixture", "choice", "candidate"
EXAM, TASK = "exam", "task"
TRAINED = ("train-knowledge", "train-skills", "train-trial")
MODELS = (*TRAINED, CHOICE)
"""The steps whose entries are models."""
USERS = {
    SAMPLES: (MIXTURE,),
    MIXTURE: TRAINED,
    **dict.fromkeys(MODELS, (*MODELS, CANDIDATE)),
}
"""Step -> the steps that use its results, and of which the store has few entries, not one per leaf."""
LINKS = {
    MIXTURE: ("leaves",),
    **dict.fromkeys(TRAINED, ("mixture", "start")),
    CHOICE: ("trained",),
    EXAM: ("model",),
    TASK: ("model",),
}
"""Step -> the fields of its inputs that name other entries."""
_KEY = re.compile(r"[0-9a-f]{64}")


@dataclass(frozen=True)
class Reference:
    """An entry that another one was made of, or that was made of it.

    Attributes:
        name: the entry's part in the other: a field of the inputs, a leaf's path, or a number.
    """

    name: str
    step: str
    key: str


class Lineage:
    """The links between the entries of a store; each step's records are read once.

    Raises:
        StoreError: from each function, if the store cannot be reached.
    """

    def __init__(self, store: Store) -> None:
        self.store = store
        self.entries = cache(self._entries)

    def _entries(self, step: str) -> Sequence[Entry]:
        """Return all entries of a step, by key."""
        found = self.store.get_many(step, self.store.keys(step))
        return [found[key] for key in sorted(found)]

    def get(self, reference: Reference) -> Entry | None:
        """Return the entry of a reference; None if the store does not have it."""
        return self.store.get(reference.step, reference.key)

    def made_of(self, entry: Entry) -> list[Reference]:
        """Return the entries that an entry was made of; of some, only the key may be left."""
        inputs, facts = entry.inputs, entry.facts
        if entry.step == SAMPLES and "settings" in inputs:
            return [_batch(entry, number) for number in range(facts.get("batches", 0))]
        if entry.step == MIXTURE:
            leaves = inputs.get("leaves", {})
            return [Reference(leaf, SAMPLES, key) for leaf, (key, _) in sorted(leaves.items())]
        if entry.step in TRAINED:
            found = [self._model("start", inputs["start"]), self._mixture(inputs["mixture"])]
        elif entry.step == CHOICE:
            found = [self._model("trained", inputs["trained"])]
        elif entry.step in (EXAM, TASK):
            found = [self._model("model", inputs["model"])]
        else:
            found = [Reference("model", facts["step"], facts["model"])] if entry.step == CANDIDATE else []
        return [one for one in found if one]

    def used_by(self, entry: Entry) -> list[Reference]:
        """Return the entries that were made of an entry; for answers, the candidates of their model."""
        if entry.step in (EXAM, TASK):
            models = [found for one in self.made_of(entry) if (found := self.get(one))]
            return [one for model in models for one in self.used_by(model) if one.step == CANDIDATE]
        return [
            Reference(step, step, other.key)
            for step in USERS.get(entry.step, ())
            for other in self.entries(step)
            if any((one.step, one.key) == (entry.step, entry.key) for one in self.made_of(other))
        ]

    def _mixture(self, content: str) -> Reference | None:
        """Return the mixture with a content; a phase depends on that alone, so several may have it."""
        for one in self.entries(MIXTURE):
            if one.facts.get("content") == content:
                return Reference("mixture", MIXTURE, one.key)
        return None

    def _model(self, name: str, model: str) -> Reference | None:
        """Return the entry of a model; None for one that is not the store's, such as the base.

        Args:
            model: the unique ID of its weights: a phase's key, and the step that was chosen.
        """
        key = model[:64]
        if not _KEY.fullmatch(key):
            return None
        if model != key:
            for one in self.entries(CHOICE):
                if one.inputs.get("trained") == key:
                    return Reference(name, CHOICE, one.key)
        steps = (step for step in MODELS if key in self.store.has(step, [key]))
        step = next(steps, "")
        return Reference(name, step, key) if step else None


def _batch(samples: Entry, number: int) -> Reference:
    """Return one of the batches that a leaf's samples were made of; its key follows from theirs."""
    inputs, shared = samples.inputs, samples.inputs["settings"]
    values = {
        "leaf": inputs["leaf"],
        "pipeline": inputs["pipeline"],
        **{name: shared[name] for name in ("prompts", "teacher", "seed")},
        "number": number,
    }
    return Reference(
        f"batch {number}", BatchInputs.STEP, key_of(BatchInputs.STEP, BatchInputs.VERSION, values)
    )
