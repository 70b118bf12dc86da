"""The rules by name. A rule is a function that yields problems; a decorator gives its name and severity."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from difflib import get_close_matches
from functools import partial
from typing import TypeVar

from bot.errors import UserError
from bot.lint.findings import Severity
from bot.lint.view import LeafView, PullView
from bot.taxonomy.files import Files
from bot.taxonomy.parsed import Problem

Problems = Iterator[tuple[str, Problem]]
"""Problems with the file they are in: its name in the leaf's folder, or for the tree its path."""


@dataclass(frozen=True)
class Example:
    """A part of a file that breaks a rule, and the same part mended.

    Attributes:
        file: the file's name in its leaf's folder; "" where the parts are paths below the tree.
    """

    file: str
    bad: str
    good: str


@dataclass(frozen=True)
class Rule:
    """A rule.

    Attributes:
        severity: how grave breaking it is, unless arborist.yaml says otherwise.
        doc: what it asks for, in one line.
        why: what for.
        example: tried by a test.
    """

    name: str
    severity: Severity
    doc: str
    why: str
    example: Example


@dataclass(frozen=True)
class LeafRule(Rule):
    """Looks at one leaf; its problems' files are of the leaf's folder."""

    check: Callable[[LeafView], Problems]


@dataclass(frozen=True)
class TreeRule(Rule):
    """Looks at the whole tree's files by their names; its problems' files are of the tree."""

    check: Callable[[Files], Problems]


@dataclass(frozen=True)
class PullRule(Rule):
    """Looks at what a pull request changes; its problems' files are of the repository."""

    check: Callable[[PullView], Problems]


Check = TypeVar("Check", bound=Callable[..., Problems])
RULES: dict[str, LeafRule | TreeRule | PullRule] = {}


def find_rule(name: str) -> Rule:
    """A rule by its name.

    Raises:
        UserError: there is no such rule.
    """
    if name not in RULES:
        near = get_close_matches(name, RULES, 1)
        mend = f"did you mean {near[0]}?" if near else "`arborist rule` lists them all"
        raise UserError(f"there is no rule {name!r}; {mend}")
    return RULES[name]


def _register(
    kind: type[LeafRule] | type[TreeRule] | type[PullRule],
    name: str,
    severity: Severity,
    doc: str,
    why: str,
    example: Example,
) -> Callable[[Check], Check]:
    """Register a rule; its kind says what its function is given."""

    def register(check: Check) -> Check:
        RULES[name] = kind(name, severity, doc, why, example, check)
        return check

    return register


leaf_rule = partial(_register, LeafRule)
tree_rule = partial(_register, TreeRule)
pull_rule = partial(_register, PullRule)


# Each module registers its rules; here at the end, since they need the decorators above.
from bot.lint.rules import (  # noqa: E402
    attribution,  # noqa: F401
    copies,  # noqa: F401
    documents,  # noqa: F401
    exam,  # noqa: F401
    format,  # noqa: F401
    pull,  # noqa: F401
    quality,  # noqa: F401
    questions,  # noqa: F401
    safety,  # noqa: F401
    tree,  # noqa: F401
)
