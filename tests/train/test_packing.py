"""Packing: the same loss and gradients as one sample at a time, and no sample lost."""

import math
from dataclasses import replace
from itertools import chain, pairwise
from pathlib import Path

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from bot.inference.models import load_model, load_tokenizer, model_folder
from bot.train import attention
from bot.train.distillation import likely_tokens
from bot.train.loss import row_logits, row_loss
from bot.train.packing import Encoded, encode, epoch_ends, pack, plan_steps, shared_prefix, split_step
from tests.helpers.one_row import apart, packed
from tests.helpers.tiny import write_tiny

FAMILIES = ["Llama", "Mistral", "Qwen2", "Granite"]
LENGTHS = st.lists(st.integers(1, 300), min_size=1, max_size=60)


@pytest.mark.parametrize("written_out", [True, False], ids=["attention written out", "torch's attention"])
@pytest.mark.parametrize("family", FAMILIES)
def test_packed_is_the_same_as_one_at_a_time(
    tmp_path: Path, samples: list[Encoded], family: str, written_out: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    # As on a CPU with short samples; and as with long ones.
    monkeypatch.setattr(attention, "SHORT", attention.SHORT if written_out else 0)
    folder = write_tiny(tmp_path, family)
    (loss, gradients), (expected, others) = packed(folder, "fp32", samples), apart(folder, "fp32", samples)
    assert loss == pytest.approx(expected, rel=1e-4)
    for name, other in others.items():
        assert (gradients[name] - other).norm() <= 1e-4 * other.norm(), name


@pytest.mark.parametrize("family", FAMILIES)
def test_in_bf16_packing_is_no_further_from_the_truth_than_one_at_a_time(
    tmp_path: Path, samples: list[Encoded], family: str
) -> None:
    """On a GPU this is flash attention."""
    folder = write_tiny(tmp_path, family)
    truth, together, single = (
        apart(folder, "fp32", samples),
        packed(folder, "bf16", samples),
        apart(folder, "bf16", samples),
    )
    assert together[0] == pytest.approx(truth[0], rel=1e-3)

    def error(gradients: dict[str, torch.Tensor]) -> float:
        return math.fsum(float((gradients[name] - other).norm() ** 2) for name, other in truth[1].items())

    assert error(together[1]) <= 1.5 * error(single[1])


@given(st.integers(0, 9), st.lists(st.integers(1, 9), min_size=1, max_size=9))
def test_each_branch_sees_the_prefix_and_itself(prefix: int, lengths: list[int]) -> None:
    """As flash attention is told, which runs on GPUs alone."""
    row = attention.Layout(prefix, tuple(lengths))
    places = torch.arange(prefix + sum(lengths)).view(1, -1, 1)
    seen = attention.copied(places, row).flatten().tolist()
    asked, answered = row.seen[1].tolist()
    sequences = [list(range(prefix))] if prefix else []
    sequences += [[*range(prefix), *range(part.start, part.stop)] for part in row.branches()]
    assert [seen[start:end] for start, end in pairwise(answered)] == sequences
    assert [(start, end) for start, end in pairwise(asked)] == [
        (one[-1] + 1 - size, one[-1] + 1)
        for one, size in zip(sequences, ([prefix] if prefix else []) + lengths, strict=True)
    ]


def test_what_samples_begin_with_is_in_the_row_once(samples: list[Encoded]) -> None:
    prefix = shared_prefix(samples)
    assert prefix > 20
    row = pack(samples)
    assert row.ids.shape[1] == prefix + sum(len(sample.ids) - 1 - prefix for sample in samples)
    assert len(row.targets) == sum(len(sample.ids) - sample.learnt for sample in samples)


def test_only_the_answer_is_learnt(samples: list[Encoded]) -> None:
    assert all(0 < sample.learnt < len(sample.ids) for sample in samples)
    assert pack(samples[:1]).targets[:, 0].tolist() == list(samples[0].ids[samples[0].learnt :])


def test_unmasked_the_question_is_learnt_too_but_not_what_the_template_puts_before_it() -> None:
    tokenizer = load_tokenizer(model_folder("embedded"))
    sample = encode([("user", "When?"), ("assistant", "In 1702.")], tokenizer, unmask=True)
    learnt = tokenizer.decode(sample.ids[sample.learnt :])
    assert learnt.startswith("When?<|im_end|>")
    assert learnt.endswith("In 1702.<|im_end|>")


def test_what_the_base_holds_likely_is_learnt_in_place_of_its_answer(
    tiny: Path, samples: list[Encoded]
) -> None:
    """Beside plain samples in one row; the base itself has nothing left to learn from it."""
    likely = likely_tokens(tiny, samples, "fp32", 49152)
    model = load_model(tiny, "fp32", attn_implementation="branches")
    soft, plain = replace(samples[0], likely=likely[0]), samples[1]
    apart = row_loss(model, pack([soft])) + row_loss(model, pack([plain]))
    together = row_loss(model, pack([soft, plain]))
    assert together.item() == pytest.approx(apart.item(), rel=1e-5)
    ids, shares = likely[0]
    said = row_logits(model, pack([samples[0]])).softmax(1).detach().cpu()
    assert torch.allclose(shares.sum(1), torch.ones(len(ids)))
    assert torch.equal(ids[:, 0], said.argmax(1))
    assert torch.allclose(shares[:, 0] / shares[:, 1], said.max(1).values / said.gather(1, ids)[:, 1])


@given(LENGTHS, st.integers(1, 4), st.integers(50, 2000), st.integers(0, 9))
def test_every_epoch_has_every_sample_once(lengths: list[int], epochs: int, batch: int, seed: int) -> None:
    steps = plan_steps(lengths, epochs, batch, seed)
    assert sorted(chain.from_iterable(steps)) == sorted(list(range(len(lengths))) * epochs)
    assert all(len(step) == 1 or sum(lengths[s] for s in step) <= batch for step in steps)
    assert len(steps) >= epochs
    assert steps == plan_steps(lengths, epochs, batch, seed)


def test_however_little_of_an_epoch_is_asked_for_there_is_a_step() -> None:
    assert [len(step) for step in plan_steps([5, 5, 5], 0.01, 10, 0)] == [1]


@given(LENGTHS, st.integers(50, 500), st.integers(1, 4))
def test_a_step_is_shared_out_whole(lengths: list[int], longest: int, processes: int) -> None:
    rows = split_step(range(len(lengths)), lengths, longest, processes)
    assert sorted(chain.from_iterable(rows)) == list(range(len(lengths)))
    assert len(rows) % processes == 0
    assert len([row for row in rows if not row]) < processes
    assert all(len(row) < 2 or sum(lengths[s] for s in row) <= longest for row in rows)


@given(LENGTHS, st.integers(1, 4), st.integers(50, 2000))
def test_an_epoch_ends_where_every_sample_was_learnt_once_more(
    lengths: list[int], epochs: int, batch: int
) -> None:
    steps = plan_steps(lengths, epochs, batch, 0)
    ends = epoch_ends(steps, len(lengths))
    assert ends[-1] == len(steps)
    for number, end in enumerate(ends[:epochs], 1):
        assert len(list(chain.from_iterable(steps[:end]))) >= number * len(lengths) or end == len(steps)
