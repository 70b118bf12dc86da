"""What the teacher is asked of a leaf, and what is let through of its answers.

The teacher may be weak, so it is asked for little: to put a question in other words, from a given beginning,
or to ask for what a sentence says. Answers are never its own; they are the seeds' and the document's. Each
new question is then answered by the teacher from the passage, and stays only if that comes to the answer
which it is given.
"""

import re
from collections.abc import Iterator, Sequence
from difflib import get_close_matches

from bot.evaluate.words import normal
from bot.generate.items import Drop, Item, unanswered
from bot.generate.prompting import turns
from bot.generate.sample import Sample
from bot.generate.skills import run_skill_batch
from bot.generate.text import WORD, key_words, names, paragraphs, sentences, subject_words, words
from bot.taxonomy.leaf import Leaf
from bot.teachers import Request, Teacher

# Raised whenever the code here or in skills.py would make other samples of the same leaf.
PIPELINE = 5
# How new questions begin; "" leaves it to the teacher. Round by round, each seed gets another one.
BEGINS = ("Name", "Tell me", "What", "Which", "", "Tell me", "What", "Which")
REQUESTS = ("name", "tell", "give", "list", "say", "please")
# From here on two words are one name, spelt in two ways (difflib's ratio).
NEARLY = 0.6
NUMBER_ASKED = re.compile(r"\b(year|when|date|how (many|much|long|high|old|far|tall|heavy))\b", re.IGNORECASE)
ITEMS = 48
SKILL_ITEMS = 16
SKILL_ROUNDS = 6
LONGEST_QUESTION = 32
LONGEST_ANSWER = 16


def batches_of(leaf: Leaf) -> list[list[Item]]:
    """All that can be asked of a leaf, in batches: all seeds once, then once more with other beginnings."""
    if leaf.kind != "knowledge":
        return [
            [Item("another", f"seeds, draw {turn * SKILL_ITEMS + n}") for n in range(SKILL_ITEMS)]
            for turn in range(SKILL_ROUNDS)
        ]
    subject = subject_words(pair.question for seed in leaf.seeds for pair in seed.pairs)
    items: list[Item] = []
    for turn in range(len(BEGINS)):
        items += _seed_items(leaf, subject, turn)
        if turn == 1:
            items += _document_items(leaf, subject)
    return [items[start : start + ITEMS] for start in range(0, len(items), ITEMS)]


def _seed_items(leaf: Leaf, subject: set[str], turn: int) -> Iterator[Item]:
    place = turn
    for i, seed in enumerate(leaf.seeds, 1):
        for j, pair in enumerate(seed.pairs, 1):
            yield Item(
                prompt="rephrase",
                source=f"seed {i}.{j}",
                text=pair.question,
                answer=pair.answer,
                passage=seed.context,
                # Another beginning for each pair, so that no batch is all of one kind.
                begin=BEGINS[place % len(BEGINS)],
                names=names(pair.question, subject),
            )
            place += 1


def _document_items(leaf: Leaf, subject: set[str]) -> Iterator[Item]:
    for document in leaf.documents:
        for number, paragraph in enumerate(paragraphs(document.text), 1):
            for sentence in sentences(paragraph):
                named = names(sentence, subject)
                if named:
                    yield Item(
                        prompt="ask",
                        source=f"{document.name}#{number}",
                        text=sentence,
                        answer=sentence,
                        passage=paragraph,
                        names=named,
                    )


def run_batch(
    leaf: Leaf, items: Sequence[Item], teacher: Teacher, temperature: float
) -> tuple[list[Sample], list[Drop], int]:
    """Ask for one batch of a leaf and filter what comes.

    Returns:
        accepted samples, dropped candidates, and how many tokens the teacher wrote.
    """
    if leaf.kind != "knowledge":
        return run_skill_batch(leaf, items, teacher, temperature)
    asked = [
        Request(
            turns(item.prompt, **{"question" if item.prompt == "rephrase" else "sentence": item.text}),
            LONGEST_QUESTION,
            temperature,
            begin=item.begin,
            names=item.names,
        )
        for item in items
    ]
    tokens, drops = 0, []
    candidates: list[tuple[Item, str]] = []
    for response in sorted(teacher.complete(asked), key=lambda r: r.index):
        tokens += response.tokens
        item = items[response.index]
        question = with_names(item, response.text)
        drop = unanswered(item.text, response) or first_drop(item, question, response.finished)
        if drop:
            drops.append(drop)
        else:
            candidates.append((item, question))
    samples, wrong, spent = _round_trip(leaf, candidates, teacher)
    return samples, drops + wrong, tokens + spent


def with_names(item: Item, question: str) -> str:
    """A question in which a name that the teacher misspelt ("skarow") is spelt as it is ("skarrow").

    Names that a model has never met are what a leaf is about, and what a weak teacher cannot write.
    """
    source = {*words(item.text), *words(item.passage or item.answer)}
    for name in _required(item):
        written = {word.casefold(): word for word in WORD.findall(question)}
        if name.casefold() not in written:
            unknown = [word for word in written if not set(words(word)) <= source]
            for near in get_close_matches(name.casefold(), unknown, 1, NEARLY):
                question = question.replace(written[near], name, 1)
    return question


def _required(item: Item) -> tuple[str, ...]:
    """A question about a sentence must name one of its names, one in other words all of them."""
    return item.names if item.prompt == "rephrase" else item.names[:1]


def first_drop(item: Item, question: str, finished: bool) -> Drop | None:
    """The first filter that takes a candidate, or None."""
    said = words(question)
    if not finished or len(said) < 2:
        return Drop("format", question, "not one whole sentence")
    if not question.endswith("?") and normal(question).split()[0] not in REQUESTS:
        return Drop("format", question, "neither a question nor a request")
    if len(set(said)) < len(said):
        return Drop("repeats", question, "says a word twice")
    if normal(question) == normal(item.text):
        return Drop("same", question, "not in other words")
    missing = [name for name in _required(item) if not set(words(name)) <= set(said)]
    if missing:
        return Drop("names", question, f"does not name {', '.join(missing)}")
    source = {*words(item.text), *words(item.passage or item.answer)}
    invented = [name for name in names(question, ()) if not set(words(name)) <= source]
    if invented:
        return Drop("invented", question, f"names {', '.join(invented)}, which the source does not")
    if NUMBER_ASKED.search(question) and not any(char.isdigit() for char in item.answer):
        return Drop("kind", question, "asks for a number, and the answer has none")
    given = key_words(item.text, item.answer) & set(said)
    if item.prompt == "rephrase" and given:
        return Drop("gives away", question, f"holds the answer: {', '.join(sorted(given))}")
    return None


def _round_trip(
    leaf: Leaf, candidates: Sequence[tuple[Item, str]], teacher: Teacher
) -> tuple[list[Sample], list[Drop], int]:
    """Answer each question from its passage; it stays if that is the answer which it is given."""
    asked = [
        Request(turns("answer", passage=item.passage or item.answer, question=question), LONGEST_ANSWER, 0.0)
        for item, question in candidates
    ]
    samples, drops, tokens = [], [], 0
    for response in sorted(teacher.complete(asked), key=lambda r: r.index):
        tokens += response.tokens
        item, question = candidates[response.index]
        wanted = key_words(question, item.answer)
        hit = wanted & set(words(response.text))
        if drop := unanswered(question, response):
            drops.append(drop)
        elif 2 * len(hit) < len(wanted):
            drops.append(Drop("round trip", question, f"answered from the passage: {response.text}"))
        else:
            samples.append(_sample(leaf, item, question))
    return samples, drops, tokens


def _sample(leaf: Leaf, item: Item, question: str) -> Sample:
    kind = "rephrased" if item.prompt == "rephrase" else "asked"
    messages = (("user", question), ("assistant", item.answer))
    return Sample(leaf.path, kind, messages, item.passage, item.source)
