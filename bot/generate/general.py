"""General replay: what the base model itself answers to everyday requests, so that it goes on doing so."""

from pathlib import Path

import yaml

from bot.generate.sample import Sample, sample_of
from bot.models import model_revision
from bot.recipe import Recipe
from bot.store import Store, canonical, key_of

PROMPTS = Path(__file__).parent / "prompts" / "general.yaml"
LONGEST = 40


def general_samples(recipe: Recipe, store: Store) -> tuple[Sample, ...]:
    """The student's own answers, as it likes them best; made once for each student."""
    prompts = yaml.safe_load(PROMPTS.read_text())["prompts"]
    inputs = {"student": model_revision(recipe.student.model), "prompts": prompts, "longest": LONGEST}
    key = key_of("general", 2, inputs)
    entry = store.get("general", key)
    if entry is None:
        samples = [sample.to_json() for sample in _answered(prompts, recipe)]
        entry = store.put("general", key, inputs, {"samples.json": canonical(samples).encode()})
    return tuple(sample_of(line) for line in entry.read_json("samples.json"))


def _answered(prompts: list[str], recipe: Recipe) -> list[Sample]:
    from bot.teachers import Request
    from bot.teachers.local import TransformersTeacher

    student = TransformersTeacher(recipe.student.model, recipe.evaluate.batch, recipe.seed)
    asked = [Request((("user", prompt),), LONGEST, 0.0, one_line=False) for prompt in prompts]
    return [
        Sample("", "general", (("user", prompts[r.index]), ("assistant", r.text)), None, "the base model")
        for r in sorted(student.complete(asked), key=lambda r: r.index)
        if r.text
    ]
