"""Templates for new leaves (`arborist new`): commented files with blanks, which lint reports until filled."""

import json
import os
import re
from dataclasses import dataclass
from pathlib import Path

from bot.core.errors import UserError
from bot.taxonomy.leaf import FOLDERS, SNAKE_CASE

KINDS = {"knowledge": "knowledge", "skill": "compositional_skills"}
"""The kinds of leaves that can be created, each with its default top folder."""

_LOGIN = re.compile(r"[A-Za-z0-9-]{1,39}")


def snake_case(text: str) -> str:
    """Return a text as a folder's name: lowercase letters, digits and underscores; "" if nothing is left."""
    return re.sub(r"[^a-z0-9]+", "_", text.casefold()).strip("_")


@dataclass(frozen=True)
class Source:
    """Where a document comes from, for attribution.txt; each part is blank if it is not known.

    Attributes:
        author: the GitHub user name of the leaf's author.
        title, link, license, creators: of the document.
    """

    author: str = ""
    title: str = ""
    link: str = ""
    license: str = ""
    creators: str = ""

    @property
    def attribution(self) -> str:
        """The text of attribution.txt."""
        lines = {
            "Title of work": self.title,
            "Link to work": self.link,
            "Revision": "",
            "License of the work": self.license,
            "Creator names": self.creators,
        }
        return "".join(f"{name}: {' '.join(value.split())}".rstrip() + "\n" for name, value in lines.items())


def new_leaf(kind: str, path: str, taxonomy: Path, author: str = "") -> list[Path]:
    """Create the files of a new leaf.

    Args:
        kind: "knowledge" or "skill".
        path: the leaf's folder below the taxonomy's folder, with or without a top folder (`knowledge/`).
        author: a GitHub user name; if empty, `created_by` stays blank.

    Returns:
        The created files, sorted.

    Raises:
        UserError: the kind, a folder name or the author is invalid, or the folder already exists.
    """
    if kind not in KINDS:
        raise UserError(f"new {kind}: unknown kind; use {' or '.join(KINDS)}")
    if author and not _LOGIN.fullmatch(author):
        raise UserError(f"--author {author}: this is not a GitHub user name")
    folder = free_folder(kind, path, taxonomy)
    texts = _texts(kind, folder, taxonomy, author)
    folder.mkdir(parents=True)
    for name, text in texts.items():
        (folder / name).write_text(text, encoding="utf-8")
    return sorted(folder.iterdir())


def free_folder(kind: str, path: str, taxonomy: Path) -> Path:
    """Return the folder of a new leaf; see `new_leaf`.

    Raises:
        UserError: a folder name is invalid, or the folder already exists.
    """
    folder = taxonomy / _leaf_path(kind, path, taxonomy.name)
    _check_free(folder, taxonomy)
    return folder


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
                f"{path}: the folder name {name!r} must have only lowercase letters, digits and underscores, "
                "as in science/birds/common_swift"
            )
    if len(parts) == 1:
        raise UserError(f"{path}: a leaf needs its own folder, such as {parts[0]}/science/birds")
    return "/".join(parts)


def _check_free(folder: Path, taxonomy: Path) -> None:
    if not taxonomy.is_dir():
        raise UserError(f"{taxonomy}: there is no such folder; pass the repository's root as --repository")
    if folder.exists():
        raise UserError(f"{folder}: this folder already exists; choose another name")
    for above in folder.parents:
        if above == taxonomy:
            break
        if (above / "qna.yaml").exists():
            raise UserError(f"{folder}: this folder is inside the leaf {above}; choose one outside it")


def _texts(kind: str, folder: Path, taxonomy: Path, author: str) -> dict[str, str]:
    """Render the templates; return the texts by file name."""
    from jinja2 import Environment, PackageLoader, StrictUndefined

    templates = Environment(
        loader=PackageLoader("bot.taxonomy"),
        undefined=StrictUndefined,
        trim_blocks=True,
        keep_trailing_newline=True,
        autoescape=False,  # noqa: S701 - YAML and Markdown; every value was checked above
    )
    place = taxonomy.resolve()
    folders = (above / "schemas" for above in (place, *place.parents))
    schemas = next((found for found in folders if (found / "qna-v3.json").exists()), None)
    known = schemas is not None
    to_schemas = os.path.relpath(schemas, folder.resolve()) if schemas else ""
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
