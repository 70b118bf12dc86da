"""A model's answers to exam questions: texts that it writes, and of multiple choice the likeliest choice."""

from collections.abc import Iterator, Sequence
from contextlib import closing
from itertools import chain
from pathlib import Path

from bot.config.recipe import EvaluateRecipe
from bot.core.progress import task
from bot.evaluate.exams import ExamItem
from bot.inference.engine_llamacpp import ENDING, LlamaCpp
from bot.inference.examinee import Examinee, open_examinee


def answers_of(model: Path, items: Sequence[ExamItem], wanted: EvaluateRecipe) -> list[str]:
    """Return a model's answers in the order of the questions; loads the model only if there are questions.

    Args:
        model: a folder for `from_pretrained`; or a GGUF file, which answers no questions with choices.
    """
    if not items:
        return []
    if model.suffix == ENDING:
        return _by_llama_cpp(model, items, wanted)
    answers = [""] * len(items)
    with (
        closing(open_examinee(str(model), wanted)) as examinee,
        task("ask the model", len(items), "questions") as advance,
    ):
        for index, text in chain(_written(examinee, items, wanted), _chosen(examinee, items)):
            answers[index] = text
            advance(1, "")
    return answers


def answerable(model: Path, items: Sequence[ExamItem]) -> list[ExamItem]:
    """Return the questions that a model can answer: llama.cpp tells no log-probabilities of choices."""
    return [item for item in items if model.suffix != ENDING or not item.marking.choices]


def _by_llama_cpp(file: Path, items: Sequence[ExamItem], wanted: EvaluateRecipe) -> list[str]:
    """Return the answers of a GGUF file in the order of the questions."""
    examinee = LlamaCpp(file)
    answers = []
    with task(f"ask {file.name}", len(items), "questions") as advance:
        for item in items:
            answers.append(examinee.answer([("user", item.request)], wanted.max_new_tokens))
            advance(1, "")
    examinee.close()
    return answers


def _written(
    examinee: Examinee, items: Sequence[ExamItem], wanted: EvaluateRecipe
) -> Iterator[tuple[int, str]]:
    """Yield the index of each question without choices, and the text that the model writes."""
    from bot.inference.engine import Request

    asked = [index for index, item in enumerate(items) if not item.marking.choices]
    requests = [
        Request((("user", items[index].request),), wanted.max_new_tokens, 0.0, one_line=False)
        for index in asked
    ]
    for response in examinee.complete(requests):
        yield asked[response.index], response.text


def _chosen(examinee: Examinee, items: Sequence[ExamItem]) -> Iterator[tuple[int, str]]:
    """Yield the index of each question with choices, and the choice that is likeliest for each character.

    The model sees the question alone. Without the division by its length, a short choice would be likelier
    than a long one.
    """
    given = [(index, choice) for index, item in enumerate(items) for choice in item.marking.choices]
    pairs = [((("user", items[index].request),), choice) for index, choice in given]
    likelihood: dict[int, dict[str, float]] = {}
    for place, log_probability in examinee.log_probabilities(pairs):
        index, choice = given[place]
        own = likelihood.setdefault(index, {})
        own[choice] = log_probability / len(choice)
        choices = items[index].marking.choices
        if len(own) == len(choices):
            yield index, max(choices, key=own.__getitem__)
