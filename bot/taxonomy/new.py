"""A new leaf to fill in: files with comments, whose blanks are what lint names."""

import json
import os
import re
from pathlib import Path

from bot.errors import UserError
from bot.taxonomy.leaf import FOLDERS, SNAKE_CASE

KINDS = {"knowledge": "knowledge", "skill": "compositional_skills"}
"""What can be made, and the top folder it is in if none is named."""

_LOGIN = re.compile(r"[A-Za-z0-9-]{1,39}")


def new_leaf(kind: str, path: str, taxonomy: Path, author: str = "") -> list[Path]:
    """Write the files of a new leaf.

    Args:
        kind: knowledge or skill.
        path: the leaf's folder below the taxonomy's, with or without the kind's own folder before it.
        author: a user name on GitHub; left blank where it is not known.

    Returns:
        The files.

    Raises:
        UserError: the kind or a name is none; something is there already.
    """
    if kind not in KINDS:
        raise UserError(f"new {kind}: there are {', '.join(KINDS)}")
    if author and not _LOGIN.fullmatch(author):
        raise UserError(f"--author {author}: this is no user name on GitHub")
    folder = taxonomy / _leaf_path(kind, path, taxonomy.name)
    _check_free(folder, taxonomy)
    texts = _texts(kind, folder, taxonomy, author)
    folder.mkdir(parents=True)
    for name, text in texts.items():
        (folder / name).write_text(text, encoding="utf-8")
    return sorted(folder.iterdir())


def _leaf_path(kind: str, path: str, root: str) -> str:
    parts = path.rstrip("/").split("/")
    if parts[0] == root and len(parts) > 1:
        del parts[0]
    if parts[0] not in FOLDERS:
        parts.insert(0, KINDS[kind])
    if (parts[0] == "knowledge") != (kind == "knowledge"):
        raise UserError(f"{path}: {parts[0]}/ is not for {kind}; it goes into {KINDS[kind]}/")
    for name in parts:
        if not SNAKE_CASE.fullmatch(name):
            raise UserError(
                f"{path}: the folder {name!r} is not in small letters, digits and underscores, "
                "such as science/birds/common_swift"
            )
    if len(parts) == 1:
        raise UserError(f"{path}: a leaf needs a folder of its own, such as {parts[0]}/science/birds")
    return "/".join(parts)


def _check_free(folder: Path, taxonomy: Path) -> None:
    if not taxonomy.is_dir():
        raise UserError(f"{taxonomy}: there is no such folder; name the checkout with --repository")
    if folder.exists():
        raise UserError(f"{folder}: this is there already; choose another name")
    for above in folder.parents:
        if above == taxonomy:
            break
        if (above / "qna.yaml").exists():
            raise UserError(
                f"{folder}: {above} is a leaf, and a leaf holds no other; choose a place beside it"
            )


def _texts(kind: str, folder: Path, taxonomy: Path, author: str) -> dict[str, str]:
    """The files' texts by their names."""
    from jinja2 import Environment, PackageLoader, StrictUndefined

    templates = Environment(
        loader=PackageLoader("bot.taxonomy"),
        undefined=StrictUndefined,
        trim_blocks=True,
        keep_trailing_newline=True,
        autoescape=False,  # noqa: S701 - YAML and Markdown; every value was checked above
    )
    schemas = taxonomy.parent / "schemas"
    known = (schemas / "qna-v3.json").exists()
    to_schemas = os.path.relpath(schemas, folder) if known else ""
    values = {
        "name": folder.name,
        "author": f" {json.dumps(author)}" if author else "",
        "schema": f"{to_schemas}/qna-v3.json" if known else "",
        "exam_schema": f"{to_schemas}/exam.json" if known else "",
    }
    names = {"qna.yaml": f"{kind}.yaml", "exam.yaml": "exam.yaml", "attribution.txt": "attribution.txt"}
    if kind == "knowledge":
        names[f"{folder.name}.md"] = "document.md"
    return {name: templates.get_template(f"{source}.j2").render(values) for name, source in names.items()}
