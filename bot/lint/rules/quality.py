"""Whether seed examples teach well: said once, answered from their context, not longer than can be used."""

import re
from collections import defaultdict

from bot.benchmarks import benchmark_of
from bot.lint.findings import Severity
from bot.lint.rules import Example, Problems, leaf_rule
from bot.lint.tokens import count_tokens
from bot.lint.view import QNA, LeafView
from bot.safety import secrets
from bot.taxonomy.parsed import Problem

# The share of its words from which on a question is the same as another with the same answer. Where answers
# differ, one word makes another question: "Today is Monday. Which day is tomorrow?"
SAME = 0.8
# Of examples with the same answer so many are compared, so that time does not grow faster than a leaf.
COMPARED = 20
# What InstructLab's documentation asks for, and its tools never count.
PAIRS = 3
CONTEXT_WORDS, PAIR_WORDS, SKILL_WORDS = 500, 250, 2300
# So many bytes of a leaf are counted, which takes half a second; who has more is told of its words.
COUNTED = 300_000
_WORD = re.compile(r"\w[\w'\u2019.,]*\w|\w")
_LITTLE_WORDS = """
    a an and are as at be by called for from had has have in is it its name named of on or said that the
    their there they this to was were what when where which who with
"""
_LITTLE = frozenset(_LITTLE_WORDS.split())


def _words(text: str) -> list[str]:
    return [word.replace(",", "") for word in _WORD.findall(text.casefold())]


@leaf_rule(
    "near-repeated-seed",
    Severity.WARNING,
    "No two examples say nearly the same.",
    "The teacher multiplies what examples have in common; two that are alike count as one.",
    Example(
        QNA,
        "answer: Then Oru is an island, as they say, in the Grey Sea.\n"
        "      - question: What is said of Oru then, now?\n"
        "        answer: Then Oru is an island, as they say, in the Grey Sea.",
        "answer: Then Oru is an island in the Grey Sea.",
    ),
)
def near_repeated_seed(leaf: LeafView) -> Problems:
    if leaf.qna is None:
        return
    seen: defaultdict[frozenset[str], list[tuple[str, set[str]]]] = defaultdict(list)
    for path, question, answer, context in leaf.pairs:
        asked = set(_words(question if leaf.kind == "knowledge" else f"{question} {context}"))
        alike = seen[frozenset(_words(answer))]
        for other, its in alike[-COMPARED:]:
            if len(asked & its) >= SAME * max(len(asked), len(its)):
                message = f"this is nearly the same as {other[:80]!r}"
                place = leaf.qna.place(path)
                yield QNA, Problem("near-repeated-seed", place, message, "ask for something else here")
                break
        alike.append((question, asked))


@leaf_rule(
    "gives-away-answer",
    Severity.WARNING,
    "A question on knowledge does not hold its answer, and none is its answer.",
    "From such a pair a model learns to repeat what it was asked.",
    Example(
        QNA,
        "question: Is it said that the capital of Oru is Tamm?\n        answer: The capital is Tamm.",
        "question: What is said of Its first?\n        answer: First Its capital is Tamm.",
    ),
)
def gives_away_answer(leaf: LeafView) -> Problems:
    if leaf.qna is None:
        return
    for path, question, answer, _ in leaf.pairs:
        asked, told = set(_words(question)), set(_words(answer)) - _LITTLE
        # Where a question offers a choice, or a skill is to find something in it, the answer must be in it.
        given = told <= asked and "or" not in asked and leaf.kind == "knowledge"
        if told and (given or question.strip() == answer.strip()):
            place = leaf.qna.place((*path, "question"))
            message = "this question says its own answer"
            yield (
                QNA,
                Problem("gives-away-answer", place, message, "ask so that the answer adds what is asked for"),
            )


@leaf_rule(
    "answer-not-in-context",
    Severity.WARNING,
    "Numbers and names in an answer are in its context.",
    "Only what stands in the passage can be checked, and only that is the document's.",
    Example(QNA, "answer: First They grow 12 kinds of barley.", "answer: First They grow barley."),
)
def answer_not_in_context(leaf: LeafView) -> Problems:
    if leaf.qna is None or leaf.kind != "knowledge":
        return
    for path, question, answer, context in leaf.pairs:
        told = _told(answer) if context else []
        if told:
            known = set(_words(f"{context} {question}"))
            missing = [word for word in told if not set(_words(word)) <= known]
            if missing and not any(secrets(answer)):
                place = leaf.qna.place((*path, "answer"))
                message = f"{missing[0][:60]!r} is in this answer and not in the context"
                yield (
                    QNA,
                    Problem("answer-not-in-context", place, message, "answer with what the context says"),
                )


def _told(answer: str) -> list[str]:
    """An answer's numbers, and its names: words with a capital that begin no sentence."""
    told = []
    begins = True
    for match in _WORD.finditer(answer):
        word = match.group()
        plain = word.islower() and word.isalpha()
        name = word[0].isupper() and not begins and word != "I"
        if not plain and (name or any(char.isdigit() for char in word)):
            told.append(word)
        begins = answer[match.end() : match.end() + 1] in (".", "!", "?", ":")
    return told


@leaf_rule(
    "too-long",
    Severity.WARNING,
    "A context has at most 500 words, a question and its answer 250, a skill 2,300.",
    "The teacher's prompt holds the examples; what does not fit is cut off.",
    Example(QNA, f"answer: First {' '.join(['They grow barley.'] * 90)}", "answer: First They grow barley."),
)
def too_long(leaf: LeafView) -> Problems:
    if leaf.qna is None:
        return
    for index, seed in leaf.seeds():
        context = seed.get("context")
        if isinstance(context, str) and (count := len(context.split())) > CONTEXT_WORDS:
            place = leaf.qna.place(("seed_examples", index, "context"))
            message = f"this context has {count} words; {CONTEXT_WORDS} are the most"
            yield QNA, Problem("too-long", place, message, "make two examples of it")
    total = 0
    for path, question, answer, context in leaf.pairs:
        count = len(question.split()) + len(answer.split())
        total += count + len(context.split())
        if count > PAIR_WORDS:
            message = f"this question and its answer have {count} words; {PAIR_WORDS} are the most"
            yield QNA, Problem("too-long", leaf.qna.place((*path, "answer")), message, "shorten the answer")
    if leaf.kind != "knowledge" and total > SKILL_WORDS:
        place = leaf.qna.key_place(("seed_examples",))
        message = f"the examples have {total} words; {SKILL_WORDS} are the most"
        yield QNA, Problem("too-long", place, message, "keep the examples that differ most")


@leaf_rule(
    "too-many-tokens",
    Severity.WARNING,
    "An example has at most as many tokens as train.max_length, where the student's tokenizer is at hand.",
    "Samples are learnt in rows of that length; a longer one may not fit the memory.",
    Example(QNA, f"answer: First {'They grow barley. ' * 400}", "answer: First They grow barley."),
)
def too_many_tokens(leaf: LeafView) -> Problems:
    most, left = leaf.settings.max_tokens, COUNTED
    if leaf.qna is None or not most:
        return
    for path, *texts in leaf.pairs:
        # A token is a byte at least, so most need no counting.
        size = sum(len(text.encode(errors="replace")) for text in texts)
        if size <= most:
            continue
        left -= size
        count = count_tokens(leaf.settings.student, texts) if left > 0 else None
        if count and count > most:
            message = f"this example has {count:,} tokens with its context; {most:,} are the most"
            place = leaf.qna.place((*path, "answer"))
            yield QNA, Problem("too-many-tokens", place, message, "shorten it, or make two of it")


@leaf_rule(
    "benchmark-item",
    Severity.ERROR,
    "No question is an item of a known benchmark.",
    "A model that has learnt a benchmark's items is better at the benchmark and at nothing else.",
    Example(
        QNA,
        "question: Janet's ducks lay 16 eggs per day. She eats three for breakfast every morning and bakes "
        "muffins for her friends every day with four.",
        "question: What is said of Its first?",
    ),
)
def benchmark_item(leaf: LeafView) -> Problems:
    for name, path, text in leaf.texts:
        parsed = leaf.qna if name == QNA else leaf.exam
        benchmark = benchmark_of(text) if path[-1:] == ("question",) else None
        if benchmark and parsed:
            message = f"this is, or holds, an item of {benchmark}"
            place = parsed.place(path)
            yield name, Problem("benchmark-item", place, message, "ask something of your own")


@leaf_rule(
    "pairs-per-context",
    Severity.INFO,
    "InstructLab's prompts show three questions of a context.",
    "Who generates with InstructLab's tools sees only the first three; here all are used.",
    Example(
        QNA,
        "answer: Last They grow barley.\n      - question: What do they grow?\n        answer: It is barley.",
        "answer: Last They grow barley.",
    ),
)
def pairs_per_context(leaf: LeafView) -> Problems:
    if leaf.qna is None:
        return
    for index, seed in leaf.seeds():
        pairs = seed.get("questions_and_answers")
        if isinstance(pairs, list) and len(pairs) > PAIRS:
            path = ("seed_examples", index, "questions_and_answers")
            message = f"there are {len(pairs)} questions here; InstructLab shows its teacher {PAIRS}"
            place = leaf.qna.key_place(path)
            yield QNA, Problem("pairs-per-context", place, message, "put the most telling three first")
