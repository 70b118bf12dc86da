"""Markdown is read as a person sees it."""

import pytest

from bot.text.analysis import paragraphs
from bot.text.document_doubts import doubts
from bot.text.read_markdown import as_markdown, read, written
from tests import ROOT

DATA = ROOT / "tests/data/documents"


def test_links_footnotes_and_marks_become_their_text() -> None:
    assert paragraphs((DATA / "links.md").read_text()) == [
        "Oru is an island in the Grey Sea. It lies near Tamm and Velm. It is 12m long.",
        "The toll ended in 1890.",
    ]


@pytest.mark.parametrize(
    ("markdown", "seen"),
    [
        ("[the *Grey* Sea](a_(b_(c)) 'x')", "the Grey Sea"),
        ("[Grey Sea][1]\n\n[1]: https://sea.example", "Grey Sea"),
        ("<https://sea.example> [[Oru|the isle]]", "https://sea.example the isle"),
        ('[Grey Sea](Grey Sea (ocean) "wikilink")', "Grey Sea"),
        ("__Oru__ has ~~200~~ `300` people<sup>[2]</sup>.", "Oru has 300 people."),
        ("20 km<sup>2</sup> of H<sub>2</sub>O", "20 km\u00b2 of H2O"),
        (
            "![map](map.png) The map <!-- draft --> shows &amp; tells \\*all\\*.",
            "The map shows & tells *all*.",
        ),
        ("The o\ufb03ce is so\u00adft.", "The office is soft."),
        ("\u767e\u4e8c\n\u5341\u7c73", "\u767e\u4e8c\u5341\u7c73"),
        ("> It was\n> so.", "It was so."),
    ],
)
def test_what_is_seen_of_a_paragraph(markdown: str, seen: str) -> None:
    assert paragraphs(markdown) == [seen]


@pytest.mark.parametrize(
    "front",
    [
        '---\ntitle: "Oru handbook"\ndate: 2024-01-02\ndescription: A handbook. It is old.\n---\n',
        "---\n# a comment\ntags:\n  - isle\n---\n",
        '+++\ntitle = "Oru"\n+++\n',
        "\ufeff---\r\ntitle: Oru\r\n---\r\n",
    ],
    ids=["yaml", "comment", "toml", "windows"],
)
def test_front_matter_is_no_text(front: str) -> None:
    found = read(f"{front}\n# Oru\n\nThe ferry sails at eight.\n")
    assert [block.text for block in found] == ["Oru", "The ferry sails at eight."]


def test_text_between_two_rules_is_no_front_matter() -> None:
    assert paragraphs("---\n\nThe ferry sails.\n\n---\n\nIt is met.") == ["The ferry sails.", "It is met."]


@pytest.mark.parametrize(
    ("markdown", "headings"),
    [
        ("```bash\n# update\n```\n\nText.", []),
        ("~~~\n# update\n~~~\n\n# Oru", ["Oru"]),
        ("    # indented\n\n## Oru ##", ["Oru"]),
        ("Oru\n===\n\nThe isle\n---\n", ["Oru", "The isle"]),
        ("- item\n\n  ```\n  # update\n  ```\n", []),
        ("# [Oru](x) is `here`", ["Oru is here"]),
    ],
)
def test_headings_are_those_that_a_reader_sees(markdown: str, headings: list[str]) -> None:
    assert [block.text for block in read(markdown) if block.kind == "heading"] == headings


def test_a_list_keeps_its_numbers() -> None:
    assert written(read("3. Close\n4. Go\n\nThe end.")) == "3. Close\n4. Go\n\nThe end."


def test_items_that_are_sentences_are_one_paragraph() -> None:
    assert paragraphs("- It is old.\n- It is red.\n\n- a rope\n- a lamp") == [
        "It is old. It is red.",
        "a rope",
        "a lamp",
    ]


@pytest.mark.parametrize(
    "text", ["3*4*5 = 60", "[1]: x", "a_b _c_", "<b> & &amp;", "    indented", "`x` ~~y~~", "[a](b)"]
)
def test_plain_text_is_read_as_it_is(text: str) -> None:
    assert paragraphs(as_markdown(text)) == [text.strip()]


@pytest.mark.parametrize(
    ("text", "message", "line"),
    [
        ("a\n\nIt is (cid:12) old", "has '(cid:12)' in place of an unknown character", 3),
        ("It is \ufffd old", "has '\ufffd' in place of an unknown character", 1),
        ("a\nThe caf\u00c3\u00a9", "has '\u00c3\u00a9', which looks like UTF-8 text", 2),
        ("It is $E = mc^2$ here", "has an equation, '$E = mc^2$'", 1),
        ("$$\nx\n$$", "has an equation", 1),
        ("<table><tr><td rowspan=2>a</td></tr></table>", "has a table with merged cells", 1),
    ],
)
def test_what_is_uncertain_in_a_text_is_told_with_its_line(text: str, message: str, line: int) -> None:
    found = doubts(text)[0]
    assert found.message.startswith(message)
    assert (found.line, bool(found.hint)) == (line, True)


@pytest.mark.parametrize(
    "text", ["It costs $5 and $6.", "\u00c3o Paulo", "\u05e9\u05dc\u05d5\u05dd \u05d0\u05e8\u05e5"]
)
def test_plain_text_is_certain(text: str) -> None:
    assert doubts(text) == []
