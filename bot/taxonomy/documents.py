"""The documents of a knowledge leaf: beside it in the tree, or in another repository at a commit."""

import re
from collections.abc import Sequence
from fnmatch import fnmatchcase
from functools import cache
from pathlib import PurePosixPath

from bot.safety import forbidden
from bot.taxonomy.convert import CONVERTERS, Unconvertible, convert
from bot.taxonomy.fetch import PUBLIC, Access, DocumentError, check_repository, fetch_repository
from bot.taxonomy.files import Files, GitFiles, Unreadable, shown
from bot.taxonomy.leaf import Document, DocumentSource

__all__ = ["PUBLIC", "Access", "DocumentError", "check_source", "match_pattern", "matches", "read_documents"]

TEXT = (".md", ".txt")
MAX_TEXT_BYTES = 5_000_000
MAX_DOCUMENT_BYTES = 50_000_000
"""Of a document that is converted; pictures are most of it."""
MAX_DOCUMENTS = 200


def matches(path: str, pattern: str) -> bool:
    """Whether a path fits a pattern: `*` and `?` within a name, `**` for any folders."""

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
    """The documents of a leaf, sorted by name.

    Args:
        files: where the leaf is from; with repo "." the documents are from there too.
        folder: the leaf's folder.
        access: which repositories are open beside public ones; with None, nothing is fetched.

    Raises:
        DocumentError: a pattern escapes its folder or matches nothing, a document holds no text.
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
            raise DocumentError(f"the patterns match over {MAX_DOCUMENTS} files", "name fewer files")
    unnamed = next((name for name in sorted(chosen) if shown(name) != name), None)
    if unnamed is not None:
        raise DocumentError(f"the name {shown(unnamed)!r} is not printable UTF-8 text", "rename the document")
    prefix = f"{folder}/" if folder else ""
    return tuple(Document(name, _text(files, prefix, name)) for name in sorted(chosen))


def _checked(documents: tuple[Document, ...]) -> tuple[Document, ...]:
    """Documents of another repository: lint does not see these, so its rules are asked here.

    Raises:
        DocumentError: a document holds what no text may hold.
    """
    for document in documents:
        for what, match in forbidden(document.text):
            line = document.text.count("\n", 0, match.start()) + 1
            column = match.start() - document.text.rfind("\n", 0, match.start())
            raise DocumentError(
                f"{shown(document.name)}:{line}:{column} holds {what}",
                "name a commit without it, or leave that document out",
            )
    return documents


def match_pattern(names: Sequence[str], pattern: str) -> set[str]:
    """The names that a pattern of `document.patterns` stands for; there is at least one.

    Raises:
        DocumentError: the pattern leads out of the folder, is too long, or matches nothing.
    """
    if pattern.startswith(("/", "~")) or ".." in pattern.split("/") or "\\" in pattern:
        raise DocumentError(
            f"the pattern {pattern[:80]!r} leads out of the folder", "name files by their path below it"
        )
    if len(pattern) > 200 or pattern.count("*") > 10:
        raise DocumentError(f"the pattern {pattern[:80]!r} is too long", "name the files plainly")
    found = {name for name in names if matches(name, pattern)}
    if not found:
        raise DocumentError(
            f"no file matches the pattern {pattern!r}", "check the name, and that the file is there"
        )
    return found


def _text(files: Files, prefix: str, name: str) -> str:
    suffix = PurePosixPath(name).suffix.lower()
    if suffix not in (*TEXT, *CONVERTERS):
        kinds = ", ".join((*TEXT, *CONVERTERS))
        raise DocumentError(f"{shown(name)!r} is no {kinds} file", "convert the document to Markdown")
    try:
        content = files.read(f"{prefix}{name}", MAX_TEXT_BYTES if suffix in TEXT else MAX_DOCUMENT_BYTES)
    except Unreadable as error:
        raise DocumentError(f"{shown(name)!r} {error}", "put a text file in its place") from None
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
            f"{shown(name)!r} holds no text",
            "put the document's text into it" if suffix in TEXT else "a scan needs its text recognised first",
        )
    if len(text.encode()) > MAX_TEXT_BYTES:
        raise DocumentError(
            f"{shown(name)!r} holds over {MAX_TEXT_BYTES // 1_000_000} MB of text", "cut it up"
        )
    return text.replace("\r\n", "\n")


def check_source(source: DocumentSource, access: Access = PUBLIC) -> None:
    """Whether a leaf's documents may be asked for at all; needs no network.

    Raises:
        DocumentError: the URL is not plain https, or the commit is not a full SHA.
    """
    if source.repo != ".":
        check_repository(source.repo, source.commit, access)
