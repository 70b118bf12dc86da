"""Rules against exam questions that are too short, and against questions that overlap with another leaf's."""

import re
from collections import defaultdict
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import lru_cache

from bot.lint.findings import Severity
from bot.lint.leaf_view import EXAM, QNA, LeafView
from bot.lint.rule import Example, Problems, leaf_rule, tree_rule
from bot.taxonomy.files import Files, Unreadable
from bot.taxonomy.parse import MAX_BYTES, parse_file
from bot.taxonomy.parsed import Parsed, Place, Problem
from bot.taxonomy.tree import leaves_of
from bot.text.questions import is_whole_question, question_words

_KEY = re.compile(r"(?m)^[ \t]*+(?:-[ \t]++)*+([a-z_]++):(?=[ \t]|$)")
_QUESTION_KEY = re.compile(r"\bquestion\b[\"']?\s*+:")
# A value that needs a YAML parser: a block, or one with escapes, a comment, an anchor, an alias or a tag.
_NOT_PLAIN = re.compile(r"[|>&*!]|.*(?:\\| #)", re.DOTALL)
LONGEST = 60
"""Maximum number of words per question that are compared."""
MOST_SAME = 20
"""Maximum number of identical questions that other questions are compared with."""


@dataclass(frozen=True, eq=False)
class Question:
    """A question of a leaf, its place, and its normalized words for comparison."""

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
    "An exam question must have at least three words or twelve characters.",
    "Many samples contain any given word or two, so such a question cannot be kept out of the training data.",
    Example(EXAM, "question: Which?", "question: Which sea washes Oru?"),
)
def exam_too_short(leaf: LeafView) -> Problems:
    for index, question in leaf.exam_questions() if leaf.exam else ():
        if leaf.exam and not is_whole_question(question):
            place = leaf.exam.place(("questions", index, "question"))
            message = f"the exam question {question.strip()[:40]!r} is too short"
            yield EXAM, Problem("exam-too-short", place, message, "write a complete question")


@tree_rule(
    "exam-of-another-leaf",
    Severity.ERROR,
    "An exam question must not equal, contain or be part of a question of another leaf.",
    "The other leaf's samples teach what the exam asks. At most a tenth of them are removed from the "
    "training data, so the model may be trained on the exam.",
    Example(EXAM, "question: Greet Ann.", "question: Which sea washes Oru?"),
)
def exam_of_another_leaf(files: Files) -> Problems:
    for exam, other in _overlaps(files):
        if exam.exam:
            message = f"the leaf {other.leaf} also asks this, in {other.where(files)}: {other.text[:80]!r}"
            fix = "ask about something that only this leaf teaches, and name it in the question"
            yield (
                f"{exam.leaf}/{exam.file}",
                Problem("exam-of-another-leaf", exam.place, message, fix, other=other.leaf),
            )


@tree_rule(
    "question-of-another-leaf",
    Severity.WARNING,
    "A question of a seed example should not also be a seed or exam question of another leaf.",
    "If the answers differ, the model learns both. If the other leaf's exam asks the question, samples of it "
    "may be removed from the training data.",
    Example(QNA, "question: Greet Ann.", "question: What is said of Its first?"),
)
def question_of_another_leaf(files: Files) -> Problems:
    reported: set[tuple[str, str]] = set()
    for seed, other in _overlaps(files):
        # Report each pair of leaves only once, because a leaf that is a copy shares all its questions.
        if not seed.exam and (seed.leaf, other.leaf) not in reported:
            reported.add((seed.leaf, other.leaf))
            part = "the exam" if other.exam else "a seed example"
            message = f"{part} of the leaf {other.leaf} also asks this, in {other.where(files)}"
            fix = "change this question, or agree with the other leaf's author to change theirs"
            yield (
                f"{seed.leaf}/{seed.file}",
                Problem("question-of-another-leaf", seed.place, message, fix, other=other.leaf),
            )


@lru_cache(maxsize=1)
def _overlaps(files: Files) -> list[tuple[Question, Question]]:
    """Return pairs of a question and an overlapping one of another leaf, one pair for each such question.

    Two questions overlap if they are the same, or if one is an exam question and one contains the other.

    The search hashes every prefix of every question. From each word of a question it follows the words as
    long as they are a prefix of some question, so the time grows in proportion to the text.
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
    found, reported = [], set()
    for question in asked:
        for other in _within(question, begun, whole):
            for one, its in ((question, other), (other, question)):
                if id(one) not in reported:
                    reported.add(id(one))
                    found.append((one, its))
    return found


def _within(
    question: Question, begun: set[int], whole: defaultdict[int, list[Question]]
) -> Iterator[Question]:
    """Yield other leaves' questions that equal this one, or that it contains if one is an exam question."""
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
    """Yield the questions of a leaf's seed examples and exam; for skills with contexts, only the exam's."""
    for name in (QNA, EXAM):
        path = f"{leaf}/{name}"
        if path not in files.entries:
            continue
        try:
            text = files.read(path, MAX_BYTES).decode("utf-8-sig", errors="replace")
        except Unreadable:
            continue  # the rule `unreadable` reports it
        keys = list(_KEY.finditer(text))
        if name == QNA and not leaf.startswith("knowledge/") and any(key[1] == "context" for key in keys):
            continue
        found = _read(text, keys)
        for place, question in _parsed(parse_file(files, path)) if found is None else found:
            words = question_words(question)[:LONGEST]
            if words:
                yield Question(leaf, name, place, question, words)


def _read(text: str, keys: Sequence[re.Match[str]]) -> list[tuple[Place, str]] | None:
    """Find a file's questions without the much slower YAML parser; None if the file needs the parser."""
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
    """Yield the questions of a parsed file, with their places."""
    if parsed.root is None:
        return
    left: list[tuple[str | int, ...]] = [()]
    while left:
        path = left.pop()
        node = parsed.node(path)
        left += [(*path, key) for key in node.children]
        if path[-1:] == ("question",) and isinstance(node.value, str):
            yield node.place, node.value
