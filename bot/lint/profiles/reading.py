"""A qna.yaml read as PyYAML's own parser reads it, by libyaml wherever the two surely agree.

The two parsers differ in a few places: libyaml takes tabs after a colon, byte-order marks inside of the text,
a tag without a name, `|#`, and question marks in flow collections. Text in which one of these may be is read
by the slow one, and so is what libyaml does not take.
"""

import re
from collections.abc import Hashable
from contextlib import suppress
from dataclasses import dataclass
from typing import Any

import yaml

MAX_NODES = 100_000
"""Nodes of one file, each alias counted with all that it stands for."""
MAX_NESTING = 2_000
"""Levels that libyaml's loader, which is recursive without a bound, is trusted with."""

_RISKY = ("\t", " !", "\n!", "\x85", "\u2028", "\u2029", "\ufeff")
_COMMENT_AT_HEADER = re.compile("[|>][-+0-9]*#")
_ANCHOR = re.compile(r"(?:^|[\s\[{,])&[0-9A-Za-z_-]")
# A flow collection, but for one that ends with its line, with nothing quoted, tagged, asked or nested in it.
_FLOW = re.compile(
    r"(?:(?:\A|[-:?])\s*+|(?<!\s)[^\S\n]*+\n\s*+)[\[{](?![^\[\]{}?!&*\"'#\n]*[\]}]\s*$)", re.MULTILINE
)
_STEPS = re.compile("(?:[-?] +){100}")


class NotRead(Exception):
    """PyYAML does not read the file, for the reason in `__cause__`."""


class TooLarge(Exception):
    """It would take too long to look at all of it."""


@dataclass(frozen=True)
class Read:
    """What a file says.

    Attributes:
        text: the text that was parsed, without a byte-order mark, with every line's end as a line feed.
        repeated: whether a key may stand twice in a mapping.
    """

    text: str
    data: Any
    repeated: bool


class _Loader(yaml.CSafeLoader):
    """libyaml's loader; it remembers whether two keys of a mapping were the same."""

    repeated = False

    def construct_mapping(self, node: yaml.MappingNode, deep: bool = False) -> dict[Hashable, Any]:
        mapping = super().construct_mapping(node, deep)
        if len(mapping) != len(node.value):
            self.repeated = True
        return mapping


def read(content: bytes) -> Read:
    """Read a file.

    Raises:
        NotRead: it is not UTF-8, is no YAML, has a value that is not what its form or tag says, or aliases
            that make too much of it.
    """
    try:
        return _read(content.decode())
    except Exception as error:  # on such values PyYAML lets out whatever int(), date() and the like raise
        raise NotRead from error


def _read(given: str) -> Read:
    if "\r" in given:
        given = given.replace("\r\n", "\n").replace("\r", "\n")
    text = given.removeprefix("\ufeff")
    if _read_alike(text):
        loader = _Loader(text)
        try:
            # Where it fails, the other parser may take it; and if not, it has the better message.
            with suppress(yaml.YAMLError):
                return Read(text, loader.get_single_data(), loader.repeated)
        finally:
            loader.dispose()
    return Read(text, _read_slowly(given), repeated=True)


def _read_alike(text: str) -> bool:
    """Whether what libyaml takes, PyYAML surely takes, and as the same."""
    if text.startswith("!") or any(mark in text for mark in _RISKY):
        return False
    if "#" in text and _COMMENT_AT_HEADER.search(text):
        return False
    if "&" in text and _ANCHOR.search(text):
        return False
    if ("[" in text or "{" in text) and (
        _FLOW.search(text) or text.count("[") + text.count("{") > MAX_NESTING
    ):
        return False
    return text.count("-") + text.count("?") < MAX_NESTING or not _STEPS.search(text)


def _read_slowly(text: str) -> Any:
    loader = yaml.SafeLoader(text)
    try:
        node = loader.get_single_node()
        if node is None:
            return None
        if "&" in text and _size(node, {}) > MAX_NODES:
            raise TooLarge(f"its aliases stand for more than {MAX_NODES} values")
        return loader.construct_document(node)
    finally:
        loader.dispose()


def _size(node: yaml.Node, known: dict[yaml.Node, int]) -> int:
    """How many nodes a node is made of; one inside of itself counts as nothing there."""
    if node not in known:
        known[node] = 0
        value: Any = node.value
        children: Any = ()
        if isinstance(node, yaml.SequenceNode):
            children = value
        elif isinstance(node, yaml.MappingNode):
            children = (part for pair in value for part in pair)
        known[node] = 1 + sum(_size(child, known) for child in children)
    return known[node]
