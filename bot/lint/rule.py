"""The rule types, the table of all rules, and the decorators that register a function as a rule."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from difflib import get_close_matches
from functools import partial
from typing import TypeVar

from bot.core.errors import UserError
from bot.lint.findings import Severity
from bot.lint.leaf_view import LeafView, PullView
from bot.taxonomy.files import Files
from bot.taxonomy.parsed import Problem

Problems = Iterator[tuple[str, Problem]]
"""Pairs of a file and a problem in it.

The file is a name in the leaf's folder for leaf rules, a path in the tree for tree rules, and a path in the
repository for pull request rules.
"""


@dataclass(frozen=True)
class Example:
    """A part of a file that breaks a rule, and the same part fixed.

    Attributes:
        file: the file's name in its leaf's folder; "" if `bad` and `good` are lists of paths in the tree.
    """

    file: str
    bad: str
    good: str


@dataclass(frozen=True)
class Rule:
    """A lint rule and its documentation.

    Attributes:
        severity: the default severity, which arborist.yaml can override.
        doc: what the rule requires, in one sentence.
        why: the reason for the rule, in one or two sentences.
        example: a violation and its fix; a test lints both.
    """

    name: str
    severity: Severity
    doc: str
    why: str
    example: Example


@dataclass(frozen=True)
class LeafRule(Rule):
    """A rule that checks one leaf; it names files relative to the leaf's folder."""

    check: Callable[[LeafView], Problems]


@dataclass(frozen=True)
class TreeRule(Rule):
    """A rule that checks the files of the whole tree; it names files relative to the tree's root."""

    check: Callable[[Files], Problems]


@dataclass(frozen=True)
class PullRule(Rule):
    """A rule that checks the changes of a pull request; it names files relative to the repository's root."""

    check: Callable[[PullView], Problems]


Check = TypeVar("Check", bound=Callable[..., Problems])
RULES: dict[str, LeafRule | TreeRule | PullRule] = {}


def find_rule(name: str) -> Rule:
    """Return the rule with this name.

    Raises:
        UserError: there is no such rule.
    """
    if name not in RULES:
        near = get_close_matches(name, RULES, 1)
        hint = f"did you mean {near[0]}?" if near else "`arborist rule` lists them all"
        raise UserError(f"there is no rule {name!r}; {hint}")
    return RULES[name]


def _register(
    kind: type[LeafRule] | type[TreeRule] | type[PullRule],
    name: str,
    severity: Severity,
    doc: str,
    why: str,
    example: Example,
) -> Callable[[Check], Check]:
    """Return a decorator that registers a check function as a rule of this kind."""

    def register(check: Check) -> Check:
        RULES[name] = kind(name, severity, doc, why, example, check)
        return check

    return register


leaf_rule = partial(_register, LeafRule)
tree_rule = partial(_register, TreeRule)
pull_rule = partial(_register, PullRule)
