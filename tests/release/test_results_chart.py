"""The picture of the results: a PNG that is the same for the same results, whatever the leaves are called."""

import io
from typing import Any

import pytest
from matplotlib import image

from bot.release.results_chart import MOST_ROWS, results_chart
from tests.helpers.hostile_texts import HOSTILE
from tests.helpers.manifests import leaf_row, manifest


def size(made: dict[str, Any]) -> tuple[int, int]:
    height, width = image.imread(io.BytesIO(results_chart(made))).shape[:2]
    return width, height


def test_it_is_a_png_and_the_same_again() -> None:
    made = manifest(leaf_row("knowledge/a"), leaf_row("knowledge/b", status="none"))
    assert results_chart(made).startswith(b"\x89PNG")
    assert results_chart(made) == results_chart(made)


def test_each_status_has_a_panel_so_the_picture_grows() -> None:
    one = manifest(leaf_row("knowledge/a"), leaf_row("knowledge/b"))
    two = manifest(leaf_row("knowledge/a"), leaf_row("knowledge/b", status="none"))
    assert size(two)[1] > size(one)[1]


def test_a_large_taxonomy_has_a_picture_of_the_same_size() -> None:
    few, many = (
        manifest(*(leaf_row(f"knowledge/leaf_{number}") for number in range(count)))
        for count in (MOST_ROWS + 1, 10 * MOST_ROWS)
    )
    assert size(few) == size(many)


@pytest.mark.parametrize("hostile", [*HOSTILE, "京都 😀", "x" * 500])
def test_any_name_can_be_drawn(hostile: str) -> None:
    assert results_chart(manifest(leaf_row(hostile))).startswith(b"\x89PNG")
