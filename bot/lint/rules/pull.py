"""What a pull request changes: in whose name, where, and what it takes away."""

from bot.lint.findings import Severity
from bot.lint.rules import Example, Problems, pull_rule
from bot.lint.view import QNA, START, PullView
from bot.taxonomy.leaf import FOLDERS
from bot.taxonomy.parsed import Problem

# Of a pull request that touches thousands of files, so many are told.
MOST = 20


@pull_rule(
    "created-by",
    Severity.WARNING,
    "A new leaf's created_by is who opens the pull request.",
    "The model card names its contributors by it.",
    Example(QNA, "created_by: somebody_else", "created_by: someone"),
)
def created_by(pull: PullView) -> Problems:
    before = {old for old, _ in pull.files if old}
    for path, leaf in pull.leaves.items():
        file, name = f"{pull.prefix}{path}/{QNA}", leaf.data.get("created_by")
        if not pull.author or leaf.qna is None or not isinstance(name, str) or file in before:
            continue
        if name.strip().lstrip("@").casefold() != pull.author.casefold():
            message = f"created_by is {name[:60]!r}, and the pull request is by {pull.author!r}"
            place = leaf.qna.place(("created_by",))
            mend = f"write created_by: {pull.author}, or say in the pull request whose work it is"
            yield file, Problem("created-by", place, message, mend)


@pull_rule(
    "outside-taxonomy",
    Severity.WARNING,
    "A contribution changes files below the taxonomy's folder only.",
    "What is elsewhere runs with the bot's rights once it is merged, so a maintainer looks at it apart.",
    Example("", "README.md", "taxonomy/knowledge/new/qna.yaml"),
)
def outside_taxonomy(pull: PullView) -> Problems:
    inside = (pull.prefix,) if pull.prefix else tuple(f"{folder}/" for folder in FOLDERS)
    outside = [new or old for old, new in pull.files if not (new or old).startswith(inside)]
    for path in outside[:MOST]:
        more = f" (and {len(outside) - 1} more)" if len(outside) > 1 else ""
        message = f"this file is not in {', '.join(inside)}{more}"
        yield path, Problem("outside-taxonomy", START, message, "send it in a pull request of its own")


@pull_rule(
    "leaf-gone",
    Severity.INFO,
    "A leaf that is deleted or moved is told.",
    "What it taught is no longer in the next release; under another path it is another leaf.",
    Example("", "taxonomy/knowledge/old/qna.yaml (deleted)", "taxonomy/knowledge/old/qna.yaml"),
)
def leaf_gone(pull: PullView) -> Problems:
    gone = [(old, new) for old, new in pull.files if old != new and _is_leaf(old, pull.prefix)]
    for old, new in gone[:MOST]:
        leaf = old.removeprefix(pull.prefix).rpartition("/")[0]
        moved = new.removeprefix(pull.prefix).rpartition("/")[0] if _is_leaf(new, pull.prefix) else ""
        message = f"the leaf {leaf} is moved to {moved}" if moved else f"the leaf {leaf} is deleted"
        mend = "nothing, if that is meant: the next release will not know it" if not moved else ""
        yield new if moved else old, Problem("leaf-gone", START, message, mend)


def _is_leaf(path: str, prefix: str) -> bool:
    return path.startswith(prefix) and path.endswith(f"/{QNA}")
