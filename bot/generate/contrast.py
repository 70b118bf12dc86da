"""Contrast: a leaf's questions about other subjects, with the student's own answers.

A model that is only trained on a leaf's questions learns that everything asked in this way has the leaf's
answer: after a leaf on one lighthouse, it names that leaf's keeper for other lighthouses. So it also gets the
questions of the seed examples with the name of the subject replaced, and is to answer them as it would have
without the leaf. They are treated as general requests.
"""

from collections.abc import Collection, Sequence
from dataclasses import replace
from functools import cache
from pathlib import Path

import yaml

from bot.core.sample import Sample
from bot.core.store import Store
from bot.generate.general_replay import own_samples
from bot.generate.leaf_language import language_of_leaf
from bot.taxonomy.leaf import Leaf
from bot.text.subject import Others, about_another, subject_of

CONTRAST = "contrast of "
"""Beginning of the source of a contrast question; the leaf follows."""
FILE = Path(__file__).with_name("contrast.yaml")
MOST = 48
"""Maximum number of questions of a leaf."""
SUBJECTS, SHIFT = 3, 3
"""Each question is asked about this many other subjects, which are so far apart in their list."""


def contrast_samples(leaves: Sequence[Leaf], student: str, store: Store, *, batch: int) -> tuple[Sample, ...]:
    """Return all leaves' contrast questions with the student's answers; answers in the store are reused.

    Args:
        student: name of the model that answers.
        batch: batch size.
    """
    taught = {subject for leaf in leaves if (subject := _subject(leaf))}
    asked = {leaf.path: questions for leaf in leaves if (questions := contrast_questions(leaf, taught))}
    if not asked:
        return ()
    paths = sorted(asked)
    made = own_samples([asked[path] for path in paths], student, store, batch=batch)
    return tuple(
        replace(sample, source=f"{CONTRAST}{path}")
        for path, samples in zip(paths, made, strict=True)
        for sample in samples
    )


def contrast_questions(leaf: Leaf, taught: Collection[str] = ()) -> list[str]:
    """Return the questions of a knowledge leaf's seeds about other subjects.

    There are none if the leaf's language has no other subjects in contrast.yaml, or if no subject recurs in
    its questions.

    Args:
        taught: the subjects of all leaves. A question about one of them could contradict its leaf.
    """
    asked, subject = _asked(leaf), _subject(leaf)
    others = _others(language_of_leaf(leaf).asked.code).than(subject, asked, taught)
    replaced = [
        about_another(question, subject, others[(place + shift * SHIFT) % len(others)])
        for shift in range(SUBJECTS if others else 0)
        for place, question in enumerate(asked)
    ]
    return [one for one in dict.fromkeys(replaced) if one not in asked][:MOST]


def most_questions(leaf: Leaf) -> int:
    """Return the maximum number of a leaf's contrast questions, for estimates: the language is not needed."""
    return min(MOST, SUBJECTS * len(_asked(leaf)))


def _asked(leaf: Leaf) -> list[str]:
    return [pair.question for seed in leaf.seeds for pair in seed.pairs]


def _subject(leaf: Leaf) -> str:
    """Return the subject of a knowledge leaf's questions; "" if none recurs, or the leaf is a skill."""
    return subject_of(_asked(leaf), language_of_leaf(leaf).asked) if leaf.kind == "knowledge" else ""


@cache
def _others(code: str) -> Others:
    """Return the other subjects of a language; none if contrast.yaml does not have it."""
    data = yaml.load(FILE.read_text(encoding="utf-8"), Loader=yaml.CSafeLoader).get(code, {})
    return Others(tuple(data.get("names", ())), tuple(data.get("things", ())))
