"""Rules for names and locations of files. They always check the whole tree, whatever part is linted."""

from bot.lint.findings import Severity
from bot.lint.leaf_view import EXAM, QNA, START
from bot.lint.rule import Example, Problems, tree_rule
from bot.taxonomy.attribution import ATTRIBUTION
from bot.taxonomy.files import Files
from bot.taxonomy.leaf import SNAKE_CASE
from bot.taxonomy.new_leaf import snake_case
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
    "A leaf must not be inside another leaf.",
    "A change to the inner leaf would also be a change to the outer one.",
    Example("", "knowledge/new/qna.yaml, knowledge/new/inner/qna.yaml", "knowledge/new/qna.yaml"),
)
def leaf_inside_leaf(files: Files) -> Problems:
    leaves = set(leaves_of(files))
    for leaf in sorted(leaves):
        parts = leaf.split("/")
        for depth in range(1, len(parts)):
            above = "/".join(parts[:depth])
            if above in leaves:
                message = f"this leaf is inside the leaf {above!r}"
                yield f"{leaf}/{QNA}", Problem("leaf-inside-leaf", START, message, "move it out of that leaf")


@tree_rule(
    "file-name",
    Severity.ERROR,
    "Files must be named exactly qna.yaml, exam.yaml and attribution.txt.",
    "A file with a similar name, such as qna.yml, would be ignored silently.",
    Example("", "knowledge/new/qna.yml", "knowledge/new/qna.yaml"),
)
def file_name(files: Files) -> Problems:
    folders: set[str] = set()
    for path in files.entries:
        *above, name = path.split("/")
        meant = _MEANT.get(name.casefold(), name)
        if meant != name:
            yield path, Problem("file-name", START, f"unknown file name {name!r}", f"rename it to {meant}")
        if path == QNA:
            hint = "move it into a folder such as knowledge/geography/islands/velmora"
            yield path, Problem("file-name", START, "a leaf needs its own folder", hint)
        folders.update("/".join(above[: i + 1]) for i, part in enumerate(above) if part.casefold() in _MEANT)
    for folder in sorted(folders):
        name = folder.rpartition("/")[2]
        message = f"{name!r} is the name of a file, but this is a folder"
        yield folder, Problem("file-name", START, message, "rename the folder")


@tree_rule(
    "folder-name",
    Severity.WARNING,
    "Folder names should consist of lowercase letters, digits and underscores.",
    "A leaf's path is its name in plans, comments and the model card.",
    Example("", "knowledge/New-Leaf/qna.yaml", "knowledge/new_leaf/qna.yaml"),
)
def folder_name(files: Files) -> Problems:
    reported: set[str] = set()
    for leaf in leaves_of(files):
        parts = leaf.split("/")
        for depth, name in enumerate(parts):
            folder = "/".join(parts[: depth + 1])
            if not SNAKE_CASE.fullmatch(name) and folder not in reported:
                reported.add(folder)
                better = snake_case(name)
                hint = f"rename it to {better}" if better else "use lowercase letters, digits and underscores"
                message = f"the folder name {name!r} is not in snake_case"
                yield f"{leaf}/{QNA}", Problem("folder-name", START, message, hint)


@tree_rule(
    "path",
    Severity.ERROR,
    "Paths must be printable UTF-8 text of at most 500 characters.",
    "Line breaks and invalid bytes in a path are displayed differently in every program.",
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
    "Two names must not differ only in case.",
    "On macOS and Windows they are the same file, so a checkout loses one of them.",
    Example("", "knowledge/new/qna.yaml, knowledge/New/qna.yaml", "knowledge/new/qna.yaml"),
)
def same_name(files: Files) -> Problems:
    seen: dict[str, str] = {}
    reported: set[str] = set()
    for path in files.entries:
        parts = path.split("/")
        for depth in range(len(parts)):
            name = "/".join(parts[: depth + 1])
            first = seen.setdefault(name.casefold(), name)
            if first != name and name not in reported:
                reported.add(name)
                message = f"{name!r} and {first!r} differ only in case"
                yield path, Problem("same-name", START, message, "rename one of them")


@tree_rule(
    "stray-file",
    Severity.WARNING,
    "Every file should belong to a leaf, except files such as README.md, LICENSE and .gitignore.",
    "A file that belongs to no leaf is not used and is usually in the wrong folder.",
    Example("", "knowledge/new/notes.md", "knowledge/new/qna.yaml, knowledge/new/notes.md"),
)
def stray_file(files: Files) -> Problems:
    leaves = set(leaves_of(files))
    for path, entry in files.entries.items():
        *above, name = path.split("/")
        folders = {"/".join(above[: depth + 1]) for depth in range(len(above))}
        misnamed = any(part.casefold() in _MEANT for part in (*above, name))  # the rule `file-name` checks it
        known = misnamed or name in _ANYWHERE or entry.kind != "file"
        if not known and not folders & leaves:
            message = "this file does not belong to a leaf"
            hint = f"move it into the folder of the {QNA} that it belongs to"
            yield path, Problem("stray-file", START, message, hint)


@tree_rule(
    "leaf-size",
    Severity.ERROR,
    "The files of a leaf must not exceed 20 MB in total.",
    "Everybody who clones the taxonomy downloads them, even after they are deleted.",
    Example("", "knowledge/new/qna.yaml, knowledge/new/film.md (21 MB)", "knowledge/new/qna.yaml"),
)
def leaf_size(files: Files) -> Problems:
    for leaf in leaves_of(files):
        size = sum(files.entries[f"{leaf}/{name}"].size for name in files.below(leaf))
        if size > MAX_LEAF_BYTES:
            most = f"{MAX_LEAF_BYTES / 1e6:.0f} MB"
            message = f"the files of this leaf have {size / 1e6:.1f} MB; the maximum is {most}"
            yield f"{leaf}/{QNA}", Problem("leaf-size", START, message, "keep only the text to be taught")


@tree_rule(
    "not-a-file",
    Severity.ERROR,
    "The tree must contain only regular files: no links, submodules or pipes.",
    "A symbolic link may point outside the tree, to files of the machine that reads it.",
    Example("", "knowledge/new/notes.md -> /etc/passwd", "knowledge/new/notes.md"),
)
def not_a_file(files: Files) -> Problems:
    for path, entry in files.entries.items():
        if entry.kind != "file":
            kind = {"symlink": "a symbolic link", "submodule": "a submodule"}.get(
                entry.kind, "not a regular file"
            )
            yield path, Problem("not-a-file", START, f"this is {kind}", "replace it with the file itself")
