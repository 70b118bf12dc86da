"""The tree: which files may be where. Told of the whole tree, whatever part of it is linted."""

from bot.lint.findings import Severity
from bot.lint.rules import Problems, tree_rule
from bot.lint.view import ATTRIBUTION, EXAM, QNA, START
from bot.taxonomy.files import Files
from bot.taxonomy.parsed import Problem
from bot.taxonomy.tree import leaves_of

_MEANT = {
    "qna.yaml": QNA, "qna.yml": QNA, "exam.yaml": EXAM, "exam.yml": EXAM, "attribution.txt": ATTRIBUTION,
    "attribution.md": ATTRIBUTION, "attributions.txt": ATTRIBUTION, "attribution": ATTRIBUTION,
}  # fmt: skip


@tree_rule("leaf-inside-leaf", Severity.ERROR, "No folder above a leaf is a leaf itself.")
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
    "file-name", Severity.ERROR, "Files are called qna.yaml, exam.yaml and attribution.txt, exactly so."
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


@tree_rule("not-a-file", Severity.ERROR, "The tree holds regular files only: no links, submodules or pipes.")
def not_a_file(files: Files) -> Problems:
    for path, entry in files.entries.items():
        if entry.kind != "file":
            kind = {"symlink": "a symbolic link", "submodule": "a submodule"}.get(
                entry.kind, "not a regular file"
            )
            yield path, Problem("not-a-file", START, f"this is {kind}", "put the file itself in its place")
