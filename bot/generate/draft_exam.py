"""Drafted exams: rules ask about the documents of a leaf that has none, and a person reads the questions."""

from collections.abc import Iterator

from bot.generate.draft import EXAM, exam_question, passages_of, rule_questions
from bot.generate.draft_files import exam_text
from bot.generate.leaf_language import language_of_leaf
from bot.taxonomy.fetch import Access
from bot.taxonomy.files import Files
from bot.taxonomy.leaf import ExamQuestion, Leaf
from bot.taxonomy.tree import load_leaf
from bot.text.words import normal

FEWEST = 5
"""A leaf gets no drafted exam of fewer questions."""


def drafted_exam(files: Files, path: str, access: Access) -> str:
    """Return the text of an exam.yaml for a leaf; "" if rules find too few questions.

    Args:
        files: the taxonomy.
        path: the leaf; its documents may be fetched.

    Raises:
        UserError: the leaf or its documents cannot be read.
    """
    questions = list(_questions(load_leaf(files, path, access)))[:EXAM]
    return exam_text(questions) if len(questions) >= FEWEST else ""


def _questions(leaf: Leaf) -> Iterator[ExamQuestion]:
    """Yield questions about facts that no seed example states."""
    spoken = language_of_leaf(leaf).asked
    pairs = [(pair.question, pair.answer) for seed in leaf.seeds for pair in seed.pairs]
    pairs += [(one.question, one.expected) for one in leaf.exam]  # examples that are set apart
    taught = normal(" ".join(answer for _, answer in pairs))
    asked = {normal(question) for question, _ in pairs}
    for document in leaf.documents:
        for one in rule_questions(document, passages_of(document.text), spoken):
            found = exam_question(one, spoken)
            if found is None or normal(one.question) in asked:
                continue
            asked.add(normal(one.question))
            if normal(found.marking.must_contain[0][0]) not in taught:
                yield found
