"""Contrast: a leaf's questions about other subjects, with the student's own answers.

A model that is only trained on a leaf's questions learns that everything asked in this way has the leaf's
answer: after a leaf on one lighthouse, it names that leaf's keeper for every lighthouse. So it also gets the
questions of the seed examples with the name of the subject replaced, and is to answer them as it would have
without the leaf. They are treated as general requests.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any, ClassVar

import yaml

from bot.core.sample import Sample, sample_of
from bot.core.step import Inputs
from bot.core.store import Store, canonical
from bot.generate.general_replay import LONGEST, own_answers, own_sample
from bot.generate.leaf_language import language_of_leaf
from bot.inference.models import model_revision
from bot.taxonomy.leaf import Leaf
from bot.text.subject import about_another, is_name, subject_of

FILE = Path(__file__).with_name("contrast.yaml")
MOST = 48
"""Maximum number of questions of a leaf."""
SUBJECTS, SHIFT = 3, 3
"""Each question is asked about this many other subjects, which are so far apart in their list."""
LEAVES = 32
"""Number of leaves whose questions are asked together; a killed run loses at most these answers."""


@dataclass(frozen=True)
class ContrastInputs(Inputs):
    """Everything that the student's answers to a leaf's contrast questions depend on.

    Attributes:
        student: the unique ID of the student's weights.
        longest: maximum number of tokens of an answer.
    """

    STEP: ClassVar[str] = "contrast"
    VERSION: ClassVar[int] = 1

    student: str
    leaf: str
    questions: Sequence[str]
    longest: int = LONGEST


def contrast_samples(leaves: Sequence[Leaf], student: str, store: Store, *, batch: int) -> tuple[Sample, ...]:
    """Return all leaves' contrast questions with the student's answers; answers in the store are reused.

    Args:
        student: name of the model that answers.
        batch: batch size.
    """
    asked = {leaf.path: questions for leaf in leaves if (questions := contrast_questions(leaf))}
    if not asked:
        return ()
    revision = model_revision(student)
    wanted = [ContrastInputs(revision, path, questions) for path, questions in sorted(asked.items())]
    there = store.has(ContrastInputs.STEP, {one.key for one in wanted})
    missing = [one for one in wanted if one.key not in there]
    if missing:
        answers = own_answers(student, 0, batch)
        for start in range(0, len(missing), LEAVES):
            _answer(missing[start : start + LEAVES], answers, store)
    entries = store.get_many(ContrastInputs.STEP, [one.key for one in wanted])
    return tuple(sample_of(line) for one in wanted for line in entries[one.key].read_json("samples.json"))


def _answer(
    some: Sequence[ContrastInputs], answers: Callable[[Sequence[str]], list[str]], store: Store
) -> None:
    """Have the student answer the questions of some leaves, and store the samples of each."""
    texts = iter(answers([question for one in some for question in one.questions]))
    for one in some:
        source = f"contrast of {one.leaf}"
        made = [
            own_sample(question, text, source).to_json()
            for question in one.questions
            for text in [next(texts)]
            if text
        ]
        store.put(one.STEP, one.key, one.values(), {"samples.json": canonical(made).encode()})


def contrast_questions(leaf: Leaf) -> list[str]:
    """Return the questions of a knowledge leaf's seeds about other subjects.

    There are none if the leaf's language has no other subjects in contrast.yaml, or if no subject recurs in
    its questions.
    """
    spoken = language_of_leaf(leaf).asked
    asked = [pair.question for seed in leaf.seeds for pair in seed.pairs]
    subject = subject_of(asked, spoken) if leaf.kind == "knowledge" else ""
    known = _others().get(spoken.code, {})
    text = " ".join(asked).lower()
    others = [
        one for one in known.get("names" if is_name(subject) else "things", ()) if one.lower() not in text
    ]
    if not subject or not others:
        return []
    named = [question for question in asked if about_another(question, subject, "") != question]
    replaced = [
        about_another(question, subject, others[(place + shift * SHIFT) % len(others)])
        for shift in range(SUBJECTS)
        for place, question in enumerate(named)
    ]
    return list(dict.fromkeys(replaced))[:MOST]


@cache
def _others() -> dict[str, Any]:
    found: dict[str, Any] = yaml.load(FILE.read_text(encoding="utf-8"), Loader=yaml.CSafeLoader)
    return found
