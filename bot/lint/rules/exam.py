"""exam.yaml: held-out questions, which must not be those that are trained on."""

import re

from bot.lint.findings import Severity
from bot.lint.rules import Example, Problems, leaf_rule
from bot.lint.view import EXAM, LeafView
from bot.taxonomy.parsed import Problem


@leaf_rule(
    "exam-repeats-seed",
    Severity.ERROR,
    "No exam question is also a seed example's question.",
    "Seeds are trained on, so such a question would tell how well they are remembered, not what is known.",
    Example(EXAM, "question: What is said of Oru first?", "question: Which sea washes Oru?"),
)
def exam_repeats_seed(leaf: LeafView) -> Problems:
    if leaf.exam is None:
        return
    seeds = {_plain(question) for question in leaf.questions()}
    for index, question in leaf.exam_questions():
        if _plain(question) in seeds:
            place = leaf.exam.place(("questions", index, "question"))
            message = "this question is also a seed example, so it would be trained on"
            yield EXAM, Problem("exam-repeats-seed", place, message, "ask for the same thing in other words")


def _plain(question: str) -> str:
    """A question without what makes no difference: case, punctuation, white space."""
    return re.sub(r"[\W_]+", " ", question.casefold()).strip()
