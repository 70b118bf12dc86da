"""The questions of an exam.yaml, and mistakes in how their answers are to be marked."""

from collections.abc import Iterator, Mapping
from difflib import get_close_matches
from itertools import islice
from typing import Any

from bot.taxonomy.leaf import ExamQuestion
from bot.taxonomy.parsed import Parsed, Place, Problem
from bot.text.answer_pattern import found_in, pattern_mistake
from bot.text.mark_answer import Marking
from bot.text.words import normal

RULE = "exam-marking"
MARKED_BY = ("must_contain", "any_of", "number", "matches", "choices", "judge")
"""The keys of a question of which at least one says what a right answer is."""
NOT_WITH_CHOICES = ("must_contain", "any_of", "none_of", "number", "tolerance", "matches", "judge")
MOST_CHOICES = 10
MOST_EXPRESSIONS = 200
"""Maximum number of questions in one file that have a regular expression."""
MOST_PROBLEMS = 100
_CONDITIONS = "must_contain, any_of, number, matches, or choices with choice"

Question = dict[str, Any]
Path = tuple[str | int, ...]


def exam_of(data: Any) -> tuple[ExamQuestion, ...]:
    """Build an exam from validated data of an exam.yaml."""
    return tuple(ExamQuestion(item["question"].strip(), marking_of(item)) for item in data["questions"])


def marking_of(question: Mapping[str, Any]) -> Marking:
    """Build the marking of a question from its validated data in an exam.yaml."""
    required = question.get("must_contain", ())
    return Marking(
        must_contain=tuple((one,) if isinstance(one, str) else tuple(one) for one in required),
        any_of=tuple(question.get("any_of", ())),
        none_of=tuple(question.get("none_of", ())),
        number=question.get("number"),
        tolerance=question.get("tolerance", 0),
        matches=question.get("matches", ""),
        choices=tuple(question.get("choices", ())),
        choice=question.get("choice", ""),
        judge=question.get("judge", "").strip(),
    )


def marking_problems(parsed: Parsed) -> list[Problem]:
    """Return what the schema cannot check: conditions that are missing, meaningless or contradict others."""
    data = parsed.data if isinstance(parsed.data, dict) else {}
    listed = data.get("questions")
    questions = [
        (index, item)
        for index, item in enumerate(listed if isinstance(listed, list) else [])
        if isinstance(item, dict) and "question" in item
    ]
    found = (problem for index, item in questions for problem in _of_question(parsed, index, item))
    return [*islice(found, MOST_PROBLEMS), *_of_expressions(parsed, questions)]


def _of_question(parsed: Parsed, index: int, item: Question) -> Iterator[Problem]:
    path: Path = ("questions", index)
    if not any(key in item for key in MARKED_BY) and "choice" not in item and "tolerance" not in item:
        message = "this question does not say what a right answer is"
        if "none_of" in item:
            message = "none_of alone makes an empty answer right"
        place = parsed.place((*path, "question"))
        first = Place(place.line, place.column, place.line, place.column + 1)
        yield Problem(RULE, first, message, f"add {_CONDITIONS}")
    if "tolerance" in item and "number" not in item:
        place = parsed.key_place((*path, "tolerance"))
        yield Problem(RULE, place, "'tolerance' needs a 'number'", "add the number, or remove the tolerance")
    yield from _of_choices(parsed, path, item)


def _of_choices(parsed: Parsed, path: Path, item: Question) -> Iterator[Problem]:
    if "choices" not in item and "choice" not in item:
        return
    if "choices" not in item or "choice" not in item:
        has, lacks = ("choice", "choices") if "choice" in item else ("choices", "choice")
        hint = "add the right one of the choices" if lacks == "choice" else "add the answers to choose from"
        yield Problem(RULE, parsed.key_place((*path, has)), f"{has!r} needs {lacks!r}", hint)
    for key in NOT_WITH_CHOICES:
        if key in item:
            message = f"the answer is one of the choices, so {key!r} has no effect"
            hint = f"remove {key!r}, or remove the choices"
            yield Problem(RULE, parsed.key_place((*path, key)), message, hint)
    choices = item.get("choices")
    if not isinstance(choices, list) or not all(isinstance(one, str) for one in choices):
        return  # the schema's finding
    if len(choices) > MOST_CHOICES:
        message = f"{len(choices)} choices; the maximum is {MOST_CHOICES}"
        yield Problem(RULE, parsed.key_place((*path, "choices")), message, "remove some")
        return
    for place, one in enumerate(choices):
        if one not in choices[:place] and normal(one) in map(normal, choices[:place]):
            message = f"the choice {one[:40]!r} differs from another one in case or punctuation only"
            yield Problem(RULE, parsed.place((*path, "choices", place)), message, "write another choice")
    yield from _of_right_choice(parsed, path, item.get("choice"), choices)


def _of_right_choice(parsed: Parsed, path: Path, choice: Any, choices: list[str]) -> Iterator[Problem]:
    if not isinstance(choice, str) or not choice.strip() or choice in choices:
        return
    near = get_close_matches(choice[:100], choices, 1)
    hint = f"did you mean {near[0]!r}?" if near else f"write one of {', '.join(map(repr, choices))}"
    message = f"{choice[:40]!r} is not among the choices"
    yield Problem(RULE, parsed.place((*path, "choice")), message, hint)


def _of_expressions(parsed: Parsed, questions: list[tuple[int, Question]]) -> Iterator[Problem]:
    """Yield the regular expressions that cannot be used; only so many, since each has to be compiled."""
    used = [(index, item["matches"]) for index, item in questions if isinstance(item.get("matches"), str)]
    for index, expression in used[:MOST_EXPRESSIONS]:
        place = parsed.place(("questions", index, "matches"))
        mistake = pattern_mistake(expression)
        if mistake:
            hint = "write it without look-around and back-references; docs/leaf.md has an example"
            yield Problem(RULE, place, f"this regular expression cannot be used: {mistake}", hint)
        elif expression.strip() and found_in(expression, ""):
            message = "this regular expression is found in every answer, even an empty one"
            yield Problem(RULE, place, message, "write what a right answer must have")
    for index, _ in used[MOST_EXPRESSIONS : MOST_EXPRESSIONS + 1]:
        message = f"more than {MOST_EXPRESSIONS} questions have regular expressions"
        place = parsed.key_place(("questions", index, "matches"))
        yield Problem(RULE, place, message, "mark this question by must_contain, any_of or number")
