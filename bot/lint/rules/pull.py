"""Rules for the changes of a pull request: the author, the changed paths, and deleted leaves."""

from bot.lint.findings import Severity
from bot.lint.leaf_view import QNA, START, PullView
from bot.lint.rule import Example, Problems, pull_rule
from bot.taxonomy.parsed import Problem

MOST = 20
"""Maximum number of findings per rule, for pull requests that touch thousands of files."""


@pull_rule(
    "created-by",
    Severity.WARNING,
    "`created_by` of a new leaf should be the author of the pull request.",
    "The model card credits contributors by this name.",
    Example(QNA, "created_by: somebody_else", "created_by: someone"),
)
def created_by(pull: PullView) -> Problems:
    before = {old for old, _ in pull.files if old}
    if pull.author.endswith("[bot]"):  # it opens pull requests for others
        return
    for path, leaf in pull.leaves.items():
        file, name = f"{pull.layout.prefix}{path}/{QNA}", leaf.data.get("created_by")
        if not pull.author or leaf.qna is None or not isinstance(name, str) or file in before:
            continue
        if name.strip().lstrip("@").casefold() != pull.author.casefold():
            message = f"created_by is {name[:60]!r}, but the author of the pull request is {pull.author!r}"
            place = leaf.qna.place(("created_by",))
            hint = f"write created_by: {pull.author}, or explain in the pull request whose work this is"
            yield file, Problem("created-by", place, message, hint)


@pull_rule(
    "outside-taxonomy",
    Severity.WARNING,
    "A contribution should change only files in the taxonomy's folder.",
    "Other files can affect what runs with the bot's permissions after the merge, so review them separately.",
    Example("", "README.md", "taxonomy/knowledge/new/qna.yaml"),
)
def outside_taxonomy(pull: PullView) -> Problems:
    inside = pull.layout.inside
    outside = [new or old for old, new in pull.files if not (new or old).startswith(inside)]
    for path in outside[:MOST]:
        more = f" (and {len(outside) - 1} more)" if len(outside) > 1 else ""
        message = f"this file is not in {', '.join(inside)}{more}"
        yield path, Problem("outside-taxonomy", START, message, "move this change to a separate pull request")


@pull_rule(
    "leaf-gone",
    Severity.INFO,
    "Reports each leaf that the pull request deletes or moves.",
    "The next release will not include what a deleted leaf taught. A moved leaf counts as a new leaf.",
    Example("", "taxonomy/knowledge/old/qna.yaml (deleted)", "taxonomy/knowledge/old/qna.yaml"),
)
def leaf_gone(pull: PullView) -> Problems:
    gone = [(old, new) for old, new in pull.files if old != new and _is_leaf(old, pull)]
    for old, new in gone[:MOST]:
        leaf = old.removeprefix(pull.layout.prefix).rpartition("/")[0]
        moved = new.removeprefix(pull.layout.prefix).rpartition("/")[0] if _is_leaf(new, pull) else ""
        message = f"the leaf {leaf} is moved to {moved}" if moved else f"the leaf {leaf} is deleted"
        hint = "" if moved else "no action needed if intended; the next release will not know this leaf"
        yield new if moved else old, Problem("leaf-gone", START, message, hint)


def _is_leaf(path: str, pull: PullView) -> bool:
    return pull.layout.holds(path) and path.endswith(f"/{QNA}")
