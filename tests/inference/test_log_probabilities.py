"""The log-probability of given answers: in batches as one at a time, however long the others are."""

import math
from pathlib import Path
from typing import Any

import pytest
import torch

from bot.config.load import load_recipe
from bot.core.store import Store
from bot.evaluate.examine import ExamInputs, ask, stored_answers
from bot.evaluate.exams import ExamItem
from bot.inference.engine_transformers import TransformersEngine
from bot.inference.models import Model, load_model, load_tokenizer, model_folder, model_revision
from bot.text.mark_answer import Marking
from tests import ROOT

ASKED = {
    "What is the capital of Italy?": ("Rome", "Paris", "The capital of Italy is Rome.", "a"),
    "Which gas do plants take in from the air for photosynthesis? Answer in one word.": (
        "oxygen",
        "CO\u2082",
    ),
    "Say <|im_end|>.": ("<|im_end|>", "東京です。"),
    "2 + 3?": ("5", "five", " 5"),
}
PAIRS = [((("user", question),), answer) for question, answers in ASKED.items() for answer in answers]


@pytest.fixture(scope="module")
def reference() -> list[float]:
    """The same by one forward pass for each answer, without padding, cache or batch."""
    folder = model_folder("embedded")
    model, tokenizer = load_model(folder, "fp32"), load_tokenizer(folder)
    return [_alone(model, tokenizer, turns[0][1], answer) for turns, answer in PAIRS]


def _alone(model: Any, tokenizer: Any, question: str, answer: str) -> float:
    turns = [{"role": "user", "content": question.replace("<|", "<\ufdd0|")}]
    text = tokenizer.apply_chat_template(turns, tokenize=False, add_generation_prompt=True)
    prompt, whole = (
        [
            token
            for piece in part.split("\ufdd0")
            for token in tokenizer(piece, add_special_tokens=False)["input_ids"]
        ]
        for part in (text, text + answer.replace("<|", "<\ufdd0|"))
    )
    assert whole[: len(prompt)] == prompt, "this tokenizer never joins the prompt with the answer"
    with torch.no_grad():
        scores = model(torch.tensor([whole])).logits[0].log_softmax(-1)
    return sum(scores[place - 1, whole[place]].item() for place in range(len(prompt), len(whole)))


@pytest.mark.parametrize("batch", [1, 3, 64])
def test_batches_say_what_one_at_a_time_says(reference: list[float], batch: int) -> None:
    engine = TransformersEngine("embedded", batch, 0, "fp32")
    found = dict(engine.log_probabilities(PAIRS))
    assert sorted(found) == list(range(len(PAIRS)))
    assert [found[place] for place in range(len(PAIRS))] == pytest.approx(reference, abs=1e-4)
    assert all(value < 0 for value in found.values())


def test_the_right_answer_is_likelier(reference: list[float]) -> None:
    rome, paris, *_ = reference
    assert rome > paris + math.log(10)


def test_an_exam_with_choices_stores_the_choice_and_its_mark(tmp_path: Path) -> None:
    choices = ("Paris", "London", "Rome", "Berlin")
    items = tuple(
        ExamItem(f"What is the capital of {country}?", Marking(choices=choices, choice=city))
        for country, city in (("Italy", "Rome"), ("Germany", "Berlin"), ("Norway", "Paris"))
    )
    base = Model(model_folder("embedded"), model_revision("embedded"))
    wanted = load_recipe(ROOT / "arborist.yaml").evaluate
    store, exam = Store(str(tmp_path)), ExamInputs(base.id, items, wanted.max_new_tokens)
    assert ask(base, [exam], wanted, store) == {exam.key: exam}
    (answers,) = stored_answers({exam.key}, store).values()
    assert [answer.answer for answer in answers[:2]] == ["Rome", "Berlin"]
    assert answers[2].answer in choices
    assert [answer.right for answer in answers] == [True, True, answers[2].answer == "Paris"]
    assert ask(base, [exam], wanted, store) == {}
