"""A YAML reader with the results of PyYAML's pure Python parser, and the speed of libyaml where possible.

The two parsers differ in a few cases: libyaml accepts tabs after a colon, byte-order marks inside the text,
a tag without a name, `|#`, and question marks in flow collections. Text that may contain one of these, or
that libyaml rejects, is read by the slow Python parser.
"""

import re
from collections.abc import Hashable
from contextlib import suppress
from dataclasses import dataclass
from typing import Any

import yaml

MAX_NODES = 100_000
"""Maximum number of nodes in one file, counting all nodes that each alias expands to."""
MAX_NESTING = 2_000
"""Maximum nesting for libyaml's loader, whose recursion has no limit of its own."""

_RISKY = ("\t", " !", "\n!", "\x85", "\u2028", "\u2029", "\ufeff")
_COMMENT_AT_HEADER = re.compile("[|>][-+0-9]*#")
_ANCHOR = re.compile(r"(?:^|[\s\[{,])&[0-9A-Za-z_-]")
# Any flow collection, except one that ends with its line and has no quotes, tags, question marks or nesting.
_FLOW = re.compile(
    r"(?:(?:\A|[-:?])\s*+|(?<!\s)[^\S\n]*+\n\s*+)[\[{](?![^\[\]{}?!&*\"'#\n]*[\]}]\s*$)", re.MULTILINE
)
_STEPS = re.compile("(?:[-?] +){100}")


class NotRead(Exception):
    """PyYAML cannot read the file; `__cause__` is the reason."""


class TooLarge(Exception):
    """The file is too large to check in a reasonable time."""


@dataclass(frozen=True)
class Read:
    """The content of a file.

    Attributes:
        text: the parsed text, without a byte-order mark, with line feeds as line ends.
        data: the data in the file.
        repeated: whether the file may have duplicate keys.
    """

    text: str
    data: Any
    repeated: bool


class _Loader(yaml.CSafeLoader):
    """libyaml's loader; it also records whether a mapping has duplicate keys."""

    repeated = False

    def construct_mapping(self, node: yaml.MappingNode, deep: bool = False) -> dict[Hashable, Any]:
        mapping = super().construct_mapping(node, deep)
        if len(mapping) != len(node.value):
            self.repeated = True
        return mapping


def read(content: bytes) -> Read:
    """Read a YAML file.

    Raises:
        NotRead: the file is not UTF-8 or not YAML, a value does not fit its type or tag, or aliases expand
            to too many nodes.
    """
    try:
        return _read(content.decode())
    except Exception as error:  # for invalid values, PyYAML does not catch the errors of int(), date() etc.
        raise NotRead from error


def _read(given: str) -> Read:
    if "\r" in given:
        given = given.replace("\r\n", "\n").replace("\r", "\n")
    text = given.removeprefix("\ufeff")
    if _read_alike(text):
        loader = _Loader(text)
        try:
            # If libyaml fails, the Python parser may accept the file; otherwise its message is better.
            with suppress(yaml.YAMLError):
                return Read(text, loader.get_single_data(), loader.repeated)
        finally:
            loader.dispose()
    return Read(text, _read_slowly(given), repeated=True)


def _read_alike(text: str) -> bool:
    """Return whether PyYAML is certain to accept this text if libyaml does, with the same result."""
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
            raise TooLarge(f"the aliases in this file expand to more than {MAX_NODES} values")
        return loader.construct_document(node)
    finally:
        loader.dispose()


def _size(node: yaml.Node, known: dict[yaml.Node, int]) -> int:
    """Return the number of nodes in a node, itself included; a node nested in itself counts as 0 there."""
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
