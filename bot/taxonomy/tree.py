"""The taxonomy's tree: loading leaves from disk or a commit, and comparing the leaves of two commits."""

import hashlib
import os
from collections.abc import Collection, Sequence
from dataclasses import dataclass
from functools import cache
from importlib.metadata import version
from pathlib import Path
from typing import Any

from bot.core.errors import UserError
from bot.taxonomy.documents import PUBLIC, Access, DocumentError, read_documents
from bot.taxonomy.files import DiskFiles, Files, GitError, GitFiles, NoCommit, Unreadable, git, resolve, shown
from bot.taxonomy.leaf import QA, Document, DocumentSource, ExamQuestion, Leaf, Seed
from bot.taxonomy.parse import parse_file
from bot.taxonomy.parsed import Parsed, Problem
from bot.taxonomy.schema import check_exam, check_qna, kind_of, version_of

__all__ = [
    "Changes",
    "changed_files",
    "changed_leaves",
    "leaf_paths",
    "load_tree",
    "load_tree_at",
    "resolve",
    "tree_id",
]

CONVERT_WITH = ("PyYAML", "lxml", "markdown-it-py", "pypandoc-binary", "pypdfium2", "pyspellchecker")
QNA = "qna.yaml"
EXAM = "exam.yaml"
LONGEST_PATH = 500
"""Maximum length of a leaf's path in characters; schemas/plan.json has the same limit."""
FOLDER = "taxonomy"
"""The taxonomy's folder in a repository."""


@dataclass(frozen=True)
class Changes:
    """The differences between the leaves of two commits, by path; a moved leaf is deleted and added.

    Attributes:
        same: the number of unchanged leaves.
    """

    added: frozenset[str]
    changed: frozenset[str]
    deleted: frozenset[str]
    same: int = 0


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


def load_tree(
    root: Path, *, only: Collection[str] | None = None, access: Access | None = PUBLIC
) -> list[Leaf]:
    """Load the leaves below a taxonomy's folder on disk, sorted by path.

    Args:
        only: paths of the leaves to load; None loads all leaves. Paths that do not exist are ignored.
        access: the private and trusted repositories that documents may be fetched from; None disables
            fetching.

    Raises:
        UserError: a leaf is invalid; the message has the path, line and column.
    """
    return _load(DiskFiles(root), only, access, lenient=False)


def load_tree_at(
    repo: Path,
    commit: str,
    only: Collection[str] | None = None,
    *,
    access: Access | None = PUBLIC,
    lenient: bool = False,
) -> list[Leaf]:
    """Load the leaves of a commit from Git objects, without a checkout, sorted by path.

    Args:
        commit: any revision that Git can resolve to a commit.
        only: paths of the leaves to load; None loads all leaves. Paths that do not exist are ignored.
        access: the private and trusted repositories that documents may be fetched from; None disables
            fetching.
        lenient: skip invalid leaves instead of failing.

    Raises:
        UserError: there is no such commit, or a leaf is invalid; the message has the path, line and column.
    """
    with GitFiles(repo, resolve(repo, commit), FOLDER, only or ()) as files:
        return _load(files, only, access, lenient=lenient)


def changed_leaves(repo: Path, base: str, head: str, folder: str = FOLDER) -> Changes:
    """Return the leaves that `head` adds, changes and deletes since its merge base with `base`.

    A change to any file in a leaf's folder is a change to that leaf.

    Args:
        folder: the taxonomy's folder in the repository; "" if the leaves' top folders are in its root.

    Raises:
        UserError: one of the commits does not exist.
    """
    head = resolve(repo, head)
    base = merge_base(repo, resolve(repo, base), head)
    options = ("--raw", "-z", "--no-abbrev", "--no-renames", "--no-ext-diff")
    listed = git(repo, "diff", *options, base, head, "--", folder or ".").split(b"\0")[:-1]
    below = len(folder) + 1 if folder else 0
    new = _leaf_names(repo, head, folder)
    old = set(new)
    names = []
    for facts, name in zip(listed[::2], listed[1::2], strict=True):
        path = os.fsdecode(name)[below:]
        names.append(path)
        leaf, slash, file = path.rpartition("/")
        if slash and file == QNA:
            was_file = facts.startswith(b":100")
            (old.add if was_file else old.discard)(leaf)
    touched = {leaf for name in names for leaf in _owners(name, old | new)}
    changed = touched & old & new
    return Changes(
        frozenset(new - old), frozenset(changed), frozenset(old - new), len(old & new) - len(changed)
    )


def _leaf_names(repo: Path, commit: str, folder: str) -> set[str]:
    """Return the paths of a commit's leaves. It lists names without sizes, so Git opens no file contents."""
    listed = git(repo, "ls-tree", "-r", "-z", "--full-tree", "--end-of-options", commit, folder or ".")
    below = len(folder) + 1 if folder else 0
    end = f"/{QNA}".encode()
    files = (record for record in listed.split(b"\0") if record.endswith(end) and record.startswith(b"100"))
    paths = (os.fsdecode(record.partition(b"\t")[2])[below:] for record in files)
    return {path.rpartition("/")[0] for path in paths if "/" in path}


def tree_id(repo: Path, commit: str, folder: str = FOLDER) -> str:
    """Return the Git tree hash of the taxonomy's folder in a commit; "" if there is no such folder.

    Raises:
        UserError: there is no such commit.
    """
    listed = git(repo, "ls-tree", "-z", "--full-tree", "--end-of-options", resolve(repo, commit), folder)
    facts = listed.partition(b"\t")[0].split()
    return facts[2].decode() if len(facts) == 3 and facts[1] == b"tree" else ""


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


def deleted_leaves(repo: Path, since: str, until: str, folder: str = FOLDER) -> set[str]:
    """Return the leaves that commits in `since..until` deleted, by the first-parent history.

    Args:
        since: a commit; if it is not in the repository, the whole history of `until` is searched.

    Raises:
        GitError: Git fails.
    """
    try:
        span = f"{resolve(repo, since)}..{until}"
    except NoCommit:
        span = until
    log = ("log", "--first-parent", "--diff-merges=first-parent", "--diff-filter=D", "--no-renames")
    listed = git(repo, *log, "--format=", "--name-only", "-z", "--end-of-options", span, "--", folder)
    names = (os.fsdecode(name).strip("\n") for name in listed.split(b"\0"))
    deleted = (name.removeprefix(f"{folder}/") for name in names)
    return {name.rpartition("/")[0] for name in deleted if name.endswith(f"/{QNA}")}


def changed_files(repo: Path, base: str, head: str) -> list[tuple[str, str]]:
    """Return the files that `head` changes since its merge base with `base`, as (old path, new path).

    The old path of an added file and the new path of a deleted file are ""; both differ if a file was moved.

    Raises:
        UserError: one of the commits does not exist.
    """
    head = resolve(repo, head)
    base = merge_base(repo, resolve(repo, base), head)
    listed = git(repo, "diff", "--name-status", "--find-renames", "--no-ext-diff", "-z", base, head)
    parts = iter(part.decode(errors="surrogateescape") for part in listed.split(b"\0")[:-1])
    changed = []
    for status in parts:
        path = next(parts)
        if status[0] in "RC":
            changed.append((path if status[0] == "R" else "", next(parts)))
        else:
            changed.append(("" if status == "A" else path, "" if status == "D" else path))
    return changed


def merge_base(repo: Path, base: str, head: str) -> str:
    """Return the merge base of two commits; `base` itself if they have no common history."""
    try:
        return git(repo, "merge-base", base, head).decode().split()[0]
    except GitError as error:
        if not error.is_no:
            raise
        # No common history, or a shallow clone.
        return base


def _owners(name: str, leaves: Collection[str]) -> list[str]:
    """Return the leaves that a file belongs to: all folders above it that are leaves."""
    parts = name.split("/")[:-1]
    folders = ["/".join(parts[: i + 1]) for i in range(len(parts))]
    return [folder for folder in folders if folder in leaves]


def _load(files: Files, only: Collection[str] | None, access: Access | None, *, lenient: bool) -> list[Leaf]:
    found = []
    for path in leaves_of(files):
        if only is None or path in only:
            try:
                found.append(load_leaf(files, path, access))
            except UserError as error:
                if not lenient or isinstance(error, GitError):
                    raise
    return found


def load_leaf(files: Files, path: str, access: Access | None = PUBLIC) -> Leaf:
    """Load one leaf with its documents and its exam.

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
    source = source_of(qna.data)
    documents: tuple[Document, ...] = ()
    if source is not None:
        try:
            documents = read_documents(files, path, source, access)
        except DocumentError as error:
            place = qna.place(("document", error.part))
            where = f"{files.prefix}{shown(path)}/{QNA}:{place.line}:{place.column}"
            raise UserError(f"{where}: {error}; {error.hint}", code=1) from None
    return leaf_of(path, qna.data, documents, exam)


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
        first = min(problems, key=lambda problem: (problem.place.line, problem.place.column))
        where = f"{files.prefix}{shown(path)}:{first.place.line}:{first.place.column}"
        raise UserError(f"{where}: {first.message}; {first.help}", code=1)


def leaf_of(path: str, data: Any, documents: tuple[Document, ...], exam: tuple[ExamQuestion, ...]) -> Leaf:
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


def exam_of(data: Any) -> tuple[ExamQuestion, ...]:
    """Build an exam from validated data of an exam.yaml."""
    return tuple(
        ExamQuestion(
            item["question"].strip(),
            tuple((wanted,) if isinstance(wanted, str) else tuple(wanted) for wanted in item["must_contain"]),
        )
        for item in data["questions"]
    )
