"""The documents of a knowledge leaf: files in its folder, or in another repository at a commit."""

import re
from collections.abc import Sequence
from fnmatch import fnmatchcase
from functools import cache
from pathlib import PurePosixPath

from bot.taxonomy.convert import CONVERTERS, Unconvertible, convert
from bot.taxonomy.fetch import PUBLIC, Access, DocumentError, check_repository, fetch_repository
from bot.taxonomy.files import Files, GitFiles, Unreadable, shown
from bot.taxonomy.leaf import Document, DocumentSource
from bot.text.safety import forbidden

__all__ = ["PUBLIC", "Access", "DocumentError", "check_source", "match_pattern", "matches", "read_documents"]

TEXT = (".md", ".txt")
MAX_TEXT_BYTES = 5_000_000
MAX_DOCUMENT_BYTES = 50_000_000
"""Maximum size of a document that is converted, such as a PDF; most of it may be images."""
MAX_DOCUMENTS = 200


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
    wanted = re.sub(r"(\*\*/)+", "**/", pattern).split("/")
    return fits(0, 0)


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
    return tuple(Document(name, _text(files, prefix, name)) for name in sorted(chosen))


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
    if pattern.startswith(("/", "~")) or ".." in pattern.split("/") or "\\" in pattern:
        raise DocumentError(
            f"the pattern {pattern[:80]!r} leads out of the folder",
            "use a path relative to the folder, without .. or a leading /",
        )
    if len(pattern) > 200 or pattern.count("*") > 10:
        raise DocumentError(f"the pattern {pattern[:80]!r} is too long", "use fewer * or the file's name")
    found = {name for name in names if matches(name, pattern)}
    if not found:
        raise DocumentError(
            f"no file matches the pattern {pattern!r}", "check the name, and that the file exists"
        )
    return found


def _text(files: Files, prefix: str, name: str) -> str:
    suffix = PurePosixPath(name).suffix.lower()
    if suffix not in (*TEXT, *CONVERTERS):
        kinds = ", ".join((*TEXT, *CONVERTERS))
        raise DocumentError(f"{shown(name)!r} is not a {kinds} file", "convert the document to Markdown")
    try:
        content = files.read(f"{prefix}{name}", MAX_TEXT_BYTES if suffix in TEXT else MAX_DOCUMENT_BYTES)
    except Unreadable as error:
        raise DocumentError(f"{shown(name)!r} {error}", "replace it with a text file") from None
    if content.startswith(b"version https://git-lfs."):
        raise DocumentError(f"{shown(name)!r} is a Git LFS pointer", "commit the document itself")
    try:
        text = content.decode("utf-8-sig") if suffix in TEXT else convert(suffix, content)
    except UnicodeDecodeError:
        raise DocumentError(f"{shown(name)!r} is not UTF-8 text", "save it as UTF-8") from None
    except Unconvertible as error:
        raise DocumentError(f"{shown(name)!r} {error}", "convert the document to Markdown") from None
    if "\0" in text or not text.strip():
        raise DocumentError(
            f"{shown(name)!r} contains no text",
            "write the document's text into it" if suffix in TEXT else "if it is a scan, run OCR on it first",
        )
    if len(text.encode()) > MAX_TEXT_BYTES:
        raise DocumentError(
            f"{shown(name)!r} contains over {MAX_TEXT_BYTES // 1_000_000} MB of text", "split it"
        )
    return text.replace("\r\n", "\n")


def check_source(source: DocumentSource, access: Access = PUBLIC) -> None:
    """Check that a leaf's documents may be fetched; needs no network.

    Raises:
        DocumentError: the URL is not a plain https URL, or the commit is not a full SHA.
    """
    if source.repo != ".":
        check_repository(source.repo, source.commit, access)
