"""PDF documents become what a reader of them sees: paragraphs and words, not lines and glyphs."""

from pathlib import Path

import pytest

from bot.taxonomy.convert import convert, converted
from bot.taxonomy.converted import Unconvertible
from bot.text.document_doubts import Doubt
from bot.text.hyphens import HYPHEN, join_hyphens
from tests import ROOT
from tests.helpers.documents import page, pdf, pdf_of_pages

DATA = ROOT / "tests/data/documents"


@pytest.fixture(autouse=True)
def _cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("ARBORIST_CACHE", str(tmp_path / "cache"))


def text_of(file: str) -> str:
    return convert(".pdf", (DATA / file).read_bytes())


def lines(*shown: str) -> str:
    return convert(".pdf", pdf(page(shown))).strip()


def doubts(content: bytes) -> tuple[Doubt, ...]:
    return converted(".pdf", content).doubts


def test_a_hyphen_that_belongs_to_a_word_stays_and_another_goes() -> None:
    text = text_of("hyphens.pdf")
    for word in ("n-tridecanal", "long-lasting", "well-known", "e-mail", "cooperation", "international"):
        assert word in text


@pytest.mark.parametrize(
    ("text", "joined"),
    [
        ("placebo|controlled trials. A placebo-controlled trial", "placebo-controlled trials."),
        ("section 3|a of 1990|1995", "section 3-a of 1990-1995"),
        ("the Anglo|Saxon and the light|houses", "the Anglo-Saxon and the lighthouses"),
        ("a tessa|rite. The tessarite", "a tessarite."),
        ("the Schiff|fahrtsamt", "the Schifffahrtsamt"),
        ("X|ray and T|shirt", "X-ray and T-shirt"),
    ],
)
def test_hyphens_at_line_ends(text: str, joined: str) -> None:
    assert join_hyphens(text.replace("|", HYPHEN)).startswith(joined)


def test_bullets_are_list_items() -> None:
    text = "The keeper needs:\n\n- a lamp\n- a rope\n\n1. Open the gate.\n2. Ring the bell.\n"
    assert text_of("bullets.pdf") == text


@pytest.mark.parametrize("mark", ["\u25cf", "\u25aa", "-", "\uf0b7"])
def test_bullets_of_other_kinds(mark: str) -> None:
    assert lines("Needed:", f"{mark} a lamp", f"{mark} a rope") == "Needed:\n\n- a lamp\n- a rope"


def test_a_year_at_the_start_of_a_line_is_no_list() -> None:
    assert (
        lines("The toll ended in", "1890. The gate is open.") == "The toll ended in 1890. The gate is open."
    )


def test_ligatures_are_letters() -> None:
    assert text_of("ligatures.pdf") == "The office verifies the float and the effect of the field.\n"


@pytest.mark.parametrize(
    ("shown", "read"), [("\ufb03x", "ffix"), ("\ufb06", "st"), ("so\u00adft", "soft"), ("a\u200bb", "ab")]
)
def test_glyphs_that_stand_for_letters(shown: str, read: str) -> None:
    assert lines(f"{shown}.") == f"{read}."


def test_hebrew_is_in_the_order_in_which_it_is_read() -> None:
    text = (
        "\u05d4\u05d2\u05e9\u05e8 \u05e9\u05dc \u05d0\u05d5\u05e8\u05d5"
        " \u05e0\u05d1\u05e0\u05d4 \u05d1\u05e9\u05e0\u05ea 1204"
    )
    assert text_of("hebrew.pdf") == f"{text}\n"


@pytest.mark.parametrize(
    ("file", "part"),
    [
        ("japanese.pdf", "\u767e\u4e8c\u5341\u30e1\u30fc\u30c8\u30eb"),
        ("chinese.pdf", "\u4e00\u767e\u4e8c\u5341\u7c73"),
    ],
)
def test_lines_of_chinese_and_japanese_are_joined_without_a_space(file: str, part: str) -> None:
    assert part in text_of(file)


@pytest.mark.parametrize(
    ("first", "second", "joined"),
    [
        (
            "\u6a4b\u306e\u9577\u3055\u306f\u3001",
            "\u767e\u30e1\u30fc\u30c8\u30eb",
            "\u6a4b\u306e\u9577\u3055\u306f\u3001\u767e\u30e1\u30fc\u30c8\u30eb",
        ),
        (
            "\u0e2a\u0e30\u0e1e\u0e32\u0e19",
            "\u0e22\u0e32\u0e27",
            "\u0e2a\u0e30\u0e1e\u0e32\u0e19\u0e22\u0e32\u0e27",
        ),
        ("\ub2e4\ub9ac\ub294", "\uae38\ub2e4", "\ub2e4\ub9ac\ub294 \uae38\ub2e4"),
        (
            "\u0434\u043b\u0438\u043d\u0430",
            "\u043c\u043e\u0441\u0442\u0430",
            "\u0434\u043b\u0438\u043d\u0430 \u043c\u043e\u0441\u0442\u0430",
        ),
    ],
    ids=["japanese", "thai", "korean", "russian"],
)
def test_lines_are_joined_as_their_script_is_written(first: str, second: str, joined: str) -> None:
    assert lines(first, second) == joined


def test_running_heads_are_left_out_and_a_sentence_over_two_pages_is_whole() -> None:
    assert text_of("running_heads.pdf") == (
        "The ferry sails at eight. It is met by the keeper, who counts the guests and then opens the gate."
        " At nine the gate is shut, and the keeper goes to the tower. The lamp is lit at dusk.\n"
    )


BODIES = ("The ferry sails at", "eight. It is met by", "the keeper, who counts", "the guests and goes.")


@pytest.mark.parametrize(
    "foot",
    [
        lambda n: f"{n + 17}",
        lambda n: f"Page {n + 1} of {len(BODIES)}",
        lambda n: "The islands" if n % 2 else "A handbook",
        lambda n: f"Oru 2026 - {n + 3}",
    ],
    ids=["page-number", "of-all", "left-and-right", "a-year"],
)
def test_feet_of_several_kinds(foot: object) -> None:
    pages = [page([body]) + page([foot(n)], top=40) for n, body in enumerate(BODIES)]  # type: ignore[operator]
    assert convert(".pdf", pdf_of_pages(pages)) == " ".join(BODIES) + "\n"


def test_the_first_line_of_a_page_is_text() -> None:
    pages = [page([f"Ferry {name} sails at {hour}."]) for name, hour in (("A", 8), ("B", 11), ("C", 9))]
    text = convert(".pdf", pdf_of_pages(pages))
    assert text == "Ferry A sails at 8.\n\nFerry B sails at 11.\n\nFerry C sails at 9.\n"


def test_paragraphs_are_told_by_their_distance() -> None:
    content = page(["The ferry sails", "at eight."]) + page(["The gate is", "shut at nine."], top=660)
    assert convert(".pdf", pdf(content)) == "The ferry sails at eight.\n\nThe gate is shut at nine.\n"


def test_a_scanned_page_among_others_is_uncertain() -> None:
    scan = b"q 500 0 0 700 0 0 cm /Scan Do Q"
    (doubt,) = doubts(pdf_of_pages([page(["Text."]), scan]))
    assert doubt == Doubt("has an image and no text on page 2", "if it is a scan, run OCR on it")


@pytest.mark.parametrize("text", ["a \ue001 b", "a \ufffd b", "a (cid:127) b"])
def test_an_unknown_glyph_is_uncertain(text: str) -> None:
    assert any("unknown character" in doubt.message for doubt in doubts(pdf(page([text]))))


def test_an_equation_is_uncertain() -> None:
    (doubt,) = doubts(pdf(page(["x \u2211 y \u2208 z \u2264 1"])))
    assert doubt.message.startswith("has an equation on page 1")


def test_hebrew_in_reverse_is_uncertain() -> None:
    words = "\u05e9\u05dc\u05d5\u05dd \u05d0\u05e8\u05e5 \u05d2\u05df"[::-1]
    (doubt,) = doubts(pdf(page([" ".join(word for word in words.split())[::-1]])))
    assert "in reverse" in doubt.message


def test_a_document_that_is_certain_has_no_doubts() -> None:
    for file in ("hyphens.pdf", "bullets.pdf", "hebrew.pdf", "japanese.pdf", "running_heads.pdf"):
        assert doubts((DATA / file).read_bytes()) == ()


def test_a_locked_file_says_so() -> None:
    with pytest.raises(Unconvertible, match="is locked with a password") as caught:
        text_of("locked.pdf")
    assert caught.value.hint == "save a copy without the password"
