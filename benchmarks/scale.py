"""A taxonomy as large as InstructLab's: mixtures, plans, retraining and the store, with nothing generated.

Each measurement runs in a process of its own, so that its memory is its own.
"""

import dataclasses
import json
import random
import resource
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Sequence
from pathlib import Path

from rich.console import Console
from rich.table import Table

from benchmarks import large_tree
from bot.config.load import load_recipe
from bot.config.recipe import GeneralRecipe, Recipe
from bot.core.sample import Sample
from bot.core.store import Store
from bot.generate.leaf_samples import Funnel, Generated
from bot.taxonomy.leaf import ExamQuestion, Leaf
from bot.text.mark_answer import Marking
from tests import ROOT

SAMPLES, EXAM = 300, 12
LEAVES = (100, 1_000)
ASKED = (
    "What is said of the {0} {1}?",
    "In which year was the {0} {1} made in {2}?",
    "Who brought the {0} {1} to {2}, and what became of it there?",
    "Why do the people of {2} keep the {0} {1} in the house of the {3}?",
    "How many of the {0} {1}s are left in {2} today, and who counts them for the {3}?",
)

EVERYBODYS = ["house", "river", "clock", "queen", "ship"]


def _names(draw: random.Random, count: int) -> list[str]:
    return [
        "".join(draw.choice("bdfgklmnprstv") + draw.choice("aeiou") for _ in range(3)) for _ in range(count)
    ]


def _question(draw: random.Random, number: int) -> str:
    """Most names are this leaf's alone; the words around them, and some names, are in all leaves."""
    own = _names(random.Random(f"names {number}"), 40)
    return draw.choice(ASKED).format(*draw.choices(own + EVERYBODYS, k=4))


def _leaf(number: int) -> Leaf:
    draw = random.Random(f"exam {number}")
    exam = tuple(ExamQuestion(_question(draw, number), Marking((("x",),))) for _ in range(EXAM))
    kind = "knowledge" if number % 5 else "compositional"
    return Leaf(f"{kind}/group_{number % 100}/leaf_{number}", kind, 3, "nobody", "Nothing", (), exam=exam)


def _samples(leaf: Leaf, number: int) -> Iterator[Sample]:
    """Each with its passage, as the pipelines make them; one in a hundred asks what an exam asks."""
    draw = random.Random(f"samples {number}")
    passages = [" ".join(_names(draw, 120)) for _ in range(10)]
    for place in range(SAMPLES):
        question = draw.choice(leaf.exam).question if place % 100 == 99 else _question(draw, number)
        answer = " ".join(_names(draw, 20))
        turns = (("user", question), ("assistant", answer))
        yield Sample(leaf.path, "asked", turns, passages[place % 10], f"passage {place % 10}")


def _recipe(folder: Path) -> Recipe:
    dataset = folder / "general.jsonl"
    turns = [{"role": "user", "content": "Hello"}, {"role": "assistant", "content": "Good day."}]
    dataset.write_text(json.dumps({"messages": turns}))
    stated = load_recipe(ROOT / "arborist.yaml")
    train = dataclasses.replace(stated.train, general=GeneralRecipe(dataset=str(dataset)))
    return dataclasses.replace(stated, train=train)


def _stored(leaves: Sequence[Leaf], store: Store) -> list[Generated]:
    """The leaves' samples as a run before has stored them."""
    from bot.generate.rows import FILE, StoredSamples, samples_to_bytes

    made = []
    for number, leaf in enumerate(leaves):
        samples = list(_samples(leaf, number))
        files = {FILE: samples_to_bytes(samples)}
        entry = store.put("samples", f"{number:064}", {}, files, facts={"samples": len(samples)})
        made.append(Generated(leaf.path, entry.key, StoredSamples(entry), Funnel(0, 0, {}, {})))
    return made


def write_samples(folder: str, count: str) -> dict[str, float]:
    """Store the samples that `mixture` mixes."""
    _stored([_leaf(number) for number in range(int(count))], Store(folder))
    return {}


def mixture(folder: str, count: str) -> dict[str, float]:
    """Mix both phases, and read them once as training does."""
    from bot.generate.rows import StoredSamples
    from bot.pipeline.mix import mix

    store, recipe = Store(folder), _recipe(Path(folder))
    leaves = [_leaf(number) for number in range(int(count))]
    entries = store.get_many("samples", [f"{number:064}" for number in range(len(leaves))])
    generated = [
        Generated(leaf.path, f"{number:064}", StoredSamples(entries[f"{number:064}"]), Funnel(0, 0, {}, {}))
        for number, leaf in enumerate(leaves)
    ]
    began, busy = time.perf_counter(), time.process_time()
    mixed = [
        mix("knowledge", generated, leaves, recipe, store),
        mix("skills", generated, leaves, recipe, store),
    ]
    seconds, computed = time.perf_counter() - began, time.process_time() - busy
    began = time.perf_counter()
    letters = sum(len(sample.messages[-1][1]) for one in mixed for sample in one.samples)
    return {
        "seconds": seconds,
        "computed": computed,
        "samples": sum(len(one.samples) for one in mixed),
        "left out": sum(one.contaminated for one in mixed),
        "reading": time.perf_counter() - began,
        "letters": letters,
    }


MEASURED = {function.__name__: function for function in (write_samples, mixture)}


def apart(name: str, *arguments: object) -> dict[str, float]:
    """Run a measurement in a process of its own; with the most memory that it took, in GB."""
    command = [sys.executable, "-m", "benchmarks.scale", name, *map(str, arguments)]
    done = subprocess.run(command, capture_output=True, text=True, cwd=ROOT)
    if done.returncode:
        raise SystemExit(f"{name} ended with {done.returncode}:\n{done.stderr[-2_000:]}")
    measured: dict[str, float] = json.loads(done.stdout.splitlines()[-1])
    return measured


def mixtures() -> None:
    """Print how long mixing takes, for ten times the leaves."""
    table = Table(title=f"Mixtures of both phases: {SAMPLES} samples and {EXAM} exam questions a leaf")
    for name in (
        "leaves",
        "in the mixtures",
        "left out",
        "seconds",
        "of the CPU",
        "reading them",
        "most memory, GB",
    ):
        table.add_column(name, justify="right")
    for count in LEAVES:
        with tempfile.TemporaryDirectory() as folder:
            apart("write_samples", folder, count)
            got = apart("mixture", folder, count)
        row = (
            f"{got['samples']:,}",
            f"{got['left out']:,}",
            f"{got['seconds']:.1f}",
            f"{got['computed']:.1f}",
            f"{got['reading']:.1f}",
        )
        table.add_row(f"{count:,}", *row, f"{got['memory']:.2f}")
    Console(width=110).print(table)


def main() -> None:
    """Print all tables."""
    mixtures()
    with tempfile.TemporaryDirectory() as folder:
        large_tree.main(Path(folder))


if __name__ == "__main__":
    measured = MEASURED[sys.argv[1]](*sys.argv[2:])
    memory = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1e6
    print(json.dumps(measured | {"memory": memory}))
