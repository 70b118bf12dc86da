"""Every family of students: packed or padded, the loss and gradients of one sample at a time, and a model."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from bot.inference.models import load_tokenizer
from bot.train.packing import Encoded, encode
from bot.train.student import load_student
from tests import ROOT
from tests.helpers.families import FAMILIES, VOCABULARY, group_of_one, measure
from tests.helpers.one_row import apart, together
from tests.helpers.tiny import CONVERSATIONS
from tests.helpers.training import last

PAGE = (ROOT / "docs" / "students.md").read_text().splitlines()


@pytest.fixture(scope="module", autouse=True)
def alone() -> Iterator[None]:
    """DeepSpeed runs in this process."""
    with group_of_one():
        yield


@pytest.mark.parametrize("name", FAMILIES)
def test_a_family_trains_as_one_sample_at_a_time_and_as_the_page_says(tmp_path: Path, name: str) -> None:
    measured = measure(name, tmp_path)
    start = tmp_path / "base"
    samples = encoded(start)
    student = load_student(start, "fp32", VOCABULARY, samples)
    loss, gradients = together(student, samples)
    expected, others = apart(start, "fp32", samples)
    assert loss == pytest.approx(expected, rel=1e-4)
    for weight, other in others.items():
        assert (gradients[weight] - other).norm() <= 1e-3 * other.norm() + 1e-6, weight
    # What was written loads like any model, and has learnt.
    assert apart(last(tmp_path / "plain"), "fp32", samples)[0] < expected
    assert measured.line(name) in PAGE


def test_the_page_has_no_other_family() -> None:
    rows = [line.split(" | ")[0] for line in PAGE if line.startswith("| ")]
    assert rows[1:] == [f"| {name}" for name in FAMILIES]


def encoded(folder: Path) -> list[Encoded]:
    tokenizer = load_tokenizer(folder)
    return [encode(messages, tokenizer) for messages in CONVERSATIONS]
