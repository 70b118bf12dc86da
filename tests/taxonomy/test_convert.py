"""Documents of several formats become text; what is hostile in them costs neither memory nor time."""

import time
import zlib
from pathlib import Path

import pytest

from bot.taxonomy.convert import convert
from bot.taxonomy.converted import Unconvertible
from bot.taxonomy.documents import DocumentError, read_documents
from bot.taxonomy.files import DiskFiles
from bot.taxonomy.leaf import DocumentSource
from tests.helpers.documents import docx, page, paragraph, pdf

LINES = ["Velmora is an island in the North Sea. It is", "home to 312 people who keep light-", "houses."]


@pytest.fixture(autouse=True)
def _cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("ARBORIST_CACHE", str(tmp_path / "cache"))


def test_html_keeps_its_headings_and_loses_its_page() -> None:
    page = b"""<html><head><title>x</title><script>steal()</script></head><body><nav>Home | About</nav>
    <h1>Velmora</h1><p>An <b>island</b> in the North Sea.</p><ul><li>sheep</li></ul>
    <img src="https://beacon.example/x.png"><footer>(c) 2026</footer></body></html>"""
    assert convert(".html", page) == "# Velmora\n\nAn island in the North Sea.\n\n- sheep\n"


def test_pdf_lines_are_joined_to_paragraphs() -> None:
    text = convert(".pdf", pdf(zlib.compress(page(LINES)), packed=True))
    assert text == "Velmora is an island in the North Sea. It is home to 312 people who keep lighthouses.\n"


def test_docx_keeps_headings_and_paragraphs() -> None:
    body = paragraph("Velmora", "Heading1") + paragraph("An island.") + paragraph("It has 312 people.")
    assert convert(".docx", docx(body)) == "# Velmora\n\nAn island.\n\nIt has 312 people.\n"


def test_several_formats_in_one_leaf(tmp_path: Path) -> None:
    folder = tmp_path / "tree/knowledge/x"
    folder.mkdir(parents=True)
    (folder / "a.md").write_text("One.")
    (folder / "b.HTML").write_text("<p>Two.</p>")
    (folder / "c.pdf").write_bytes(pdf(page(["Three."])))
    (folder / "d.docx").write_bytes(docx(paragraph("Four.")))
    source = DocumentSource(".", "HEAD", ("*.*",))
    read = read_documents(DiskFiles(tmp_path / "tree"), "knowledge/x", source)
    assert [document.text.strip() for document in read] == ["One.", "Two.", "Three.", "Four."]


def test_a_pdf_without_text_says_what_it_needs(tmp_path: Path) -> None:
    (tmp_path / "x").mkdir()
    (tmp_path / "x/scan.pdf").write_bytes(pdf(b"0 0 595 842 re f"))
    with pytest.raises(DocumentError, match=r"'scan\.pdf' contains no text") as caught:
        read_documents(DiskFiles(tmp_path), "x", DocumentSource(".", "HEAD", ("*",)))
    assert caught.value.hint == "if it is a scan, run OCR on it first"


def test_a_document_is_converted_once(monkeypatch: pytest.MonkeyPatch) -> None:
    first = convert(".pdf", pdf(page(LINES)))
    monkeypatch.setattr("bot.taxonomy.convert.subprocess", None)
    assert convert(".pdf", pdf(page(LINES))) == first


@pytest.mark.parametrize(
    ("suffix", "content", "why"),
    [
        (".pdf", b"MZ\x90\0", "not a valid PDF file"),
        (".docx", b"%PDF-1.4", "not a valid DOCX file"),
        (".docx", pdf(page(LINES)), "not a valid DOCX file"),
        (".html", b"<div>" * 100_000, "nested too deeply"),
        (".docx", docx(paragraph("x" * 300_000_000)), "unpacks to 300 MB"),
    ],
    ids=["executable", "pdf-as-docx", "pdf-as-docx-2", "deep-html", "zip-bomb"],
)
def test_what_is_broken_or_hostile_is_one_line(suffix: str, content: bytes, why: str) -> None:
    started = time.monotonic()
    with pytest.raises(Unconvertible, match=why):
        convert(suffix, content)
    assert time.monotonic() - started < 60


def test_a_pdf_bomb_takes_no_memory_here() -> None:
    packer = zlib.compressobj()
    block = b"(a) Tj " * 1_000_000
    bomb = b"".join(packer.compress(block) for _ in range(700)) + packer.flush()
    assert len(bomb) < 20_000_000
    with pytest.raises(Unconvertible, match=r"too much memory or time|not a valid PDF"):
        convert(".pdf", pdf(bomb, packed=True))


@pytest.mark.parametrize("mark", ["<", "<td rowspan=9>", "<p>Oru has <b>300</b> people.</p>\n"])
def test_html_takes_the_time_of_its_size(mark: str) -> None:
    started = time.monotonic()
    convert(".html", (mark * (1_000_000 // len(mark)) + "Text.").encode())
    assert time.monotonic() - started < 120


def test_the_parser_sees_no_token(monkeypatch: pytest.MonkeyPatch) -> None:
    seen = {}
    monkeypatch.setenv("GITHUB_TOKEN", "secret")
    run = __import__("subprocess").run
    monkeypatch.setattr(
        "bot.taxonomy.convert.subprocess.run", lambda *a, **k: (seen.update(k["env"]), run(*a, **k))[1]
    )
    convert(".html", b"<p>Text.</p>")
    assert "secret" not in seen.values()
