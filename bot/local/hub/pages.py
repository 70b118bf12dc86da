"""What people see in a browser: the repositories, and of each its card, tags and files."""

import json
import re
from contextlib import suppress
from typing import Any

import yaml
from jinja2 import Environment, PackageLoader, StrictUndefined
from markdown_it import MarkdownIt
from markupsafe import Markup
from starlette.responses import HTMLResponse, Response

from bot.local.hub.call import Call
from bot.local.hub.content import read_content
from bot.local.hub.errors import HubError
from bot.local.hub.records import Tree, all_repositories, readable, references, resolve
from bot.local.hub.storage import Storage

_FRONT_MATTER = re.compile(r"\A\ufeff?---[ \t]*\r?\n(.*?)^---[ \t]*\r?$\n?", re.DOTALL | re.MULTILINE)
_SHOWN = 1 << 20  # bytes of a card that are shown
# Whatever a card says, the page loads nothing and runs nothing.
_HEADERS = {"Content-Security-Policy": "default-src 'none'; style-src 'unsafe-inline'; base-uri 'none'"}
_templates = Environment(loader=PackageLoader("bot.local.hub"), autoescape=True, undefined=StrictUndefined)
_markdown = MarkdownIt("commonmark", {"html": False}).enable("table")


class CardError(ValueError):
    """A card whose head cannot be read."""


class _PlainLoader(yaml.SafeLoader):
    """YAML without aliases, with which a short text can stand for a huge one."""

    def compose_node(self, parent: Any, index: Any) -> Any:
        if self.check_event(yaml.AliasEvent):
            raise yaml.YAMLError("aliases are not allowed")
        return super().compose_node(parent, index)


def split_card(text: str) -> tuple[dict[str, Any], str]:
    """The metadata at the head of a card, and the rest.

    Raises:
        CardError: the head is no YAML mapping of plain values.
    """
    match = _FRONT_MATTER.match(text)
    if match is None:
        return {}, text
    try:
        loaded = yaml.load(match.group(1), _PlainLoader) or {}  # noqa: S506  # a SafeLoader, only stricter
        metadata = json.loads(json.dumps(loaded, default=str, allow_nan=False))
    except (ValueError, TypeError, RecursionError, yaml.YAMLError) as error:
        raise CardError(f"the metadata of the card is no plain YAML: {error}") from None
    if not isinstance(metadata, dict):
        raise CardError("the metadata of the card must be a YAML mapping")
    return metadata, text[match.end() :]


def index(call: Call) -> Response:
    """All repositories that everybody may see."""
    with call.hub.storage.reading() as db:
        public = [repository for repository in all_repositories(db) if not repository.private]
    return _page("index.html.j2", repositories=public)


def repository(call: Call) -> Response:
    """One repository at a branch, a tag or a commit."""
    revision = call.param("revision") if "revision" in call.request.path_params else "main"
    try:
        with call.hub.storage.reading() as db:
            found = readable(db, call)
            commit = resolve(db, found, revision)
            tags = references(db, found, "tag")
    except HubError as error:
        return _page("missing.html.j2", error.status, message=error.message)
    return _page(
        "repository.html.j2",
        repository=found,
        revision=revision,
        commit=commit,
        tags=tags,
        files=sorted(commit.tree.items()),
        card=_rendered_card(call.hub.storage, commit.tree),
    )


def _rendered_card(storage: Storage, files: Tree) -> Markup | None:
    """README.md as HTML; what is HTML in it is shown as text."""
    readme = files.get("README.md")
    if readme is None:
        return None
    pieces = read_content(storage, readme.sha256, 0, min(readme.size, _SHOWN))
    text = b"".join(pieces).decode("utf-8", "replace")
    with suppress(CardError):  # a broken head is shown as it stands
        _, text = split_card(text)
    return Markup(_markdown.render(text))  # noqa: S704  # markdown-it escapes HTML and refuses script links


def _page(template: str, status: int = 200, **values: object) -> Response:
    return HTMLResponse(_templates.get_template(template).render(**values), status, _HEADERS)
