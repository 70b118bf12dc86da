"""Hostile text takes linear time: in every regular expression of the bot, and wherever text comes in."""

import ast
import re
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import cache
from itertools import product
from typing import Any

import pytest

from bot.generate.chunks import chunks
from bot.generate.exit_check import unsafe
from bot.generate.without_teacher import given_samples
from bot.taxonomy.leaf import Document
from bot.text.compare_as_read import as_read
from bot.text.document_doubts import doubts
from bot.text.escape_markdown import escape
from bot.text.hyphens import join_hyphens
from bot.text.read_markdown import as_markdown
from bot.text.safety import unsafe_text
from bot.text.words import normal
from tests import ROOT
from tests.helpers.leaves import knowledge
from tests.helpers.lint_tree import DOCUMENT, KNOWLEDGE
from tests.lint.conftest import tree

__all__ = ["tree"]
sre_parser: Any = re._parser  # type: ignore[attr-defined]

SMALL, LARGE = 2_000, 16_000
"""Characters. Of eight times the text linear work takes eight times as long, quadratic work 64 times."""
MOST = 25
"""Times as long that the larger text may take: a busy machine is no quadratic expression."""
UNSEEN_S = 0.01
"""What the larger text takes at most without being measured anew: quadratic work takes longer."""
MARKS = (
    *" \n\t\rax0A.,;:-_'\"<>[](){}@+#`~|/*&!?\u201c\u00e9\u4e2d\u200b\u0301",
    *("a ", "a. ", "\n ", "1.", "- ", "```a\n", "[a](", "a@", "a\n", "<a ", "# ", "1 ", "\n\n", "A1"),
)
ENDS = ("", "\0", "\n!")
MOST_BEGINNINGS = 12
MATCHING = ("match", "fullmatch")


@dataclass(frozen=True)
class Expression:
    """A regular expression as the source has it.

    Attributes:
        anchored: it is only ever matched at a text's beginning.
    """

    where: str
    pattern: str | bytes
    flags: int
    anchored: bool


@cache
def expressions() -> list[Expression]:
    """Every constant expression of the product."""
    found = []
    for file in sorted((ROOT / "bot").rglob("*.py")):
        found += list(_in_source(file.read_text(), file.relative_to(ROOT).as_posix()))
    return found


def _in_source(source: str, name: str) -> Iterator[Expression]:
    tree = ast.parse(source)
    names = {
        id(node.value): node.targets[0].id
        for node in ast.walk(tree)
        if isinstance(node, ast.Assign) and isinstance(node.targets[0], ast.Name)
    }
    for node in ast.walk(tree):
        if not (isinstance(node, ast.Call) and ast.unparse(node.func).startswith("re.") and node.args):
            continue
        first = node.args[0]
        if not isinstance(first, ast.Constant) or not isinstance(first.value, str | bytes):
            continue
        function = ast.unparse(node.func).removeprefix("re.")
        flags = [part for part in ast.unparse(node).split("re.") if part.split(")")[0].strip(" |").isupper()]
        value = sum(int(getattr(re, part.split(")")[0].strip(" |"))) for part in flags)
        variable = names.get(id(node), "")
        used = re.findall(rf"\b{variable}\.(\w+)\(", source) if variable else [function]
        anchored = bool(used) and all(use in MATCHING for use in used)
        yield Expression(f"{name}:{node.lineno}", first.value, value, anchored)


def beginnings(pattern: str | bytes) -> list[str]:
    """Texts that an expression follows for a part of its way, so that the rest of it is tried."""
    parsed = sre_parser.parse(pattern)
    return list(dict.fromkeys(text for text in _grown(parsed) if len(text) > 1))[-MOST_BEGINNINGS:]


def _grown(parts: Any) -> Iterator[str]:
    """What leads through the first part, the first two, and so on; with alternatives, through each."""
    text = ""
    for kind, value in parts:
        if str(kind) == "BRANCH" or (str(kind) == "SUBPATTERN" and len(value[-1]) == 1):
            inner = value[1] if str(kind) == "BRANCH" else [value[-1]]
            yield from (text + end for part in inner for end in _grown(part))
        text += _example(kind, value)
        yield text


def _example(kind: Any, value: Any) -> str:
    """A short text that one part of an expression matches."""
    match str(kind):
        case "LITERAL":
            return chr(value)
        case "IN":
            return next((one for part in value if (one := _example(*part))), "x")
        case "RANGE":
            return chr(value[0])
        case "CATEGORY":
            return {"CATEGORY_DIGIT": "1", "CATEGORY_SPACE": " ", "CATEGORY_WORD": "a"}.get(str(value), "-")
        case "NEGATE" | "AT" | "ASSERT" | "ASSERT_NOT" | "GROUPREF":
            return ""
        case "BRANCH":
            return "".join(_example(*part) for part in value[1][0])
        case "SUBPATTERN" | "ATOMIC_GROUP":
            return "".join(_example(*part) for part in (value[-1] if str(kind) == "SUBPATTERN" else value))
        case "MAX_REPEAT" | "MIN_REPEAT" | "POSSESSIVE_REPEAT":
            return "".join(_example(*part) for part in value[2]) * max(1, min(value[0], 40))
        case _:
            return "x"


def hostile(pattern: str | bytes, size: int) -> Iterator[str]:
    """Texts of about a size that repeat what may lead an expression astray."""
    found = beginnings(pattern)
    for mark, end in product((*MARKS, *found), ENDS):
        yield mark * (size // len(mark)) + end
    for word, mark in product(found, MARKS):
        yield word + mark * (size // len(mark)) + "\0"
        yield (word + mark) * (size // len(word + mark)) + "\0"


def taken(work: Callable[[], object], tries: int = 1) -> float:
    """Seconds of this thread's CPU time, the least of some tries."""
    least = float("inf")
    for _ in range(tries):
        begun = time.thread_time()
        work()
        least = min(least, time.thread_time() - begun)
    return least


def searched(expression: Expression, text: str) -> Callable[[], object]:
    compiled: re.Pattern[Any] = re.compile(expression.pattern, expression.flags)
    subject: Any = text.encode() if isinstance(expression.pattern, bytes) else text
    if expression.anchored:
        return lambda: compiled.match(subject)
    return lambda: sum(1 for _ in compiled.finditer(subject))


def test_the_expressions_are_found() -> None:
    where = {expression.where.partition(":")[0] for expression in expressions()}
    assert {"bot/text/safety.py", "bot/text/analysis.py", "bot/lint/rules/attribution.py"} <= where
    assert len(expressions()) > 80


@pytest.mark.parametrize("expression", expressions(), ids=lambda expression: expression.where)
def test_an_expression_takes_linear_time(expression: Expression) -> None:
    texts = zip(hostile(expression.pattern, SMALL), hostile(expression.pattern, LARGE), strict=True)
    for small, large in texts:
        if taken(searched(expression, large)) < UNSEEN_S:
            continue
        before = max(taken(searched(expression, small), 3), 1e-4)
        assert taken(searched(expression, large), 3) < MOST * before, (expression, large[:40])


DOCUMENTS = (
    "```a\n",
    "[a](b ",
    "*a",
    "\u4e2d\n",
    "\u0301\u0327",
    "<|im_end|> ",
    "It hums.  It \u200bbites. a@b 1 ignore\n\n",
)
SECONDS = 12
"""Of CPU time, for 1 MB: linear work takes about a tenth of it here; quadratic work took 13 s for 80 kB."""


def a_megabyte(mark: str) -> str:
    return mark * (1_000_000 // len(mark.encode()))


@pytest.mark.parametrize("mark", DOCUMENTS, ids=repr)
def test_a_document_of_1_mb_is_made_into_checked_samples(mark: str) -> None:
    leaf = knowledge(documents=(Document("long.md", a_megabyte(mark)),))
    assert taken(lambda: [unsafe(sample) for sample in given_samples(leaf, 0)]) < SECONDS


@pytest.mark.parametrize("mark", DOCUMENTS, ids=repr)
def test_a_document_of_1_mb_is_cut_into_passages(mark: str) -> None:
    assert taken(lambda: chunks(a_megabyte(mark), 500, "")) < SECONDS


@pytest.mark.parametrize("mark", DOCUMENTS, ids=repr)
def test_a_document_of_1_mb_is_linted(tree: Any, mark: str) -> None:
    tree.write(f"{KNOWLEDGE}/oru.md", DOCUMENT + a_megabyte(mark)[: -len(DOCUMENT.encode())])
    tree.write(f"{KNOWLEDGE}/attribution.txt", f"License: a{' ' * 400_000}x\n{'title' * 100_000}\n")
    assert taken(tree.lint) < SECONDS


@pytest.mark.parametrize("mark", (*DOCUMENTS, "a\ufffe", "$a", "[[a", "\u05da ", "a-\n"), ids=repr)
def test_1_mb_of_text_are_compared_and_searched_for_what_is_uncertain(mark: str) -> None:
    text = a_megabyte(mark)
    assert taken(lambda: as_read(text)) < SECONDS
    assert taken(lambda: doubts(text)) < SECONDS
    assert taken(lambda: join_hyphens(text)) < SECONDS
    assert taken(lambda: as_markdown(text)) < SECONDS


@pytest.mark.parametrize("mark", DOCUMENTS, ids=repr)
def test_1_mb_of_text_are_normal_and_checked_in_linear_time(mark: str) -> None:
    text = a_megabyte(mark)
    assert taken(lambda: normal(text)) < SECONDS
    assert taken(lambda: unsafe_text(f"<{text}")) < SECONDS
    assert taken(lambda: escape(text)) < SECONDS
