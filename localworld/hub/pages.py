"""Web pages: the list of repositories, and each repository's card, tags and files."""

import json
import re
from contextlib import suppress
from typing import Any

import yaml
from jinja2 import Environment, PackageLoader, StrictUndefined
from markdown_it import MarkdownIt
from markupsafe import Markup
from starlette.responses import HTMLResponse, Response

from localworld.hub.call import Call
from localworld.hub.content import read_content
from localworld.hub.errors import HubError
from localworld.hub.records import Tree, all_repositories, readable, references, resolve
from localworld.hub.storage import Storage

_FRONT_MATTER = re.compile(r"\A\ufeff?---[ \t]*\r?\n(.*?)^---[ \t]*\r?$\n?", re.DOTALL | re.MULTILINE)
_SHOWN = 1 << 20  # bytes of a card that are shown
# Cards cannot make the browser load resources or run scripts.
_HEADERS = {"Content-Security-Policy": "default-src 'none'; style-src 'unsafe-inline'; base-uri 'none'"}
_templates = Environment(loader=PackageLoader("localworld.hub"), autoescape=True, undefined=StrictUndefined)
_markdown = MarkdownIt("commonmark", {"html": False}).enable("table")


class CardError(ValueError):
    """The metadata of a card is invalid."""


class _PlainLoader(yaml.SafeLoader):
    """A YAML loader that rejects aliases, with which a short text could expand to a huge one."""

    def compose_node(self, parent: Any, index: Any) -> Any:
        if self.check_event(yaml.AliasEvent):
            raise yaml.YAMLError("aliases are not allowed")
        return super().compose_node(parent, index)


def split_card(text: str) -> tuple[dict[str, Any], str]:
    """Split a card into its metadata (YAML front matter) and its text.

    Raises:
        CardError: the metadata is not a YAML mapping of plain values.
    """
    match = _FRONT_MATTER.match(text)
    if match is None:
        return {}, text
    try:
        loaded = yaml.load(match.group(1), _PlainLoader) or {}  # noqa: S506  # a SafeLoader, only stricter
        metadata = json.loads(json.dumps(loaded, default=str, allow_nan=False))
    except (ValueError, TypeError, RecursionError, yaml.YAMLError) as error:
        raise CardError(f"the metadata of the card is not plain YAML: {error}") from None
    if not isinstance(metadata, dict):
        raise CardError("the metadata of the card must be a YAML mapping")
    return metadata, text[match.end() :]


def index(call: Call) -> Response:
    """Return the page with all public repositories."""
    with call.hub.storage.reading() as db:
        public = [repository for repository in all_repositories(db) if not repository.private]
    return _page("index.html.j2", repositories=public)


def repository(call: Call) -> Response:
    """Return the page of a repository at a branch, tag or commit."""
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
    """Render README.md as HTML, with HTML tags in it escaped; None if it does not exist."""
    readme = files.get("README.md")
    if readme is None:
        return None
    pieces = read_content(storage, readme.sha256, 0, min(readme.size, _SHOWN))
    text = b"".join(pieces).decode("utf-8", "replace")
    with suppress(CardError):  # invalid metadata is shown as text
        _, text = split_card(text)
    return Markup(_markdown.render(text))  # noqa: S704  # markdown-it escapes HTML and refuses script links


def _page(template: str, status: int = 200, **values: object) -> Response:
    return HTMLResponse(_templates.get_template(template).render(**values), status, _HEADERS)
