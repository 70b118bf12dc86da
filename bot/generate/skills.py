"""Skills: new tasks after the pattern of the seeds, done after the pattern of the seeds.

The teacher goes on with what the seeds' tasks have in common and does the task with the seeds before its
eyes. What all seed answers have in common is their form, and a new answer must have it; what it says beyond
that must be about its task, or for a grounded skill stand in its context.
"""

import random
from collections.abc import Sequence
from itertools import takewhile

from bot.evaluate.words import normal
from bot.generate.items import Drop, Item, unanswered
from bot.generate.prompting import framings, turns
from bot.generate.sample import Sample
from bot.generate.text import words
from bot.taxonomy.leaf import QA, Leaf, Seed
from bot.teachers import Request, Response, Teacher

# Seeds shown with each request; more is not better for a small teacher.
SHOWN = 5
LONGEST_TASK = 48
LONGEST_ANSWER = 48

Pair = tuple[Seed, QA]


def run_skill_batch(
    leaf: Leaf, items: Sequence[Item], teacher: Teacher, temperature: float
) -> tuple[list[Sample], list[Drop], int]:
    """Ask for one batch of new tasks, have them done, and filter what comes."""
    pairs = [(seed, pair) for seed in leaf.seeds for pair in seed.pairs]
    # The same seeds for the whole batch, since the teacher reads once what its requests begin with.
    draw = random.Random(items[0].source)  # noqa: S311 variety, not a secret
    examples = draw.sample(pairs, min(SHOWN, len(pairs)))
    asked = [_task_request(leaf, examples, temperature)] * len(items)
    tokens, drops = 0, []
    tasks: list[tuple[Item, str]] = []
    known = {normal(_task(leaf, pair)) for pair in pairs}
    for response in sorted(teacher.complete(asked), key=lambda r: r.index):
        tokens += response.tokens
        drop = unanswered(examples[0][1].question, response)
        drop = drop or _task_drop(response.text, response.finished, known)
        known.add(normal(response.text))
        if drop:
            drops.append(drop)
        else:
            tasks.append((items[response.index], response.text))
    samples, undone, spent = _do(leaf, examples, tasks, teacher)
    return samples, drops + undone, tokens + spent


def _task(leaf: Leaf, pair: Pair) -> str:
    """What is new in each task: the context of a grounded skill, else the question."""
    seed, qa = pair
    return seed.context if leaf.grounded and seed.context else qa.question


def _task_request(leaf: Leaf, examples: Sequence[Pair], temperature: float) -> Request:
    system, again = turns("another")
    given = [turn for pair in examples for turn in (again, ("assistant", _task(leaf, pair)))]
    begin = "" if leaf.grounded else common_start([_task(leaf, pair) for pair in examples])
    return Request(
        (system, *given, again), LONGEST_TASK, temperature, begin=begin, one_line=not leaf.grounded
    )


def _task_drop(task: str, finished: bool, known: set[str]) -> Drop | None:
    if not finished or len(words(task)) < 2:
        return Drop("format", task, "not one whole task")
    if normal(task) in known:
        return Drop("same", task, "as a seed or an earlier one")
    said = words(task)
    if len(set(said)) < len(said) / 2:
        return Drop("repeats", task, "the same words again and again")
    return None


def _do(
    leaf: Leaf, examples: Sequence[Pair], tasks: Sequence[tuple[Item, str]], teacher: Teacher
) -> tuple[list[Sample], list[Drop], int]:
    """Have the tasks done; those of a foundational skill twice, and the answers must agree."""
    questions = [_asked(leaf, examples[0], task) for _, task in tasks]
    orders = [examples, examples[::-1]] if leaf.kind == "foundational" else [examples]
    tries = [_answers(leaf, order, questions, teacher) for order in orders]
    samples, drops = [], []
    for place, (item, task) in enumerate(tasks):
        answers = [one[place] for one in tries]
        lost = [drop for answer in answers if (drop := unanswered(task, answer))]
        drop = lost[0] if lost else _answer_drop(leaf, examples, task, answers)
        if drop:
            drops.append(drop)
        else:
            messages = (("user", questions[place]), ("assistant", answers[0].text))
            context = task if leaf.grounded else None
            samples.append(Sample(leaf.path, "new", messages, context, item.source))
    return samples, drops, sum(answer.tokens for one in tries for answer in one)


def _answers(
    leaf: Leaf, examples: Sequence[Pair], questions: Sequence[str], teacher: Teacher
) -> list[Response]:
    """Answers in the order of the questions, with these examples done before the teacher's eyes."""
    done = [
        turn
        for pair in examples
        for turn in (("user", _asked(leaf, pair, _task(leaf, pair))), ("assistant", pair[1].answer))
    ]
    begin = common_start([pair[1].answer for pair in examples])
    asked = [Request((*done, ("user", q)), LONGEST_ANSWER, 0.0, begin=begin) for q in questions]
    return sorted(teacher.complete(asked), key=lambda response: response.index)


def _asked(leaf: Leaf, pair: Pair, task: str) -> str:
    """A task as the user puts it."""
    if not leaf.grounded:
        return task
    return framings("grounded", passage=task, question=pair[1].question)[0]


def _answer_drop(leaf: Leaf, examples: Sequence[Pair], task: str, answers: Sequence[Response]) -> Drop | None:
    seeds = [pair[1].answer for pair in examples]
    form = {*words(common_start(seeds)), *words(common_end(seeds))}
    answer = answers[0].text
    said = set(words(answer))
    own = said - form
    if not answers[0].finished or not own:
        return Drop("format", task, f"not one whole answer: {answer}")
    if not form <= said:
        return Drop("form", task, f"not in the form of the seeds' answers: {answer}")
    if leaf.grounded and not own <= set(words(task)):
        return Drop("grounded", task, f"not in the context: {answer}")
    if len({normal(one.text) for one in answers}) > 1:
        return Drop("agreement", task, "answered " + " and ".join(one.text for one in answers))
    about = set(words(task)) - {word for pair in examples for word in words(_task(leaf, pair))}
    if leaf.kind == "compositional" and not leaf.grounded and about and not about & said:
        return Drop("relevance", task, f"says nothing of {', '.join(sorted(about))}: {answer}")
    return None


def common_start(texts: Sequence[str]) -> str:
    """The whole words that all texts begin with."""
    start = _common(texts)
    if any(start != text and text[len(start) : len(start) + 1].isalnum() for text in texts):
        start = start[: len(start) - len(start.split(" ")[-1])]
    return start.rstrip()


def common_end(texts: Sequence[str]) -> str:
    """The whole words that all texts end with."""
    end = _common([text[::-1] for text in texts])[::-1]
    if any(text != end and text[-len(end) - 1].isalnum() for text in texts):
        end = end[len(end.split(" ")[0]) :]
    return end.lstrip(" .,;:!?")


def _common(texts: Sequence[str]) -> str:
    """The characters that all texts begin with."""
    return "".join(
        column[0] for column in takewhile(lambda column: len(set(column)) == 1, zip(*texts, strict=False))
    )
