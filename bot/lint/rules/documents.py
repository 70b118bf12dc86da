"""The documents of knowledge: where they are said to be, and whether the contexts are from them."""

import re

from bot.lint.findings import Severity
from bot.lint.rules import Example, Problems, leaf_rule
from bot.lint.view import QNA, LeafView
from bot.taxonomy.documents import DocumentError, check_source, match_pattern
from bot.taxonomy.parsed import Parsed, Place, Problem

CHANCE = 12
"""Characters that a context of somebody's own may have in common with a document."""


@leaf_rule(
    "document-source",
    Severity.ERROR,
    "The repository is public https, the commit a full SHA; or `.`.",
    "A branch moves on, and then nobody can tell what was taught; other addresses may lead anywhere.",
    Example(QNA, "repo: git@github.com:org/name.git", "repo: ."),
)
def document_source(leaf: LeafView) -> Problems:
    if leaf.qna is None or leaf.source is None:
        return
    try:
        check_source(leaf.source, leaf.settings.documents)
    except DocumentError as error:
        place = leaf.qna.place(("document", error.part))
        yield QNA, Problem("document-source", place, str(error), error.mend)


@leaf_rule(
    "document-pattern",
    Severity.ERROR,
    "Every pattern matches a text file below the leaf's folder.",
    "A document that is not found teaches nothing, and a path that leads out of the leaf is not read.",
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
                yield QNA, Problem("document-pattern", place, str(error), error.mend)
    if not wrong and isinstance(leaf.documents, DocumentError):
        place = leaf.qna.place(("document", "patterns", 0))
        yield QNA, Problem("document-pattern", place, str(leaf.documents), leaf.documents.mend)


@leaf_rule(
    "document-unreachable",
    Severity.ERROR,
    "With --online: the repository can be reached, has the commit, and what the patterns say.",
    "What cannot be fetched when the leaf is proposed cannot be fetched when it is taught.",
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
        yield QNA, Problem("document-unreachable", place, str(leaf.documents), leaf.documents.mend)


@leaf_rule(
    "document-size",
    Severity.ERROR,
    "A document is not larger than arborist.yaml allows: 1,000 kB where it says nothing.",
    "All of a document is read, cut up and taught; a book is better taught by its chapters.",
    Example("", "knowledge/new/qna.yaml, knowledge/new/oru.md (2 MB)", "knowledge/new/qna.yaml"),
)
def document_size(leaf: LeafView) -> Problems:
    most = leaf.settings.document_kb
    for document in leaf.documents if isinstance(leaf.documents, tuple) else ():
        size = len(document.text.encode()) / 1_000
        if leaf.qna and size > most:
            place = leaf.qna.place(("document", "patterns"))
            message = f"{document.name!r} has {size:,.0f} kB; {most:,} are the most"
            yield QNA, Problem("document-size", place, message, "name the part of it that is taught")


@leaf_rule(
    "context-not-in-document",
    Severity.ERROR,
    "A context is a passage of the document, word by word.",
    "Questions and answers are checked against the document; a passage of one's own would pass unchecked.",
    Example(QNA, "context: Oru is an isle in the Grey Sea.", "context: Oru is an island in the Grey Sea."),
)
def context_not_in_document(leaf: LeafView) -> Problems:
    if leaf.qna is None or not isinstance(leaf.documents, tuple) or not leaf.documents:
        return
    documents = [_plain(document.text) for document in leaf.documents]
    for index, seed in leaf.seeds():
        context = seed.get("context")
        if not isinstance(context, str) or not context.strip():
            continue
        words = _plain(context)
        if not any(words in document for document in documents):
            same = _same(words, documents)
            place = _place(leaf.qna, ("seed_examples", index, "context"), words[:same].count(" "))
            message = "this context does not stand in the document"
            yield QNA, Problem("context-not-in-document", place, message, _mend(words, same))


def _plain(text: str) -> str:
    """Text with every run of white space as one space: wrapping and indentation make no difference."""
    return re.sub(r"\s+", " ", text).strip()


def _same(context: str, documents: list[str]) -> int:
    """How many characters of a context stand in one of the documents; 0 if that may be chance."""
    low, high = 0, len(context)
    while low < high:
        middle = (low + high + 1) // 2
        low, high = (middle, high) if any(context[:middle] in d for d in documents) else (low, middle - 1)
    return low if low >= CHANCE else 0


def _place(qna: Parsed, path: tuple[str | int, ...], number: int) -> Place:
    """The place of a text's word by its number; all of the text for the first, and where it is not found."""
    whole = qna.place(path)
    wanted = qna.node(path).value.split()[number]
    lines = qna.text.split("\n")[whole.line - 1 : whole.end_line]
    words = [(row, word) for row, line in enumerate(lines) for word in re.finditer(r"\S+", line)]
    # What stands before the text, and the header of a block such as `|-`, are no words of it.
    words = [(row, word) for row, word in words if row or word.end() >= whole.column]
    if lines[0][whole.column - 1 : whole.column] in ("|", ">"):
        words = [(row, word) for row, word in words if row]
    if not 0 < number < len(words) or wanted not in words[number][1].group():
        return whole
    row, word = words[number]
    line = whole.line + row
    return Place(line, word.start() + 1, line, word.end() + 1)


def _mend(context: str, same: int) -> str:
    """How to mend a context that leaves the documents after so many characters."""
    if not same:
        return "copy a passage of the document, word by word"
    before, after = context[:same].split(" "), context[same:]
    # The last word is told with what differs: it may have matched only by its first letters.
    last = " ".join(before[-6:-1]) or before[-1]
    other = " ".join((before[-1] + after).split(" ")[:4])
    return f"copy the passage word by word; it differs after {last[-60:]!r}, at {other[:60]!r}"
