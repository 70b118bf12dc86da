"""Lint beside the floor, which is reading the files, and beside InstructLab's check."""

import json
import os
import random
import resource
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

import jsonschema_rs
import yaml
from rich.console import Console
from rich.table import Table

from bot.config.recipe import LintRecipe
from bot.lint import lint_tree, tree_files
from bot.lint.cache import open_cache
from bot.lint.profiles.instructlab import lint_as_instructlab
from tests import ROOT

SIZES = (1_000, 10_000)
OF_THE_PEER = 20
ARBORIST = str(Path(sys.executable).with_name("arborist"))
ATTRIBUTION = (
    "Title of work: {0}\nLink to work: {0}.md\nLicense of the work: CC-BY-4.0\nCreator names: nobody\n"
)


def timed(work: Callable[[], object]) -> float:
    start = time.perf_counter()
    work()
    return time.perf_counter() - start


def words(draw: random.Random, count: int) -> str:
    """A sentence of words that mean nothing, so that no two leaves are alike."""
    made = [
        "".join(draw.choice("bdfgklmnprstv") + draw.choice("aeiou") for _ in range(3)) for _ in range(count)
    ]
    return f"{' '.join(made).capitalize()}."


def leaf(folder: Path, number: int) -> None:
    """A knowledge leaf as people write them: five passages, three questions on each, a document, an exam."""
    draw = random.Random(number)
    name = f"leaf_{number}"
    passages = ["\n".join(words(draw, 11) for _ in range(5)) for _ in range(5)]
    seeds = [
        {
            "context": passage,
            "questions_and_answers": [
                # Two words, since many lines begin with the same one, and lint reports equal questions.
                {"question": f"What is said of {' '.join(line.split()[:2]).lower()}?", "answer": line}
                for line in passage.splitlines()[:3]
            ],
        }
        for passage in passages
    ]
    data = {
        "version": 3,
        "created_by": "nobody",
        "domain": "nothing",
        "document_outline": words(draw, 6),
        "document": {"repo": ".", "commit": "HEAD", "patterns": [f"{name}.md"]},
        "seed_examples": seeds,
    }
    exam = {
        "version": 1,
        "questions": [{"question": f"{words(draw, 7)[:-1]}?", "must_contain": [passages[0].split()[0]]}],
    }
    place = folder / "knowledge" / f"group_{number % 100}" / name
    place.mkdir(parents=True)
    (place / "qna.yaml").write_text(yaml.dump(data, Dumper=yaml.CSafeDumper, sort_keys=False))
    (place / "exam.yaml").write_text(yaml.dump(exam, Dumper=yaml.CSafeDumper, sort_keys=False))
    (place / "attribution.txt").write_text(ATTRIBUTION.format(name))
    (place / f"{name}.md").write_text("\n\n".join(passages))


def floor(tree: Path) -> None:
    """What no lint can do without: read each file, parse it, hold it against its schema."""
    validators = {
        name: jsonschema_rs.validator_for(json.loads((ROOT / "schemas" / f"{schema}.json").read_text()))
        for name, schema in (("qna.yaml", "qna-v3"), ("exam.yaml", "exam"))
    }
    for folder, _, names in os.walk(tree):
        for name in validators.keys() & set(names):
            text = Path(folder, name).read_bytes()
            validators[name].is_valid(yaml.load(text, Loader=yaml.CSafeLoader))


def peer(tree: Path, count: int) -> float:
    """InstructLab's own check on some of the leaves; on all of them it takes minutes."""
    from instructlab.schema.taxonomy import TaxonomyParser

    parser = TaxonomyParser(schema_version=0, message_format="logging")
    some = sorted(tree.rglob("qna.yaml"))[:OF_THE_PEER]
    return timed(lambda: [parser.parse(path) for path in some]) * count / len(some)


def lint(tree: Path, cache: Path) -> None:
    with open_cache(cache, LintRecipe()) as found:
        report = lint_tree(tree, cache=found)
    assert report.findings == [], report.findings[:3]


def measure(table: Table, count: int, folder: Path) -> None:
    tree = folder / "taxonomy"
    for number in range(count):
        leaf(tree, number)
    times = {
        "floor: read, CSafeLoader, jsonschema-rs": timed(lambda: floor(tree)),
        "arborist lint --profile instructlab": timed(lambda: lint_as_instructlab(tree_files(tree))),
        f"instructlab-schema 0.4.2 (on {OF_THE_PEER}, times {count // OF_THE_PEER})": peer(tree, count),
        "arborist lint, all offline rules": timed(lambda: lint_tree(tree)),
        "the same, the first time with the cache": timed(lambda: lint(tree, folder / "cache")),
        "the same, from the cache": timed(lambda: lint(tree, folder / "cache")),
    }
    lowest = next(iter(times.values()))
    for what, seconds in times.items():
        table.add_row(f"{count:,}", what, f"{seconds:.2f}", f"{seconds / lowest:.1f}")
    shutil.rmtree(tree)


def start(table: Table, folder: Path) -> None:
    """From a process's start to its exit."""
    leaf(folder / "taxonomy", 1)
    command = [ARBORIST, "lint", "--repository", str(folder)]
    environment = {**os.environ, "ARBORIST_CACHE": str(folder / "cache")}
    once = min(timed(lambda: subprocess.run(command, env=environment, capture_output=True)) for _ in range(5))
    table.add_row("1", "the command, from start to exit", f"{once:.2f}", "")


def main() -> None:
    table = Table(title="Lint")
    for name in ("leaves", "what", "seconds", "times the floor"):
        table.add_column(name, justify="left" if name == "what" else "right")
    # InstructLab's check starts the command yamllint, and leaves it out where PATH has none.
    os.environ["PATH"] = os.pathsep.join((str(Path(sys.executable).parent), os.environ["PATH"]))
    with tempfile.TemporaryDirectory() as folder:
        for count in SIZES:
            measure(table, count, Path(folder))
        start(table, Path(folder) / "one")
    Console().print(table)
    print(f"most memory: {resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1e6:.2f} GB")
