"""The tree: which files may be where. Told of the whole tree, whatever part of it is linted."""

import re

from bot.lint.findings import Severity
from bot.lint.rules import Example, Problems, tree_rule
from bot.lint.view import ATTRIBUTION, EXAM, QNA, START
from bot.taxonomy.files import Files
from bot.taxonomy.leaf import SNAKE_CASE
from bot.taxonomy.parsed import Problem
from bot.taxonomy.tree import LONGEST_PATH, leaves_of, path_mistake

MAX_LEAF_BYTES = 20_000_000
_ANYWHERE = {"README.md", ".gitkeep", ".gitignore", "LICENSE", "CODEOWNERS"}
_MEANT = {
    "qna.yaml": QNA, "qna.yml": QNA, "exam.yaml": EXAM, "exam.yml": EXAM, "attribution.txt": ATTRIBUTION,
    "attribution.md": ATTRIBUTION, "attributions.txt": ATTRIBUTION, "attribution": ATTRIBUTION,
}  # fmt: skip


@tree_rule(
    "leaf-inside-leaf",
    Severity.ERROR,
    "No folder above a leaf is a leaf itself.",
    "A change of the inner leaf would be a change of the outer one too.",
    Example("", "knowledge/new/qna.yaml, knowledge/new/inner/qna.yaml", "knowledge/new/qna.yaml"),
)
def leaf_inside_leaf(files: Files) -> Problems:
    leaves = set(leaves_of(files))
    for leaf in sorted(leaves):
        parts = leaf.split("/")
        for depth in range(1, len(parts)):
            above = "/".join(parts[:depth])
            if above in leaves:
                message = f"this leaf lies inside of the leaf {above!r}"
                yield f"{leaf}/{QNA}", Problem("leaf-inside-leaf", START, message, "move it beside that one")


@tree_rule(
    "file-name",
    Severity.ERROR,
    "Files are called qna.yaml, exam.yaml and attribution.txt, exactly so.",
    "Under another name a file would be passed over without a word.",
    Example("", "knowledge/new/qna.yml", "knowledge/new/qna.yaml"),
)
def file_name(files: Files) -> Problems:
    folders: set[str] = set()
    for path in files.entries:
        *above, name = path.split("/")
        meant = _MEANT.get(name.casefold(), name)
        if meant != name:
            yield path, Problem("file-name", START, f"the name {name!r} is not known", f"call it {meant}")
        if path == QNA:
            mend = "move it into a folder such as knowledge/geography/islands/velmora"
            yield path, Problem("file-name", START, "a leaf needs a folder of its own", mend)
        folders.update("/".join(above[: i + 1]) for i, part in enumerate(above) if part.casefold() in _MEANT)
    for folder in sorted(folders):
        name = folder.rpartition("/")[2]
        yield (
            folder,
            Problem("file-name", START, f"{name!r} is a folder here", "give the folder another name"),
        )


@tree_rule(
    "folder-name",
    Severity.WARNING,
    "Folders are named in small letters, digits and underscores.",
    "A leaf's path is its name everywhere: in the plan, in the comment, in the model card.",
    Example("", "knowledge/New-Leaf/qna.yaml", "knowledge/new_leaf/qna.yaml"),
)
def folder_name(files: Files) -> Problems:
    told: set[str] = set()
    for leaf in leaves_of(files):
        parts = leaf.split("/")
        for depth, name in enumerate(parts):
            folder = "/".join(parts[: depth + 1])
            if not SNAKE_CASE.fullmatch(name) and folder not in told:
                told.add(folder)
                better = re.sub(r"[^a-z0-9]+", "_", name.casefold()).strip("_")
                mend = f"call it {better}" if better else "give it a name in small letters"
                message = f"the folder's name {name!r} is not in snake_case"
                yield f"{leaf}/{QNA}", Problem("folder-name", START, message, mend)


@tree_rule(
    "path",
    Severity.ERROR,
    "Paths are printable UTF-8 text, a leaf's of at most 500 characters.",
    "Line breaks and bytes that are no text read differently in every place where a path is shown.",
    Example("", "knowledge/new/a\nb.md, knowledge/new/qna.yaml", "knowledge/new/qna.yaml"),
)
def path(files: Files) -> Problems:
    for name in files.entries:
        mistake = path_mistake(name)
        if mistake:
            yield (
                name[:LONGEST_PATH],
                Problem("path", START, mistake, "rename the file, or the folder above it"),
            )


@tree_rule(
    "same-name",
    Severity.ERROR,
    "No two names differ in case only.",
    "On macOS and Windows they are one file, and one of them is lost on a checkout.",
    Example("", "knowledge/new/qna.yaml, knowledge/New/qna.yaml", "knowledge/new/qna.yaml"),
)
def same_name(files: Files) -> Problems:
    seen: dict[str, str] = {}
    told: set[str] = set()
    for path in files.entries:
        parts = path.split("/")
        for depth in range(len(parts)):
            name = "/".join(parts[: depth + 1])
            first = seen.setdefault(name.casefold(), name)
            if first != name and name not in told:
                told.add(name)
                message = f"{name!r} and {first!r} differ in case only"
                yield path, Problem("same-name", START, message, "rename one of them")


@tree_rule(
    "stray-file",
    Severity.WARNING,
    "Every file belongs to a leaf, or is a README.",
    "What belongs to no leaf is read by nothing, and is most often in the wrong folder.",
    Example("", "knowledge/new/notes.md", "knowledge/new/qna.yaml, knowledge/new/notes.md"),
)
def stray_file(files: Files) -> Problems:
    leaves = set(leaves_of(files))
    for path, entry in files.entries.items():
        *above, name = path.split("/")
        folders = {"/".join(above[: depth + 1]) for depth in range(len(above))}
        told = any(part.casefold() in _MEANT for part in (*above, name))  # by the rule `file-name`
        known = told or name in _ANYWHERE or entry.kind != "file"
        if not known and not folders & leaves:
            message = "no folder above this file is a leaf"
            yield path, Problem("stray-file", START, message, f"put it beside the {QNA} that it belongs to")


@tree_rule(
    "leaf-size",
    Severity.ERROR,
    "The files of a leaf have at most 20 MB.",
    "Everybody who clones the taxonomy gets them, for ever.",
    Example("", "knowledge/new/qna.yaml, knowledge/new/film.md (21 MB)", "knowledge/new/qna.yaml"),
)
def leaf_size(files: Files) -> Problems:
    for leaf in leaves_of(files):
        size = sum(files.entries[f"{leaf}/{name}"].size for name in files.below(leaf))
        if size > MAX_LEAF_BYTES:
            message = (
                f"the files of this leaf have {size / 1e6:.1f} MB; {MAX_LEAF_BYTES / 1e6:.0f} are the most"
            )
            yield f"{leaf}/{QNA}", Problem("leaf-size", START, message, "keep only the text that is taught")


@tree_rule(
    "not-a-file",
    Severity.ERROR,
    "The tree holds regular files only: no links, submodules or pipes.",
    "A link may lead out of the tree, to files of the machine that reads it.",
    Example("", "knowledge/new/notes.md -> /etc/passwd", "knowledge/new/notes.md"),
)
def not_a_file(files: Files) -> Problems:
    for path, entry in files.entries.items():
        if entry.kind != "file":
            kind = {"symlink": "a symbolic link", "submodule": "a submodule"}.get(
                entry.kind, "not a regular file"
            )
            yield path, Problem("not-a-file", START, f"this is {kind}", "put the file itself in its place")
