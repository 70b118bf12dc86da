"""`make bench`: figures side by side in one run, as ratios, since machines are noisy."""

import shutil
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

import yaml
from rich.console import Console
from rich.table import Table

from bot.lint import lint_tree
from bot.recipe import ROOT

LEAVES = 200
ROUNDS = 3


def timed(work: Callable[[], object]) -> float:
    start = time.perf_counter()
    work()
    return time.perf_counter() - start


def copies(folder: Path) -> Path:
    """A taxonomy of many leaves: our knowledge leaves, again and again."""
    source = ROOT / "taxonomy" / "knowledge" / "science" / "minerals" / "tessarite"
    for number in range(LEAVES):
        shutil.copytree(source, folder / "knowledge" / f"leaf_{number}")
    return folder


def floor(folder: Path) -> None:
    """What no lint can do without: read each file and parse it."""
    for path in folder.rglob("*.yaml"):
        yaml.load(path.read_bytes(), Loader=yaml.CSafeLoader)


def start() -> None:
    subprocess.run(
        [str(Path(sys.executable).with_name("arborist")), "version"], check=True, capture_output=True
    )


def main() -> None:
    with tempfile.TemporaryDirectory() as folder:
        tree = copies(Path(folder) / "taxonomy")
        rounds = [
            (timed(lambda: lint_tree(tree)), timed(lambda: floor(tree)), timed(start)) for _ in range(ROUNDS)
        ]
    lint_s, floor_s, start_s = (statistics.median(column) for column in zip(*rounds, strict=True))
    table = Table(title=f"Lint, {LEAVES} knowledge leaves, median of {ROUNDS} rounds")
    for name in ("what", "seconds", "times the floor"):
        table.add_column(name, justify="left" if name == "what" else "right")
    table.add_row("arborist lint, all rules", f"{lint_s:.2f}", f"{lint_s / floor_s:.1f}")
    table.add_row("floor: read + CSafeLoader", f"{floor_s:.2f}", "1.0")
    table.add_row("start of the command", f"{start_s:.2f}", "")
    Console().print(table)


if __name__ == "__main__":
    main()
