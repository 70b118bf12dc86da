"""Questions of several leaves: an exam question of one must not take samples or questions from another."""

import re
from collections import defaultdict
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import lru_cache

from bot.lint.findings import Severity
from bot.lint.rules import Example, Problems, leaf_rule, tree_rule
from bot.lint.view import EXAM, QNA, LeafView
from bot.questions import is_whole_question, question_words
from bot.taxonomy.files import Files, Unreadable
from bot.taxonomy.parse import MAX_BYTES, parse_file
from bot.taxonomy.parsed import Parsed, Place, Problem
from bot.taxonomy.tree import leaves_of

_KEY = re.compile(r"(?m)^[ \t]*+(?:-[ \t]++)*+([a-z_]++):(?=[ \t]|$)")
_QUESTION_KEY = re.compile(r"\bquestion\b[\"']?\s*+:")
# A value that only a parser reads right: in blocks, with escapes, a comment, or an anchor.
_NOT_PLAIN = re.compile(r"[|>&*!]|.*(?:\\| #)", re.DOTALL)
LONGEST = 60
"""Words of a question that are compared."""
MOST_SAME = 20
"""Leaves with the same question that are compared with others."""


@dataclass(frozen=True, eq=False)
class Question:
    """A question, where it stands, and its words as they are compared."""

    leaf: str
    file: str
    place: Place
    text: str
    words: tuple[str, ...]

    @property
    def exam(self) -> bool:
        return self.file == EXAM

    def where(self, files: Files) -> str:
        return f"{files.prefix}{self.leaf}/{self.file}:{self.place.line}"


@leaf_rule(
    "exam-too-short",
    Severity.ERROR,
    "An exam question is a whole question: three words or twelve characters at least.",
    "Very many samples hold a word or two, so such a question cannot be kept apart from what is learnt.",
    Example(EXAM, "question: Which?", "question: Which sea washes Oru?"),
)
def exam_too_short(leaf: LeafView) -> Problems:
    for index, question in leaf.exam_questions() if leaf.exam else ():
        if leaf.exam and not is_whole_question(question):
            place = leaf.exam.place(("questions", index, "question"))
            message = f"{question.strip()[:40]!r} is not a whole question"
            yield EXAM, Problem("exam-too-short", place, message, "ask in a sentence what is to be known")


@tree_rule(
    "exam-of-another-leaf",
    Severity.ERROR,
    "No exam question is, holds, or is part of a question of another leaf.",
    "Of the other leaf's samples that ask it a few are left out, and the rest teach what the exam asks.",
    Example(EXAM, "question: Greet Ann.", "question: Which sea washes Oru?"),
)
def exam_of_another_leaf(files: Files) -> Problems:
    for exam, other in _overlaps(files):
        if exam.exam:
            message = f"the leaf {other.leaf} asks this too, in {other.where(files)}: {other.text[:80]!r}"
            fix = "ask for something that is of this leaf alone, and name it in the question"
            yield (
                f"{exam.leaf}/{exam.file}",
                Problem("exam-of-another-leaf", exam.place, message, fix, other=other.leaf),
            )


@tree_rule(
    "question-of-another-leaf",
    Severity.WARNING,
    "No seed example's question is one of another leaf, in its seed examples or its exam.",
    "With two answers the model learns both; and what another leaf's exam asks may be left out here.",
    Example(QNA, "question: Greet Ann.", "question: What is said of Its first?"),
)
def question_of_another_leaf(files: Files) -> Problems:
    told: set[tuple[str, str]] = set()
    for seed, other in _overlaps(files):
        # Of a leaf that is a copy this is told once.
        if not seed.exam and (seed.leaf, other.leaf) not in told:
            told.add((seed.leaf, other.leaf))
            what = "exam" if other.exam else "seed examples"
            message = f"the {what} of the leaf {other.leaf} asks this too, in {other.where(files)}"
            fix = "ask otherwise here, or there: talk to the other author"
            yield (
                f"{seed.leaf}/{seed.file}",
                Problem("question-of-another-leaf", seed.place, message, fix, other=other.leaf),
            )


@lru_cache(maxsize=1)
def _overlaps(files: Files) -> list[tuple[Question, Question]]:
    """Questions with one of another leaf: the same, or where one is of an exam, one in the other.

    Each question is told of once.

    Every run of a question's words is followed as far as some question begins so, which takes time in
    proportion to the text.
    """
    asked = [question for leaf in leaves_of(files) for question in _questions(files, leaf)]
    begun: set[int] = set()
    whole: defaultdict[int, list[Question]] = defaultdict(list)
    for question in asked:
        path = 0
        for word in question.words:
            path = hash((path, word))
            begun.add(path)
        if len(whole[path]) < MOST_SAME:
            whole[path].append(question)
    found, told = [], set()
    for question in asked:
        for other in _within(question, begun, whole):
            for one, its in ((question, other), (other, question)):
                if id(one) not in told:
                    told.add(id(one))
                    found.append((one, its))
    return found


def _within(
    question: Question, begun: set[int], whole: defaultdict[int, list[Question]]
) -> Iterator[Question]:
    """Questions of other leaves that a question holds: whole ones in an exam's, or itself."""
    words = question.words
    for start in range(len(words)):
        path = 0
        for end in range(start, len(words)):
            path = hash((path, words[end]))
            if path not in begun:
                break
            same = end - start + 1 == len(words)
            for other in whole.get(path, ()):
                exams = question.exam or other.exam
                if other.leaf != question.leaf and (same or (exams and is_whole_question(other.text))):
                    yield other


def _questions(files: Files, leaf: str) -> Iterator[Question]:
    """The questions of a leaf's seed examples and its exam; of skills with contexts the exam's alone."""
    for name in (QNA, EXAM):
        path = f"{leaf}/{name}"
        if path not in files.entries:
            continue
        try:
            text = files.read(path, MAX_BYTES).decode("utf-8-sig", errors="replace")
        except Unreadable:
            continue  # told by the rule `unreadable`
        keys = list(_KEY.finditer(text))
        if name == QNA and not leaf.startswith("knowledge/") and any(key[1] == "context" for key in keys):
            continue
        found = _read(text, keys)
        for place, said in _parsed(parse_file(files, path)) if found is None else found:
            words = question_words(said)[:LONGEST]
            if words:
                yield Question(leaf, name, place, said, words)


def _read(text: str, keys: Sequence[re.Match[str]]) -> list[tuple[Place, str]] | None:
    """The questions of a file in plain form, read without a parser, which is far slower; None for others."""
    found, line, counted = [], 1, 0
    for number, key in enumerate(keys):
        if key[1] == "question":
            end = keys[number + 1].start() if number + 1 < len(keys) else len(text)
            value = text[key.end() : end].strip()
            if _NOT_PLAIN.match(value):
                return None
            start = key.end() + len(text[key.end() : end]) - len(text[key.end() : end].lstrip())
            line += text.count("\n", counted, start)
            counted = start
            column = start - text.rfind("\n", 0, start)
            first = value.partition("\n")[0]
            found.append((Place(line, column, line, column + len(first)), value.strip("\"'")))
    return found if len(found) == len(_QUESTION_KEY.findall(text)) else None


def _parsed(parsed: Parsed) -> Iterator[tuple[Place, str]]:
    """The questions of a file that a parser has read."""
    if parsed.root is None:
        return
    left: list[tuple[str | int, ...]] = [()]
    while left:
        path = left.pop()
        node = parsed.node(path)
        left += [(*path, key) for key in node.children]
        if path[-1:] == ("question",) and isinstance(node.value, str):
            yield node.place, node.value
