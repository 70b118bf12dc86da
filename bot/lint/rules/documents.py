"""Rules for the documents of knowledge leaves: their source, their size, and contexts copied from them."""

import re
from collections.abc import Sequence
from dataclasses import replace
from functools import cached_property

from bot.lint.document_address import wrong_address
from bot.lint.findings import Severity
from bot.lint.leaf_view import QNA, LeafView
from bot.lint.rule import Example, Problems, leaf_rule
from bot.taxonomy.documents import DocumentError, check_source, doubts_of, markdown_of, match_pattern
from bot.taxonomy.leaf import Document, DocumentSource
from bot.taxonomy.parsed import Parsed, Place, Problem
from bot.text.compare_as_read import as_read
from bot.text.read_markdown import read, written
from bot.text.safety import secrets

CHANCE = 12
"""A context and a document that share fewer characters than this may do so by chance."""


@leaf_rule(
    "document-source",
    Severity.ERROR,
    "`repo` must be `.` or the https URL of a public repository, with a full commit SHA as `commit`.",
    "A branch changes, so the training data could not be traced; other URLs could lead to internal hosts.",
    Example(QNA, "repo: git@github.com:org/name.git", "repo: ."),
)
def document_source(leaf: LeafView) -> Problems:
    if leaf.qna is None or leaf.source is None:
        return
    source = leaf.source
    if any(secrets(source.repo)):  # the rule `secret` reports it; check the rest of the address
        source = replace(source, repo=re.sub(r"//[^/@]{1,300}@", "//", source.repo))
    try:
        check_source(source, leaf.settings.documents)
    except DocumentError as error:
        place = leaf.qna.place(("document", error.part))
        yield QNA, Problem("document-source", place, str(error), error.hint)
    yield from _wrong_address(leaf, source)


def _wrong_address(leaf: LeafView, source: DocumentSource) -> Problems:
    """Yield the problem of a `repo` that is a web page, a file or a folder by the shape of its address."""
    if leaf.qna is None or leaf.settings.documents.is_trusted(source.repo):
        return
    wrong = wrong_address(source.repo)
    if wrong:
        yield QNA, Problem("document-source", leaf.qna.place(("document", "repo")), *wrong)


@leaf_rule(
    "document-pattern",
    Severity.ERROR,
    "Every pattern must match at least one document in the leaf's folder.",
    "A document that is not found cannot be taught, and paths outside the leaf's folder are never read.",
    Example(QNA, "- ../../oru.md", "- oru.md"),
)
def document_pattern(leaf: LeafView) -> Problems:
    if leaf.qna is None or leaf.source is None or leaf.source.repo != ".":
        return
    names = leaf.files.below(leaf.path)
    wrong = False
    for index, pattern in enumerate(leaf.data["document"]["patterns"]):
        if isinstance(pattern, str):
            try:
                match_pattern(names, pattern)
            except DocumentError as error:
                wrong = True
                place = leaf.qna.place(("document", "patterns", index))
                yield QNA, Problem("document-pattern", place, str(error), error.hint)
    if not wrong and isinstance(leaf.documents, DocumentError):
        place = leaf.qna.place(("document", "patterns", 0))
        yield QNA, Problem("document-pattern", place, str(leaf.documents), leaf.documents.hint)


@leaf_rule(
    "document-unreachable",
    Severity.ERROR,
    "With --online: the repository must be reachable and contain the commit and the documents.",
    "A document that cannot be fetched now will probably not be available for training either.",
    Example(
        QNA,
        "repo: https://192.0.2.1/org/name.git\n  commit: 9f2d6c1b7a3e4f508d2c6b1a7e3f4d509c8b2a61",
        "repo: .\n  commit: HEAD",
    ),
)
def document_unreachable(leaf: LeafView) -> Problems:
    if leaf.qna is None or leaf.source is None or leaf.source.repo == "." or any(document_source(leaf)):
        return
    if isinstance(leaf.documents, DocumentError):
        place = leaf.qna.place(("document", leaf.documents.part))
        yield QNA, Problem("document-unreachable", place, str(leaf.documents), leaf.documents.hint)


@leaf_rule(
    "document-size",
    Severity.ERROR,
    "A document must not be larger than `lint.document_kb` in arborist.yaml (default: 1,000 kB).",
    "The whole document is split into passages and taught; for a book, add only the chapters that matter.",
    Example("", "knowledge/new/qna.yaml, knowledge/new/oru.md (2 MB)", "knowledge/new/qna.yaml"),
)
def document_size(leaf: LeafView) -> Problems:
    most = leaf.settings.document_kb
    for document in leaf.documents if isinstance(leaf.documents, tuple) else ():
        size = len(document.text.encode()) / 1_000
        if leaf.qna and size > most:
            place = leaf.qna.place(("document", "patterns"))
            message = f"{document.name!r} has {size:,.0f} kB; the maximum is {most:,} kB"
            yield QNA, Problem("document-size", place, message, "keep only the part to be taught")


@leaf_rule(
    "context-not-in-document",
    Severity.ERROR,
    "A context must be copied from the document word for word, as a person reads the document.",
    "Questions and answers are checked against the context, so the context must come from the document.",
    Example(QNA, "context: Oru is an isle in the Grey Sea.", "context: Oru is an island in the Grey Sea."),
)
def context_not_in_document(leaf: LeafView) -> Problems:
    if leaf.qna is None or not isinstance(leaf.documents, tuple) or not leaf.documents:
        return
    texts = _Texts(leaf.documents, 1_000 * leaf.settings.document_kb)
    for index, seed in leaf.seeds():
        context = seed.get("context")
        if isinstance(context, str) and context.strip() and not texts.have(context):
            words, documents = as_read(context), texts.read
            same = _same(words, documents)
            place = _place(leaf.qna, ("seed_examples", index, "context"), words[:same].count(" "))
            message = "this context is not in the document"
            help_ = f"{_hint(words, same)}; `arborist document {leaf.path}` prints the document's text"
            yield QNA, Problem("context-not-in-document", place, message, help_)


class _Texts:
    """The documents of a leaf, to search contexts in them.

    Args:
        most: documents with more characters are searched as they are written only.
    """

    def __init__(self, documents: Sequence[Document], most: int) -> None:
        self.documents, self.most = documents, most
        self.plain = [_plain(document.text) for document in documents]

    def have(self, context: str) -> bool:
        """Return whether a context is in a document: as it is written there, or as a person reads it."""
        if any(_plain(context) in text for text in self.plain):
            return True
        as_seen = written(read(context)) if len(context) < self.most else context
        ways = {as_read(context), as_read(as_seen)} - {""}
        return any(way in text for way in ways for text in self.read)

    @cached_property
    def read(self) -> list[str]:
        """The documents' texts as a person reads them."""
        return [
            as_read(_reading(document) if len(document.text) <= self.most else document.text)
            for document in self.documents
        ]


def _reading(document: Document) -> str:
    return "\n\n".join(block.text for block in read(markdown_of(document)))


@leaf_rule(
    "document-uncertain",
    Severity.WARNING,
    "A document's text should be certain: no scanned pages, equations, merged cells or unknown characters.",
    "What is not read from a document is not taught, and what is read wrongly is taught wrongly.",
    Example("oru.md", "Oru is an island in the \ufffdGrey Sea.", "Oru is an island in the Grey Sea."),
)
def document_uncertain(leaf: LeafView) -> Problems:
    for document in leaf.documents if isinstance(leaf.documents, tuple) else ():
        for doubt in doubts_of(document):
            message = f"{document.name!r} {doubt.message}"
            if leaf.remote and leaf.qna:
                place = leaf.qna.place(("document", "patterns"))
                yield QNA, Problem("document-uncertain", place, f"{message} (line {doubt.line})", doubt.hint)
            else:
                place = Place(doubt.line, 1, doubt.line, 1)
                yield document.name, Problem("document-uncertain", place, message, doubt.hint)


def _plain(text: str) -> str:
    """Return text with each run of white space as one space, so wrapping and indentation do not matter."""
    return re.sub(r"\s+", " ", text).strip()


def _same(context: str, documents: list[str]) -> int:
    """Return the length of the longest prefix of a context in a document; 0 if shorter than CHANCE."""
    low, high = 0, len(context)
    while low < high:
        middle = (low + high + 1) // 2
        low, high = (middle, high) if any(context[:middle] in d for d in documents) else (low, middle - 1)
    return low if low >= CHANCE else 0


def _place(qna: Parsed, path: tuple[str | int, ...], number: int) -> Place:
    """Return the place of the word with this index in a text, or of the whole text.

    The whole text is returned for the first word, and if the word cannot be located.
    """
    whole = qna.place(path)
    values = qna.node(path).value.split()
    if number >= len(values):
        return whole
    wanted = values[number]
    lines = qna.text.split("\n")[whole.line - 1 : whole.end_line]
    words = [(row, word) for row, line in enumerate(lines) for word in re.finditer(r"\S+", line)]
    # Skip what precedes the text on its line, and the header of a block scalar such as `|-`.
    words = [(row, word) for row, word in words if row or word.end() >= whole.column]
    if lines[0][whole.column - 1 : whole.column] in ("|", ">"):
        words = [(row, word) for row, word in words if row]
    if not 0 < number < len(words) or wanted not in words[number][1].group():
        return whole
    row, word = words[number]
    line = whole.line + row
    return Place(line, word.start() + 1, line, word.end() + 1)


def _hint(context: str, same: int) -> str:
    """Return how to fix a context whose first `same` characters are in a document."""
    if not same:
        return "copy a passage from the document word for word"
    before, after = context[:same].split(" "), context[same:]
    # Show the last word as part of the difference: perhaps only its first letters match.
    last = " ".join(before[-6:-1]) or before[-1]
    other = " ".join((before[-1] + after).split(" ")[:4])
    return f"copy the passage word for word; it differs after {last[-60:]!r}, at {other[:60]!r}"
