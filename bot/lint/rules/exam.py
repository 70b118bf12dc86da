"""Rules that keep exam questions out of the training data, and their marking without contradictions."""

import re

from bot.lint.findings import Severity
from bot.lint.leaf_view import EXAM, LeafView
from bot.lint.rule import Example, Problems, leaf_rule
from bot.taxonomy.exam_file import RULE
from bot.taxonomy.parsed import Problem


@leaf_rule(
    "exam-repeats-seed",
    Severity.ERROR,
    "An exam question must not repeat a question of a seed example.",
    "The model is trained on the seed examples, so a repeated question measures memorization, not knowledge.",
    Example(EXAM, "question: What is said of Oru first?", "question: Which sea washes Oru?"),
)
def exam_repeats_seed(leaf: LeafView) -> Problems:
    if leaf.exam is None:
        return
    seeds = {_plain(question) for question in leaf.questions()}
    for index, question in leaf.exam_questions():
        if _plain(question) in seeds:
            place = leaf.exam.place(("questions", index, "question"))
            message = "this question is also a seed example, so the model is trained on it"
            yield EXAM, Problem("exam-repeats-seed", place, message, "ask for the same fact in other words")


@leaf_rule(
    RULE,
    Severity.ERROR,
    "An exam question must say what a right answer is, by conditions that can be checked.",
    "A condition without effect, or a choice that is not among the choices, would mark answers wrongly.",
    Example(EXAM, "none_of: [Blue]", "must_contain: [Grey]"),
)
def exam_marking(leaf: LeafView) -> Problems:
    yield from ((file, problem) for file, problem in leaf.problems if problem.rule == RULE)
    if leaf.exam is None or leaf.settings.judge:
        return
    for index in leaf.judged_questions():
        place = leaf.exam.key_place(("questions", index, "judge"))
        message = "a judge is to mark this question, and the recipe names none"
        fix = "say what a right answer is by must_contain, any_of, number or matches; or ask the maintainers "
        yield EXAM, Problem(RULE, place, message, f"{fix}to name a model in evaluate.judge")


def _plain(question: str) -> str:
    """Return a question without differences in case, punctuation and white space."""
    return re.sub(r"[\W_]+", " ", question.casefold()).strip()
