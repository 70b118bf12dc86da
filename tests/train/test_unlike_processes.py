"""Processes of unlike machines make the same rows: packed only if each of them finds that exact."""

import multiprocessing
from pathlib import Path
from typing import Any

import pytest
import torch

import bot.train.student
from bot.train.packing import Encoded


def load(rank: int, exact: bool, tiny: Path, samples: list[Encoded], told: Any) -> None:
    """Load a student in one of two processes, and tell why its rows are not packed."""
    store = f"file://{tiny.with_name('group')}"
    torch.distributed.init_process_group("gloo", init_method=store, rank=rank, world_size=2)
    if not exact:
        bot.train.student._differs = lambda *_: "this machine computes it otherwise"
    student = bot.train.student.load_student(tiny, "fp32", 49152, samples)
    told.put((rank, student.unpacked, student.model.config._attn_implementation))


@pytest.mark.parametrize(
    ("exact", "why"),
    [((True, True), ""), ((True, False), "this machine computes it otherwise")],
)
def test_all_pack_or_none(
    exact: tuple[bool, bool], why: str, tiny: Path, tmp_path: Path, samples: list[Encoded]
) -> None:
    model = tmp_path / "model"
    model.symlink_to(tiny)
    spawn = multiprocessing.get_context("spawn")
    told = spawn.Queue()
    both = [spawn.Process(target=load, args=(rank, exact[rank], model, samples, told)) for rank in (0, 1)]
    for process in both:
        process.start()
    first, second = sorted(told.get(timeout=300) for _ in both)
    for process in both:
        process.join(60)
    assert first[1:] == second[1:]
    assert first[1] == why
