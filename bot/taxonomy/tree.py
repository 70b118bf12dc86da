"""The taxonomy's tree: loading its leaves from disk or a commit."""

import hashlib
from collections.abc import Collection, Sequence
from dataclasses import dataclass
from functools import cache
from importlib.metadata import version
from pathlib import Path
from typing import Any

from bot.core.errors import UserError
from bot.core.store import Store, StoreError
from bot.taxonomy.attribution import read_attribution
from bot.taxonomy.documents import PUBLIC, Access, DocumentError, read_documents
from bot.taxonomy.exam_file import exam_of
from bot.taxonomy.files import DiskFiles, Files, GitError, Unreadable, resolve, shown
from bot.taxonomy.kept_documents import keep_documents, kept_documents
from bot.taxonomy.layout import DEFAULT, Layout
from bot.taxonomy.leaf import QA, Document, DocumentSource, ExamQuestion, Leaf, Seed, Work
from bot.taxonomy.parse import parse_file
from bot.taxonomy.parsed import Parsed, Problem, first_of
from bot.taxonomy.schema import check_exam, check_qna, kind_of, version_of
from bot.taxonomy.set_apart import with_exam

CONVERT_WITH = ("PyYAML", "lxml", "markdown-it-py", "pypandoc-binary", "pypdfium2", "pyspellchecker")
QNA = "qna.yaml"
EXAM = "exam.yaml"
LONGEST_PATH = 500
"""Maximum length of a leaf's path in characters; schemas/plan.json has the same limit."""
MOST_NAMED = 20
"""How many broken leaves one message names."""


def leaves_of(files: Files) -> list[str]:
    """Return the paths of all leaves, which are the folders with a file qna.yaml, sorted."""
    return sorted(
        path.rpartition("/")[0]
        for path, entry in files.entries.items()
        if path.endswith(f"/{QNA}") and entry.kind == "file"
    )


def leaf_paths(root: Path) -> list[str]:
    """Return the paths of all leaves below a taxonomy's folder on disk."""
    return leaves_of(DiskFiles(root))


@dataclass(frozen=True)
class BrokenLeaf:
    """A leaf that cannot be read.

    Attributes:
        reason: its first problem, with path, line and column, and how to fix it.
    """

    path: str
    reason: str


@dataclass(frozen=True)
class Tree:
    """The leaves of a taxonomy, sorted by path; a leaf that cannot be read does not stop the others."""

    leaves: list[Leaf]
    broken: tuple[BrokenLeaf, ...] = ()

    def all(self) -> list[Leaf]:
        """Return the leaves.

        Raises:
            UserError: a leaf is broken; the message names every broken leaf.
        """
        if self.broken:
            raise UserError(reasons(self.broken), code=1)
        return self.leaves

    def usable(self) -> list[Leaf]:
        """Return the leaves that can be read.

        Raises:
            UserError: all leaves are broken.
        """
        if self.broken and not self.leaves:
            raise UserError(f"no leaf can be read:\n{reasons(self.broken)}", code=1)
        return self.leaves


def reasons(broken: Sequence[BrokenLeaf]) -> str:
    """Return the reasons why leaves are broken, one a line."""
    more = len(broken) - MOST_NAMED
    lines = [leaf.reason for leaf in broken[:MOST_NAMED]]
    return "\n".join([*lines, f"and {more} more leaves"] if more > 0 else lines)


def load_tree(
    root: Path, *, only: Collection[str] | None = None, access: Access | None = PUBLIC
) -> list[Leaf]:
    """Load the leaves below a taxonomy's folder on disk, sorted by path.

    Args:
        only: see `read_tree`.
        access: see `read_tree`.

    Raises:
        UserError: a leaf is invalid; the message has the path, line and column of each.
    """
    return read_tree(DiskFiles(root), only, access).all()


def read_checkout(repository: Path, layout: Layout, access: Access | None) -> list[Leaf]:
    """Read the leaves of a checkout; print the reasons of those that cannot be read, and leave them out.

    Raises:
        UserError: all leaves are broken, or there is no such folder.
    """
    from bot.core.progress import say

    tree = read_tree(layout.on_disk(repository), None, access)
    leaves = tree.usable()
    for leaf in tree.broken:
        say(f"left out: {leaf.reason}")
    return leaves


def read_tree_at(
    repo: Path,
    commit: str,
    only: Collection[str] | None = None,
    *,
    layout: Layout = DEFAULT,
    access: Access | None = PUBLIC,
    store: Store | None = None,
) -> Tree:
    """Read the leaves of a commit from Git objects, without a checkout.

    Args:
        commit: any revision that Git can resolve to a commit.
        only: see `read_tree`.
        access: see `read_tree`.
        store: see `read_tree`.

    Raises:
        UserError: there is no such commit.
    """
    with layout.in_commit(repo, resolve(repo, commit), only or ()) as files:
        return read_tree(files, only, access, store)


def read_tree(
    files: Files,
    only: Collection[str] | None = None,
    access: Access | None = PUBLIC,
    store: Store | None = None,
) -> Tree:
    """Read the leaves of a taxonomy.

    Args:
        only: paths of the leaves to read; None reads all leaves. Paths that do not exist are ignored.
        access: the private and trusted repositories that documents may be fetched from; None disables
            fetching.
        store: has copies of documents, for repositories that cannot be read, and gets those of the others.

    Raises:
        GitError: Git fails.
        StoreError: the store cannot be reached.
    """
    found, broken = [], []
    for path in leaves_of(files):
        if only is None or path in only:
            try:
                found.append(load_leaf(files, path, access, store))
            except (GitError, StoreError):
                raise
            except UserError as error:
                broken.append(BrokenLeaf(path, str(error)))
    if store is not None and access is not None:
        keep_documents(found, access, store)
    return Tree(found, tuple(broken))


@cache
def reading_code() -> str:
    """Return a hash of the code and packages that read leaves and convert documents."""
    digest = hashlib.sha256()
    here = Path(__file__).parent
    for file in sorted([*here.glob("*.py"), *here.with_name("text").glob("*.py")]):
        digest.update(file.read_bytes())
    for package in CONVERT_WITH:
        digest.update(f"{package} {version(package)}\n".encode())
    return digest.hexdigest()


def load_leaf(files: Files, path: str, access: Access | None = PUBLIC, store: Store | None = None) -> Leaf:
    """Load one leaf with its documents, its exam and its attribution.

    Without exam.yaml, some seed examples are set apart as the exam.

    Args:
        access: see `read_tree`.
        store: see `read_tree`.

    Raises:
        UserError: the leaf is invalid; the message is its first problem, with path, line and column.
    """
    mistake = path_mistake(path)
    if mistake:
        raise UserError(f"{files.prefix}{shown(path)[:LONGEST_PATH]}: {mistake}; rename the folder", code=1)
    qna = read_yaml(files, f"{path}/{QNA}")
    kind = kind_of(path, qna.data)
    _raise_first(files, f"{path}/{QNA}", qna, check_qna(qna, kind) if qna.root else ())
    exam: tuple[ExamQuestion, ...] = ()
    if f"{path}/{EXAM}" in files.entries:
        parsed = read_yaml(files, f"{path}/{EXAM}")
        _raise_first(files, f"{path}/{EXAM}", parsed, check_exam(parsed) if parsed.root else ())
        exam = exam_of(parsed.data)
    documents = _documents(files, path, qna, access, store)
    return with_exam(leaf_of(path, qna.data, documents, exam, read_attribution(files, path)))


def _documents(
    files: Files, path: str, qna: Parsed, access: Access | None, store: Store | None
) -> tuple[Document, ...]:
    """Return the documents of a leaf, from the store if they cannot be read.

    Raises:
        UserError: the documents cannot be read; the message has the path, line and column.
    """
    source = source_of(qna.data)
    if source is None:
        return ()
    try:
        return read_documents(files, path, source, access)
    except DocumentError as error:
        documents = kept_documents(source, access, store) if access and store else ()
        if documents:
            return documents
        place = qna.place(("document", error.part))
        where = f"{files.prefix}{shown(path)}/{QNA}:{place.line}:{place.column}"
        raise UserError(f"{where}: {error}; {error.hint}", code=1) from None


def path_mistake(path: str) -> str:
    """Return why a path cannot be used in plans, comments and manifests; "" if it can."""
    if len(path) > LONGEST_PATH:
        return f"the path has over {LONGEST_PATH} characters"
    return "" if shown(path) == path else "the path is not printable UTF-8 text"


def read_yaml(files: Files, path: str) -> Parsed:
    """Parse a YAML file of the tree.

    Raises:
        UserError: the file cannot be read.
    """
    try:
        return parse_file(files, path)
    except Unreadable as error:
        raise UserError(
            f"{files.prefix}{shown(path)}: it {error}; replace it with a regular file", code=1
        ) from None


def _raise_first(files: Files, path: str, parsed: Parsed, more: Sequence[Problem]) -> None:
    problems = [*parsed.problems, *more]
    if problems:
        raise UserError(first_of(f"{files.prefix}{shown(path)}", problems), code=1)


def leaf_of(
    path: str,
    data: Any,
    documents: tuple[Document, ...],
    exam: tuple[ExamQuestion, ...],
    attribution: tuple[Work, ...],
) -> Leaf:
    """Build a leaf from validated data of its qna.yaml."""
    kind = kind_of(path, data)
    seeds = tuple(_seed(seed) for seed in data["seed_examples"])
    return Leaf(
        path=path,
        kind=kind,
        version=version_of(data),
        created_by=data["created_by"],
        description=data["document_outline"] if kind == "knowledge" else data["task_description"],
        seeds=seeds,
        domain=data.get("domain", ""),
        grounded=kind != "knowledge" and any(seed.context is not None for seed in seeds),
        source=source_of(data),
        documents=documents,
        exam=exam,
        attribution=attribution,
    )


def _seed(data: Any) -> Seed:
    pairs = data.get("questions_and_answers", [data])
    return Seed(
        _trimmed(data.get("context")), tuple(QA(p["question"].strip(), p["answer"].strip()) for p in pairs)
    )


def _trimmed(text: str | None) -> str | None:
    return None if text is None else text.strip()


def source_of(data: Any) -> DocumentSource | None:
    """Return the source of a leaf's documents from validated data; None if it has no documents."""
    document = data.get("document")
    if document is None:
        return None
    return DocumentSource(document["repo"], document["commit"], tuple(document["patterns"]))
