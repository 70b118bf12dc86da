"""`--profile instructlab` gives the verdicts of instructlab-schema 0.4.2: on real leaves, and on broken ones.

tests/data/instructlab-taxonomy.tar.xz holds 101 leaves of the public taxonomy (Apache-2.0, its LICENSE with
them), each in its last version there.
"""

import contextlib
import io
import random
import re
import subprocess
import sys
import tarfile
from collections.abc import Callable
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import instructlab.schema.taxonomy
import pytest
import yamllint.cli
from hypothesis import HealthCheck, event, given, settings
from hypothesis import strategies as st
from instructlab.schema.taxonomy import TaxonomyMessageFormat, TaxonomyParser, TaxonomyReadingException

from bot.lint import tree_files
from bot.lint.profiles.instructlab import lint_as_instructlab

ARCHIVE = Path(__file__).parents[1] / "data/instructlab-taxonomy.tar.xz"
VALUES = [
    "yes",
    "7",
    "2.5",
    "null",
    "2024-11-23",
    '""',
    "''",
    "[]",
    "{}",
    "~",
    "0o17",
    "&a x",
    "*a",
    "!!str 3",
]
VALUES += ["!!binary x", "<<", "x: y", "- x", "| ", ">-", "'it''s'", '"\\u00e9"', '"\\x"', "é\u0301", "1_000"]
LINES = [
    "version: 1",
    "version: 2",
    "version: 3",
    'version: "3"',
    "version: 3.0",
    "version: 9",
    "version: yes",
]
LINES += [
    "---",
    "...",
    "%YAML 1.1",
    "# yamllint disable",
    "# yamllint disable-line",
    "created_by: again",
    "- x",
]
LINES += [
    "document_outline: x",
    "domain: x",
    "document:\n  repo: x\n  commit: y\n  patterns: [a, b]",
    "",
    "  ",
]
CHARACTERS = [
    "\t",
    " ",
    "\x00",
    "\ufeff",
    "\u2028",
    "\x85",
    '"',
    "'",
    ":",
    "#",
    "- ",
    "{",
    "]",
    "*",
    "&",
    "\\",
]
FOLDERS = ("knowledge", "compositional_skills", "foundational_skills", "elsewhere")

Mutation = Callable[[list[str], random.Random], None]


@pytest.fixture(scope="module")
def corpus(tmp_path_factory: pytest.TempPathFactory) -> Path:
    root = tmp_path_factory.mktemp("corpus")
    with tarfile.open(ARCHIVE) as archive:
        archive.extractall(root, filter="data")
    return root / "instructlab-taxonomy"


@pytest.fixture(autouse=True)
def _yamllint_in_this_process(monkeypatch: pytest.MonkeyPatch) -> None:
    """The peer starts yamllint as a command for each file, which takes 0.4 s; the same code runs here."""
    monkeypatch.setattr(instructlab.schema.taxonomy, "subprocess", SimpleNamespace(**PROCESS))


def run_yamllint(command: list[str], input: str, **_: Any) -> SimpleNamespace:
    """Run the command `yamllint` with a text as its standard input, and return what it prints."""
    before, printed = sys.stdin, io.StringIO()
    sys.stdin = io.TextIOWrapper(io.BytesIO(input.encode()))
    try:
        with contextlib.redirect_stdout(printed), contextlib.suppress(SystemExit):
            yamllint.cli.run(command[1:])
    finally:
        sys.stdin = before
    return SimpleNamespace(stdout=printed.getvalue())


PROCESS = {"run": run_yamllint, "PIPE": subprocess.PIPE, "STDOUT": subprocess.STDOUT}


def peer_rejects(path: Path, schema_version: int) -> bool:
    """The peer's verdict; one that ends in an exception is no yes."""
    parser = TaxonomyParser(
        schema_version=schema_version, message_format=TaxonomyMessageFormat.LOGGING, yamllint_strict=False
    )
    with contextlib.redirect_stdout(io.StringIO()):
        try:
            return bool(parser.parse(path).errors)
        except TaxonomyReadingException:
            return True


def our_rejects(root: Path, schema_version: int) -> set[Path]:
    found = lint_as_instructlab(tree_files(root), schema_version).findings
    return {root.parent / finding.path for finding in found if finding.severity == "error"}


@pytest.mark.parametrize("schema_version", [0, 3])
def test_they_agree_on_every_real_leaf(corpus: Path, schema_version: int) -> None:
    files = sorted(corpus.rglob("qna.yaml"))
    assert len(files) == 101
    peer = {path for path in files if peer_rejects(path, schema_version)}
    assert our_rejects(corpus, schema_version) == peer
    assert 0 < len(peer) < 101 or schema_version == 3


def change_value(lines: list[str], dice: random.Random) -> None:
    place = _place(lines, dice)
    lines[place] = re.sub(
        r"(:|-) .*", lambda match: f"{match[1]} {dice.choice(VALUES)}", lines[place], count=1
    )


def remove_line(lines: list[str], dice: random.Random) -> None:
    del lines[_place(lines, dice)]


def repeat_line(lines: list[str], dice: random.Random) -> None:
    place = _place(lines, dice)
    lines.insert(place, lines[place])


def repeat_block(lines: list[str], dice: random.Random) -> None:
    """A seed example twice, where the two places are those of two items."""
    start, end = sorted((_place(lines, dice), _place(lines, dice)))
    lines[end:end] = lines[start:end]


def indent_line(lines: list[str], dice: random.Random) -> None:
    place = _place(lines, dice)
    lines[place] = dice.choice([" ", "  ", "\t", "- "]) + lines[place]


def outdent_line(lines: list[str], dice: random.Random) -> None:
    place = _place(lines, dice)
    lines[place] = lines[place].lstrip()


def add_line(lines: list[str], dice: random.Random) -> None:
    lines.insert(dice.choice([0, 1, _place(lines, dice), len(lines)]), dice.choice(LINES))


def add_character(lines: list[str], dice: random.Random) -> None:
    place = _place(lines, dice)
    column = dice.randint(0, len(lines[place]))
    lines[place] = lines[place][:column] + dice.choice(CHARACTERS) + lines[place][column:]


def end_with_spaces(lines: list[str], dice: random.Random) -> None:
    lines[_place(lines, dice)] += dice.choice([" ", "\t", "  # x", " # yamllint disable-line"])


def cut(lines: list[str], dice: random.Random) -> None:
    del lines[_place(lines, dice) :]


def no_last_line_end(lines: list[str], _: random.Random) -> None:
    while lines and not lines[-1]:
        lines.pop()


def carriage_returns(lines: list[str], dice: random.Random) -> None:
    lines[:] = [line + "\r" for line in lines] if dice.random() < 0.5 else ["\r".join(lines)]


def rename_key(lines: list[str], dice: random.Random) -> None:
    place = _place(lines, dice)
    lines[place] = re.sub(
        r"\w+:", lambda match: dice.choice(["context:", "extra:", "3:", "? "]), lines[place]
    )


MUTATIONS: list[Mutation] = [
    change_value, remove_line, repeat_line, repeat_block, indent_line, outdent_line, add_line, add_character,
    end_with_spaces, cut, no_last_line_end, carriage_returns, rename_key,
]  # fmt: skip


def _place(lines: list[str], dice: random.Random) -> int:
    if not lines:
        lines.append("")
    return dice.randrange(len(lines))


@settings(
    max_examples=max(250, settings.default.max_examples),
    deadline=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
)
@given(
    leaf=st.integers(0, 100),
    mutations=st.lists(st.sampled_from(MUTATIONS), min_size=1, max_size=4),
    folder=st.sampled_from([None, None, *FOLDERS]),
    schema_version=st.sampled_from([0, 0, 1, 2, 3]),
    seed=st.integers(0, 2**32),
)
def test_they_agree_on_mutations_of_them(
    corpus: Path,
    tmp_path_factory: pytest.TempPathFactory,
    leaf: int,
    mutations: list[Mutation],
    folder: str | None,
    schema_version: int,
    seed: int,
) -> None:
    dice = random.Random(seed)
    source = sorted(corpus.rglob("qna.yaml"))[leaf]
    lines = source.read_text(encoding="utf-8").split("\n")
    for mutation in mutations:
        mutation(lines, dice)
    root = tmp_path_factory.mktemp("mutated") / "taxonomy"
    path = root / (folder or source.relative_to(corpus).parts[0]) / "leaf/qna.yaml"
    path.parent.mkdir(parents=True)
    path.write_bytes("\n".join(lines).encode(errors="replace"))
    rejected = peer_rejects(path, schema_version)
    event("rejected" if rejected else "taken")
    assert (path in our_rejects(root, schema_version)) == rejected
