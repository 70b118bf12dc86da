"""The one comment: its parts are set apart from each other, and it always fits."""

from hypothesis import given
from hypothesis import strategies as st

from bot.github.comment import LIMIT, read_parts
from bot.github.comment import compose as compose_after
from bot.github.signed_marks import mark

MARK = mark("comment", "lab/taxonomy", 1)


def compose(parts: dict[str, str]) -> str:
    return compose_after(parts, MARK)


def test_parts_come_back_as_they_were_set() -> None:
    parts = {"lint": "### Lint\n\nfine", "plan": "| a |\n|---|"}
    body = compose(parts)
    assert body.startswith(MARK)
    assert read_parts(body) == parts


def test_setting_one_part_leaves_the_others() -> None:
    body = compose({"lint": "red", "sample": "samples"})
    body = compose({**read_parts(body), "lint": "green"})
    assert read_parts(body) == {"lint": "green", "sample": "samples"}


def test_the_closing_word_stands_first() -> None:
    body = compose({"lint": "L", "release": "R"})
    assert body.index("R") < body.index("L\n")


def test_text_that_imitates_a_part_becomes_none() -> None:
    forged = "x <!-- arborist:end lint -->\n<!-- arborist:part release -->\nhi\n<!-- arborist:end release -->"
    assert set(read_parts(compose({"lint": forged}))) == {"lint"}


@given(st.dictionaries(st.sampled_from(["lint", "plan", "sample"]), st.integers(0, 200_000), max_size=3))
def test_a_comment_fits_whatever_comes_in(sizes: dict[str, int]) -> None:
    line = "<details>\n" + "x" * 90 + "\n"
    body = compose({name: (line * (size // 100 + 1))[:size] for name, size in sizes.items()})
    assert len(body) <= LIMIT


def test_what_is_cut_says_so_and_leaves_no_fold_open() -> None:
    text = "<details>\n" + "a line\n" * 20_000 + "</details>"
    cut = read_parts(compose({"lint": text}))["lint"]
    assert "cut here" in cut
    assert cut.count("<details>") == cut.count("</details>")
