"""The documents of a knowledge leaf: files in its folder, or in another repository at a commit."""

import re
from collections.abc import Sequence
from fnmatch import fnmatchcase
from functools import cache, lru_cache
from pathlib import PurePosixPath

from bot.taxonomy.convert import CONVERTERS, converted
from bot.taxonomy.converted import Converted, Unconvertible
from bot.taxonomy.fetch import PUBLIC, Access, DocumentError, check_repository, fetch_repository
from bot.taxonomy.files import Files, GitFiles, Unreadable, shown
from bot.taxonomy.leaf import Document, DocumentSource, Leaf
from bot.text.document_doubts import Doubt, doubts
from bot.text.read_markdown import as_markdown
from bot.text.safety import forbidden

__all__ = [
    "PUBLIC",
    "Access",
    "DocumentError",
    "check_source",
    "doubts_of",
    "markdown_of",
    "match_pattern",
    "matches",
    "read_documents",
]

TEXT = (".md", ".txt")
MAX_TEXT_BYTES = 5_000_000
MAX_DOCUMENT_BYTES = 50_000_000
"""Maximum size of a document that is converted, such as a PDF; most of it may be images."""
MAX_DOCUMENTS = 200
NEVER = ("qna.yaml", "exam.yaml", "attribution.txt")
"""Files that are never documents, although a pattern may match them."""
UNLESS_NAMED = (
    "README.md",
    "README.txt",
    "LICENSE.md",
    "LICENSE.txt",
    "CONTRIBUTING.md",
    "CODE_OF_CONDUCT.md",
)
"""Files about a repository: documents only if a pattern names them without `*` and `?`."""
RENAMED = {".markdown": ".md", ".mdown": ".md", ".mkd": ".md", ".text": ".txt", ".xhtml": ".html"}
"""Suffixes of files that are read under another suffix."""


def matches(path: str, pattern: str) -> bool:
    """Return whether a path matches a glob pattern: `*` and `?` within a name, `**` for any folders."""

    @cache
    def fits(i: int, j: int) -> bool:
        if j == len(wanted):
            return i == len(names)
        if wanted[j] == "**":
            return fits(i, j + 1) or (i < len(names) and fits(i + 1, j))
        return i < len(names) and fnmatchcase(names[i], wanted[j]) and fits(i + 1, j + 1)

    names = path.split("/")
    wanted = _parts(pattern)
    return fits(0, 0)


@lru_cache(maxsize=64)
def _parts(pattern: str) -> list[str]:
    """Return the names in a pattern, with one `**` in place of several in a row."""
    return re.sub(r"(\*\*/)+", "**/", pattern).split("/")


def read_documents(
    files: Files, folder: str, source: DocumentSource, access: Access | None = PUBLIC
) -> tuple[Document, ...]:
    """Read the documents of a leaf, sorted by name.

    Args:
        files: the tree that contains the leaf, and with `source.repo` "." also the documents.
        folder: the leaf's folder.
        access: the private and trusted repositories that may be fetched; None disables fetching, so a leaf
            with a remote source gets no documents.

    Raises:
        DocumentError: a repository cannot be fetched, a pattern leads out of the folder or matches nothing,
            or a document is not usable text.
    """
    if source.repo != ".":
        if access is None:
            return ()
        repository = fetch_repository(source.repo, source.commit, access)
        with GitFiles(repository, source.commit, "") as remote:
            return _checked(_read(remote, "", source.patterns))
    return _read(files, folder, source.patterns)


def _read(files: Files, folder: str, patterns: Sequence[str]) -> tuple[Document, ...]:
    names = files.below(folder)
    chosen: set[str] = set()
    for pattern in patterns:
        chosen |= match_pattern(names, pattern)
        if len(chosen) > MAX_DOCUMENTS:
            raise DocumentError(f"the patterns match over {MAX_DOCUMENTS} files", "use narrower patterns")
    unnamed = next((name for name in sorted(chosen) if shown(name) != name), None)
    if unnamed is not None:
        raise DocumentError(f"the name {shown(unnamed)!r} is not printable UTF-8 text", "rename the document")
    prefix = f"{folder}/" if folder else ""
    return tuple(_document(files, prefix, name) for name in sorted(chosen))


def markdown_of(document: Document) -> str:
    """Return a document's text as Markdown; plain text is escaped, so that it is read as it is."""
    return as_markdown(document.text) if _suffix(document.name) == ".txt" else document.text


def doubts_of(document: Document) -> tuple[Doubt, ...]:
    """Return what is uncertain in a document's text."""
    suffix = _suffix(document.name)
    return document.doubts if suffix in CONVERTERS else tuple(doubts(document.text, markdown=suffix == ".md"))


def _suffix(name: str) -> str:
    return PurePosixPath(name).suffix.lower()


def _checked(documents: tuple[Document, ...]) -> tuple[Document, ...]:
    """Check documents of another repository for forbidden content, because lint usually does not read them.

    Raises:
        DocumentError: a document contains a secret, a chat token or an invisible character.
    """
    for document in documents:
        for what, match in forbidden(document.text):
            line = document.text.count("\n", 0, match.start()) + 1
            column = match.start() - document.text.rfind("\n", 0, match.start())
            raise DocumentError(
                f"{shown(document.name)}:{line}:{column} contains {what}",
                "use a commit without it, or leave out that document",
            )
    return documents


def match_pattern(names: Sequence[str], pattern: str) -> set[str]:
    """Return the names that match a pattern of `document.patterns`; there is at least one.

    Raises:
        DocumentError: the pattern leads out of the folder, is too long, or matches nothing.
    """
    if "\\" in pattern:
        raise DocumentError(f"the pattern {pattern[:80]!r} has a \\", "write / for \\")
    if pattern.startswith(("/", "~")) or ".." in pattern.split("/"):
        raise DocumentError(
            f"the pattern {pattern[:80]!r} leads out of the folder",
            "use a path relative to the folder, without .. or a leading /",
        )
    if len(pattern) > 200 or pattern.count("*") > 10:
        raise DocumentError(f"the pattern {pattern[:80]!r} is too long", "use fewer * or the file's name")
    matched = {name for name in names if matches(name, pattern)}
    unnamed = NEVER if not re.search(r"[*?\[]", pattern) else (*NEVER, *UNLESS_NAMED)
    found = {name for name in matched if name.rpartition("/")[2] not in unnamed}
    if not found:
        raise _no_match(pattern, matched)
    return found


def _no_match(pattern: str, matched: set[str]) -> DocumentError:
    """Return the error for a pattern that matches no document.

    Args:
        matched: the files that it matches, which are no documents.
    """
    if matched:
        other = min(matched)
        hint = (
            "add the document"
            if PurePosixPath(other).name in NEVER
            else f"name {shown(other)} if it is meant"
        )
        return DocumentError(
            f"the pattern {pattern!r} matches only {shown(other)!r}, which is no document", hint
        )
    if "." in pattern.split("/"):
        plain = "/".join(part for part in pattern.split("/") if part != ".")
        return DocumentError(f"no file matches the pattern {pattern!r}", f"leave ./ out: write {plain}")
    return DocumentError(
        f"no file matches the pattern {pattern!r}", "check the name, and that the file exists"
    )


def _document(files: Files, prefix: str, name: str) -> Document:
    suffix = _suffix(name)
    if suffix not in (*TEXT, *CONVERTERS):
        kinds = ", ".join((*TEXT, *CONVERTERS))
        hint = f"rename it to {RENAMED[suffix]}" if suffix in RENAMED else "convert the document to Markdown"
        raise DocumentError(f"{shown(name)!r} is not a {kinds} file", hint)
    try:
        content = files.read(f"{prefix}{name}", MAX_TEXT_BYTES if suffix in TEXT else MAX_DOCUMENT_BYTES)
    except Unreadable as error:
        raise DocumentError(f"{shown(name)!r} {error}", "replace it with a text file") from None
    result = _result(name, suffix, content)
    if "\0" in result.text or not result.text.strip():
        raise DocumentError(
            f"{shown(name)!r} contains no text",
            "write the document's text into it" if suffix in TEXT else "if it is a scan, run OCR on it first",
        )
    if len(result.text.encode()) > MAX_TEXT_BYTES:
        raise DocumentError(
            f"{shown(name)!r} contains over {MAX_TEXT_BYTES // 1_000_000} MB of text", "split it"
        )
    return Document(name, result.text.replace("\r\n", "\n"), result.doubts)


def _result(name: str, suffix: str, content: bytes) -> Converted:
    """Decode a text file, or convert a file of another format.

    Raises:
        DocumentError: the file is not UTF-8 text, or cannot be converted.
    """
    if content.startswith(b"version https://git-lfs."):
        raise DocumentError(f"{shown(name)!r} is a Git LFS pointer", "commit the document itself")
    try:
        return Converted(content.decode("utf-8-sig")) if suffix in TEXT else converted(suffix, content)
    except UnicodeDecodeError:
        raise DocumentError(f"{shown(name)!r} is not UTF-8 text", "save it as UTF-8") from None
    except Unconvertible as error:
        hint = "convert the document to Markdown"
        raise DocumentError(f"{shown(name)!r} {error}", error.hint or hint) from None


def check_source(source: DocumentSource, access: Access = PUBLIC) -> None:
    """Check that a leaf's documents may be fetched; needs no network.

    Raises:
        DocumentError: the URL is not a plain https URL, or the commit is not a full SHA.
    """
    if source.repo != ".":
        check_repository(source.repo, source.commit, access)


def has_private_documents(leaf: Leaf, access: Access) -> bool:
    """Return whether the documents of a leaf are in a private repository, so not to be published."""
    if leaf.source is None:
        return False
    return access.is_private(leaf.source.repo) or access.is_trusted(leaf.source.repo)
