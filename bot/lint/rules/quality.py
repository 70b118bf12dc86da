"""Rules for the quality of seed examples: not repeated, answered from their context, not too long."""

import re
from collections import defaultdict

from bot.lint.findings import Severity
from bot.lint.leaf_view import QNA, LeafView
from bot.lint.rule import Example, Problems, leaf_rule
from bot.lint.token_count import count_tokens
from bot.taxonomy.parsed import Problem
from bot.text.benchmarks import benchmark_of
from bot.text.language import Language
from bot.text.numbers import number_of, numbers_in
from bot.text.questions import UNSPACED
from bot.text.safety import secrets
from bot.text.words import HANGUL, holds

SAME = 0.8
"""Two questions with the same answer count as the same if they share at least this share of their words.

If the answers differ, a single word can make another question: "Today is Monday. Which day is tomorrow?"
"""
COMPARED = 20
"""A question is compared with at most this many others with the same answer, to keep the time linear."""
# Recommendations of InstructLab's documentation; its tools do not check them.
PAIRS = 3
CONTEXT_WORDS, PAIR_WORDS, SKILL_WORDS = 500, 250, 2300
COUNTED = 300_000
"""Bytes per leaf to tokenize, which takes half a second; the rule `too-long` checks larger leaves."""
_WORD = re.compile(r"\w[\w'\u2019.,]*\w|\w")
_DIGITS = re.compile(r"\d(?:[\d.,]*\d)?")


def _words(text: str) -> list[str]:
    return [word.replace(",", "") for word in _WORD.findall(text.casefold())]


@leaf_rule(
    "near-repeated-seed",
    Severity.WARNING,
    "Two seed examples should not be nearly the same.",
    "The teacher generates variations of the examples; two similar examples add no more than one.",
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
                message = f"this example is nearly the same as {other[:80]!r}"
                place = leaf.qna.place(path)
                yield QNA, Problem("near-repeated-seed", place, message, "ask about something else here")
                break
        alike.append((question, asked))


@leaf_rule(
    "gives-away-answer",
    Severity.WARNING,
    "A knowledge question should not contain its answer, and no answer should repeat its question.",
    "From such a pair, the model learns to repeat the question.",
    Example(
        QNA,
        "question: Is it said that the capital of Oru is Tamm?\n        answer: The capital is Tamm.",
        "question: What is said of Its first?\n        answer: First Its capital is Tamm.",
    ),
)
def gives_away_answer(leaf: LeafView) -> Problems:
    if leaf.qna is None:
        return
    little, choices = _little_words(leaf, "function_words"), _little_words(leaf, "choice_words")
    for path, question, answer, _ in leaf.pairs:
        asked, answered = set(_words(question)), set(_words(answer)) - little
        # A question that offers a choice, or a skill that extracts text from it, must contain the answer.
        # Without a list of function words, it is not known what an answer says.
        given = little and answered <= asked and not choices & asked and leaf.kind == "knowledge"
        if answered and (given or question.strip() == answer.strip()):
            place = leaf.qna.place((*path, "question"))
            message = "this question contains its own answer"
            hint = "reword the question so that the answer adds new information"
            yield QNA, Problem("gives-away-answer", place, message, hint)


@leaf_rule(
    "answer-not-in-context",
    Severity.WARNING,
    "Numbers and names in an answer should also be in its context or question.",
    "Facts that are not in the passage cannot be checked and do not come from the document.",
    Example(QNA, "answer: First They grow 12 kinds of barley.", "answer: First They grow barley."),
)
def answer_not_in_context(leaf: LeafView) -> Problems:
    if leaf.qna is None or leaf.kind != "knowledge":
        return
    for path, question, answer, context in leaf.pairs:
        facts = _facts(answer, leaf.language) if context else []
        if facts:
            missing = _not_in(f"{context} {question}", facts, leaf.language)
            if missing and not any(secrets(answer)):
                place = leaf.qna.place((*path, "answer"))
                message = f"{missing[0][:60]!r} is in this answer but not in the context"
                yield (
                    QNA,
                    Problem("answer-not-in-context", place, message, "answer only with facts in the context"),
                )


def _facts(answer: str, spoken: Language) -> list[str]:
    """Return an answer's numbers and names: words with a digit, or capitalized inside a sentence.

    Names are found only in a language that is known to write nothing else with a capital letter.
    """
    if UNSPACED.search(answer) or HANGUL.search(answer):
        return _DIGITS.findall(answer)
    facts = []
    begins = True
    for match in _WORD.finditer(answer):
        word = match.group()
        plain = word.islower() and word.isalpha()
        name = word[0].isupper() and not begins and word != "I" and spoken.data.get("capitals") == "names"
        if not plain and (name or any(char.isdigit() for char in word)):
            facts.append(word)
        begins = answer[match.end() : match.end() + 1] in (".", "!", "?", ":")
    return facts


def _not_in(text: str, facts: list[str], spoken: Language) -> list[str]:
    """Return the facts that a text does not contain; a number may be written in another way."""
    known, plain = set(_words(text)), spoken.normal(text)
    figures = numbers_in(plain, spoken)
    return [
        fact
        for fact in facts
        if not set(_words(fact)) <= known
        and not holds(plain, spoken.normal(fact))
        and number_of(spoken.normal(fact), spoken) not in figures
    ]


def _little_words(leaf: LeafView, key: str) -> frozenset[str]:
    return frozenset(str(leaf.language.data.get(key, "")).split())


@leaf_rule(
    "too-long",
    Severity.WARNING,
    "A context should have at most 500 words, a question with its answer 250, all examples of a skill 2,300.",
    "The examples are part of the teacher's prompt; text that does not fit is cut off.",
    Example(QNA, f"answer: First {' '.join(['They grow barley.'] * 90)}", "answer: First They grow barley."),
)
def too_long(leaf: LeafView) -> Problems:
    if leaf.qna is None:
        return
    for index, seed in leaf.seeds():
        context = seed.get("context")
        if isinstance(context, str) and (count := len(context.split())) > CONTEXT_WORDS:
            place = leaf.qna.place(("seed_examples", index, "context"))
            message = f"this context has {count} words; the maximum is {CONTEXT_WORDS}"
            yield QNA, Problem("too-long", place, message, "split it into two examples")
    total = 0
    for path, question, answer, context in leaf.pairs:
        count = len(question.split()) + len(answer.split())
        total += count + len(context.split())
        if count > PAIR_WORDS:
            message = f"this question and its answer have {count} words; the maximum is {PAIR_WORDS}"
            yield QNA, Problem("too-long", leaf.qna.place((*path, "answer")), message, "shorten the answer")
    if leaf.kind != "knowledge" and total > SKILL_WORDS:
        place = leaf.qna.key_place(("seed_examples",))
        message = f"the examples have {total} words; the maximum is {SKILL_WORDS}"
        yield QNA, Problem("too-long", place, message, "keep only the examples that differ most")


@leaf_rule(
    "too-many-tokens",
    Severity.WARNING,
    "An example should have at most `train.max_length` tokens.",
    "Training uses sequences of that length, and longer ones may not fit into memory. Checked only if the "
    "student model's tokenizer is available locally.",
    Example(QNA, f"answer: First {'They grow barley. ' * 400}", "answer: First They grow barley."),
)
def too_many_tokens(leaf: LeafView) -> Problems:
    most, left = leaf.settings.max_tokens, COUNTED
    if leaf.qna is None or not most:
        return
    for path, *texts in leaf.pairs:
        # A token has at least one byte, so short examples need no tokenizer.
        size = sum(len(text.encode(errors="replace")) for text in texts)
        if size <= most:
            continue
        left -= size
        count = count_tokens(leaf.settings.student, texts) if left > 0 else None
        if count and count > most:
            message = f"this example and its context have {count:,} tokens; the maximum is {most:,}"
            place = leaf.qna.place((*path, "answer"))
            yield QNA, Problem("too-many-tokens", place, message, "shorten it, or split it into two examples")


@leaf_rule(
    "benchmark-item",
    Severity.ERROR,
    "A question must not be an item of a known benchmark.",
    "Training on benchmark items improves the benchmark score without improving the model.",
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
            message = f"this question is or contains an item of the benchmark {benchmark}"
            place = parsed.place(path)
            yield name, Problem("benchmark-item", place, message, "write your own question")


@leaf_rule(
    "pairs-per-context",
    Severity.INFO,
    "Reports contexts with more than three questions.",
    "Arborist uses all questions of a context, but InstructLab's tools use only the first three.",
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
            message = f"this context has {len(pairs)} questions; InstructLab's tools use only {PAIRS}"
            place = leaf.qna.key_place(path)
            yield QNA, Problem("pairs-per-context", place, message, "put the three best questions first")
