"""`/arborist explain LEAF`: what the newest release says of a leaf, and the store where it can be read."""

from dataclasses import asdict
from typing import Any

from bot.generate.leaf_samples import Funnel
from bot.github.render import render

LEAF: dict[str, Any] = {
    "path": "knowledge/a",
    "key": "1" * 64,
    "samples": 7,
    "exam": {"status": "held-out", "before": {"right": 0, "asked": 5}, "after": {"right": 4, "asked": 5}},
}


def explained(funnel: Funnel | None) -> str:
    kept = asdict(funnel) if funnel else None
    names = ["knowledge/a"]
    return render(
        "explain",
        path="knowledge/a",
        leaf=LEAF,
        names=names,
        tag="v2024.11.01.2",
        url="https://hub/x",
        funnel=kept,
    )


def test_it_tells_the_exam_and_what_the_filters_dropped() -> None:
    text = explained(Funnel(9, 6, {"duplicate": 3}, {"duplicate": ["who?"]}))
    assert "of 5 held-out questions, 4 are answered right, 0 before." in text
    assert "The teacher model wrote 9 candidates. Dropped: 3 by duplicate." in text


def test_a_figure_that_is_not_held_out_is_not_shown_as_one() -> None:
    row = {**LEAF, "exam": {**LEAF["exam"], "status": "none"}}
    text = render(
        "explain", path=row["path"], leaf=row, names=[], tag="v2024.11.01.2", url="https://hub/x", funnel=None
    )
    assert "of 5 of its own examples, 4 are answered right" in text
    assert "was asked these, on which the model is trained" in text
    assert "held-out" not in text


def test_without_the_store_it_tells_what_the_manifest_says() -> None:
    text = explained(None)
    assert "trained on 7 samples" in text
    assert "candidates" not in text
