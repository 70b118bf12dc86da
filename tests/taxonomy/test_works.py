"""The works that attribution.txt names, as they are recorded with a leaf."""

from typing import Any

import pytest

from bot.taxonomy.attribution import LONGEST_VALUE, works_in
from bot.taxonomy.leaf import Work
from bot.taxonomy.tree import load_tree

ISLAND = "knowledge/geography/islands/velmora"
ORU = "Title of work: Oru\nLink to work: oru.md\nLicense of the work: CC-BY-4.0\nCreator names: K\n"
WORK = Work("Oru", "oru.md", "CC-BY-4.0", "K")


@pytest.mark.parametrize(
    ("text", "works"),
    [
        (ORU, (WORK,)),
        ("- **Title:** *Oru*\n- Link: `oru.md`\n- Licence: CC-BY-4.0\n- Author: K\n", (WORK,)),
        (f"{ORU}Title of work: Sarn\n", (WORK, Work("Sarn"))),
        (f"{ORU}Title of work: Sarn\nLicense of all works: MIT\n", (WORK, Work("Sarn", licence="MIT"))),
        (f"{ORU}License of the images: MIT\n", (Work("Oru", "oru.md", "CC-BY-4.0 AND MIT", "K"),)),
        ("Link: [Oru](https://oru.example/a)\n", (Work(link="https://oru.example/a"),)),
        ("Title of work:\nLink to work:\n", ()),
        ("Written by its authors.\n", ()),
        ("", ()),
    ],
)
def test_works_are_read_with_their_licences(text: str, works: tuple[Work, ...]) -> None:
    assert works_in(text) == works


def test_a_long_value_is_cut_off() -> None:
    assert len(works_in(f"Title: {'x' * 10_000}")[0].title) == LONGEST_VALUE


def test_a_leaf_has_its_works(repository: Any) -> None:
    [leaf] = load_tree(repository.root, only=[ISLAND])
    [work] = leaf.attribution
    assert (work.title, work.licence) == ("The island of Velmora", "CC-BY-4.0")


@pytest.mark.parametrize("broken", ["missing", "a symbolic link", "not UTF-8"])
def test_no_attribution_makes_a_leaf_unreadable(repository: Any, broken: str) -> None:
    file = repository.root / ISLAND / "attribution.txt"
    file.unlink()
    if broken == "a symbolic link":
        file.symlink_to("qna.yaml")
    elif broken == "not UTF-8":
        file.write_bytes(b"\xff\xfeTitle: \xff\n")
    [leaf] = load_tree(repository.root, only=[ISLAND])
    assert {work.licence for work in leaf.attribution} <= {""}
