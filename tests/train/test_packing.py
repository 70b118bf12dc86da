"""Packing: the same loss and gradients as one sample at a time, and no sample lost."""

from itertools import chain
from pathlib import Path

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from torch.nn.functional import cross_entropy

from bot.models import load_model
from bot.train.loop import row_loss
from bot.train.packing import Encoded, pack, plan_steps, shared_prefix, split_step
from tests.train.conftest import write_tiny

LENGTHS = st.lists(st.integers(1, 300), min_size=1, max_size=60)


@pytest.mark.parametrize("family", ["Llama", "Mistral", "Qwen2", "Granite"])
def test_packed_is_the_same_as_one_at_a_time(tmp_path: Path, samples: list[Encoded], family: str) -> None:
    folder = write_tiny(tmp_path, family)
    packed = load_model(folder, "fp32", attn_implementation="branches")
    loss = row_loss(packed, pack(samples))
    loss.backward()
    plain = load_model(folder, "fp32", attn_implementation="sdpa")
    apart = torch.zeros(())
    for sample in samples:
        logits = plain(torch.tensor([sample.ids])).logits[0, sample.learnt - 1 : -1]
        apart = apart + cross_entropy(logits, torch.tensor(sample.ids[sample.learnt :]), reduction="sum")
    apart.backward()
    assert loss.item() == pytest.approx(apart.item(), rel=1e-4)
    for (name, one), other in zip(packed.named_parameters(), plain.parameters(), strict=True):
        assert torch.allclose(one.grad, other.grad, rtol=1e-3, atol=1e-5), name


def test_what_samples_begin_with_is_in_the_row_once(samples: list[Encoded]) -> None:
    prefix = shared_prefix(samples)
    assert prefix > 20
    row = pack(samples)
    assert row.ids.shape[1] == prefix + sum(len(sample.ids) - 1 - prefix for sample in samples)
    assert len(row.targets) == sum(len(sample.ids) - sample.learnt for sample in samples)


def test_only_the_answer_is_learnt(samples: list[Encoded]) -> None:
    assert all(0 < sample.learnt < len(sample.ids) for sample in samples)
    assert pack(samples[:1]).targets.tolist() == list(samples[0].ids[samples[0].learnt :])


@given(LENGTHS, st.integers(1, 4), st.integers(50, 2000), st.integers(0, 9))
def test_every_epoch_has_every_sample_once(lengths: list[int], epochs: int, batch: int, seed: int) -> None:
    steps = plan_steps(lengths, epochs, batch, seed)
    assert sorted(chain.from_iterable(steps)) == sorted(list(range(len(lengths))) * epochs)
    assert all(len(step) == 1 or sum(lengths[s] for s in step) <= batch for step in steps)
    assert steps == plan_steps(lengths, epochs, batch, seed)


@given(LENGTHS, st.integers(50, 500), st.integers(1, 4))
def test_a_step_is_shared_out_whole(lengths: list[int], longest: int, processes: int) -> None:
    rows = split_step(range(len(lengths)), lengths, longest, processes)
    assert sorted(chain.from_iterable(rows)) == list(range(len(lengths)))
    assert len(rows) % processes == 0
