"""HTML and DOCX documents become what a reader of them sees."""

from pathlib import Path

import pytest

from bot.taxonomy.convert import convert, converted
from tests import ROOT
from tests.helpers.documents import cell, docx, paragraph, row

DATA = ROOT / "tests/data/documents"
NOTE = "http://schemas.openxmlformats.org/officeDocument/2006/relationships"


def text_of(file: str) -> str:
    path = DATA / file
    return convert(path.suffix, path.read_bytes())


def html(source: str) -> str:
    return convert(".html", source.encode()).strip()


def word(body: str) -> str:
    return convert(".docx", docx(body)).strip()


@pytest.fixture(autouse=True)
def _cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("ARBORIST_CACHE", str(tmp_path / "cache"))


@pytest.mark.parametrize("file", ["merged.html", "merged.docx"])
def test_the_cells_below_a_merged_cell_stay_in_their_columns(file: str) -> None:
    assert "| Oru | 1950 | 120 |" in text_of(file)


@pytest.mark.parametrize(
    ("rows", "last"),
    [
        ("<tr><th>A<th>B<th>C<tr><td rowspan=3>1<td>2<td>3<tr><td>4<td>5<tr><td>6<td>7", "| 1 | 6 | 7 |"),
        ("<tr><th>A<th>B<th>C<tr><td>1<td rowspan=2 colspan=2>2<tr><td>3", "| 3 | 2 | 2 |"),
        ("<tr><th>A<th>B<th>C<tr><td>1<td>2<td rowspan=2>3<tr><td>4<td>5", "| 4 | 5 | 3 |"),
    ],
    ids=["three-rows", "rows-and-columns", "the-last-column"],
)
def test_a_merged_cell_stands_in_each_of_its_places(rows: str, last: str) -> None:
    assert html(f"<table>{rows}</table>").split("\n")[-1] == last


def test_a_docx_table_with_vertically_merged_cells() -> None:
    start, more = '<w:vMerge w:val="restart"/>', "<w:vMerge/>"
    body = (
        row(cell("Isle"), cell("Year")) + row(cell("Oru", start), cell("1")) + row(cell("", more), cell("2"))
    )
    grid = '<w:tblGrid><w:gridCol w:w="9"/><w:gridCol w:w="9"/></w:tblGrid>'
    assert word(f"<w:tbl>{grid}{body}</w:tbl>").endswith("| Oru | 1 |\n| Oru | 2 |")


@pytest.mark.parametrize("file", ["merged.html", "merged.docx"])
def test_a_table_with_merged_cells_is_uncertain(file: str) -> None:
    (doubt,) = converted(Path(file).suffix, (DATA / file).read_bytes()).doubts
    assert doubt.message == "has a table with merged cells; 'Oru' is repeated in each of them"
    assert doubt.hint == "write a value into each cell"


def test_a_span_without_end_costs_nothing() -> None:
    source = "<table><tr><th>A<th>B<tr><td rowspan=99999 colspan=99999>x</table>"
    assert html(source) == "| A | B |\n|---|---|\n| x | x |"


def test_the_text_within_a_form_is_text() -> None:
    assert text_of("form.html") == "# The ferry of Oru\n\nThe ferry sails at eight.\n"


@pytest.mark.parametrize(
    "around",
    [
        "<form><fieldset>{}</fieldset></form>",
        "<details><summary>S</summary>{}</details>",
        "<center>{}</center>",
    ],
)
def test_the_text_in_unusual_containers_is_text(around: str) -> None:
    assert "The ferry sails at eight." in html(around.format("<p>The ferry sails at eight.</p>"))


def test_what_stands_beside_main_is_text_where_main_is_small() -> None:
    long = "The keeper counts the guests, and then he opens the gate."
    assert long in html(f"<p>{long}</p><main><p>Oru.</p></main>")


def test_a_footnote_becomes_a_paragraph_and_leaves_no_mark() -> None:
    text = "The bridge took a toll from every cart.\n\nThe toll was two coins until 1890.\n"
    assert text_of("footnote.docx") == text


def test_a_wikipedia_page_keeps_its_sentences_only() -> None:
    text = text_of("wiki.html")
    assert "The Oru bridge was built in 1204 by Aldan." in text
    assert not any(junk in text for junk in ("[1]", "edit", "cite_note", "/wiki", "Main page", "CC BY"))


@pytest.mark.parametrize(
    ("source", "seen"),
    [
        ('built<sup>[2]</sup> of <a href="/s">stone</a>', "built of stone"),
        ("It is 12 m<sup>2</sup> of H<sub>2</sub>O.", "It is 12 m\u00b2 of H2O."),
        ("The guests.<sup>3</sup> They left.", "The guests. They left."),
        ("<ruby>\u6a4b<rp>(</rp><rt>hashi</rt><rp>)</rp></ruby>", "\u6a4b"),
        ("It has <del>200</del> 300 people.", "It has 300 people."),
    ],
)
def test_marks_in_a_sentence(source: str, seen: str) -> None:
    assert html(f"<p>{source}</p>") == seen


@pytest.mark.parametrize(
    ("file", "text"),
    [
        ("registered.docx", "The Oru\u2122 card is here. The card opens the gate."),
        ("accents.docx", "Cooperation is here."),
    ],
)
def test_a_docx_is_utf_8_without_guessing(file: str, text: str) -> None:
    assert text_of(file).startswith(text)


@pytest.mark.parametrize(
    "text", ["Caf\u00e9", "Sm\u00f8rrebr\u00f8d", "\u00d6ru \u2013 \u201ea\u201c", "\u6a4b"]
)
def test_short_texts_in_docx(text: str) -> None:
    assert word(paragraph(text)) == text


@pytest.mark.parametrize(
    ("declared", "encoding"),
    [
        ('<meta charset="iso-8859-1">', "latin-1"),
        ("", "utf-8"),
        ("", "cp1252"),
        ('<meta charset="Shift_JIS">', "cp932"),
    ],
)
def test_an_html_page_is_read_in_its_encoding(declared: str, encoding: str) -> None:
    text = "\u6a4b" if encoding == "cp932" else "Caf\u00e9 \u00d6ru"
    assert convert(".html", f"{declared}<p>{text}</p>".encode(encoding)).strip() == text


def test_the_numbers_of_a_list_go_on_after_a_table() -> None:
    text = text_of("list.docx")
    assert "3. Close the sluice.\n4. Go home." in text
    assert "| alpha | 1 |" in text


@pytest.mark.parametrize(
    ("source", "text"),
    [
        ("<ol start=5><li>a<li>b</ol>", "5. a\n6. b"),
        ("<ol><li>a<ul><li>x</ul><li>b</ol>", "1. a\n\n   - x\n2. b"),
        ("<p>1890. The toll ended.</p>", "1890\\. The toll ended."),
    ],
    ids=["start", "nested", "no-list"],
)
def test_the_numbers_of_lists(source: str, text: str) -> None:
    assert html(source) == text


@pytest.mark.parametrize(
    ("suffix", "content"),
    [
        (".docx", docx("<w:p><m:oMath><m:r><m:t>x=1</m:t></m:r></m:oMath></w:p>")),
        (
            ".html",
            b"<p><math xmlns='http://www.w3.org/1998/Math/MathML'><mi>x</mi><mo>=</mo><mn>1</mn></math></p>",
        ),
    ],
)
def test_an_equation_is_uncertain_and_kept(suffix: str, content: bytes) -> None:
    result = converted(suffix, content)
    assert "x" in result.text
    assert [doubt.message.partition(",")[0] for doubt in result.doubts] == ["has an equation"]


@pytest.mark.parametrize("text", ["3*4*5", "a_b_c", "<b>", "[1]: x", "# 5", "&amp;lt;"])
def test_text_that_looks_like_markdown_is_read_as_it_is(text: str) -> None:
    from bot.text.read_markdown import read

    escaped = text.replace("&", "&amp;").replace("<", "&lt;")
    (block,) = read(html(f"<p>{escaped}</p>"))
    assert (block.kind, block.text) == ("paragraph", text)
