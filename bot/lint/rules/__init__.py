"""The rules by name. A rule is a function that yields problems; a decorator gives its name and severity."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass

from bot.lint.findings import Severity
from bot.lint.view import LeafView
from bot.taxonomy.files import Files
from bot.taxonomy.parsed import Problem

Problems = Iterator[tuple[str, Problem]]
"""Problems with the file they are in: its name in the leaf's folder, or for the tree its path."""


@dataclass(frozen=True)
class Rule:
    """A rule: what it is called, how grave breaking it is, and what it asks for in one line."""

    name: str
    severity: Severity
    doc: str


@dataclass(frozen=True)
class LeafRule(Rule):
    check: Callable[[LeafView], Problems]


@dataclass(frozen=True)
class TreeRule(Rule):
    check: Callable[[Files], Problems]


RULES: dict[str, LeafRule | TreeRule] = {}


def leaf_rule(
    name: str, severity: Severity, doc: str
) -> Callable[[Callable[[LeafView], Problems]], Callable[[LeafView], Problems]]:
    """Register a rule that looks at one leaf."""

    def register(check: Callable[[LeafView], Problems]) -> Callable[[LeafView], Problems]:
        RULES[name] = LeafRule(name, severity, doc, check)
        return check

    return register


def tree_rule(
    name: str, severity: Severity, doc: str
) -> Callable[[Callable[[Files], Problems]], Callable[[Files], Problems]]:
    """Register a rule that looks at the whole tree's files by their names."""

    def register(check: Callable[[Files], Problems]) -> Callable[[Files], Problems]:
        RULES[name] = TreeRule(name, severity, doc, check)
        return check

    return register


# Each module registers its rules; here at the end, since they need the decorators above.
from bot.lint.rules import attribution, documents, exam, format, tree  # noqa: E402, F401
