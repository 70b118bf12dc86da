"""Generation: samples a minute and how busy the engine is, beside InstructLab's generator on one endpoint."""

import asyncio
import dataclasses
import json
import subprocess
import tempfile
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from rich.console import Console
from rich.table import Table

from benchmarks.environments import environment
from bot.config.load import load_recipe
from bot.config.recipe import Recipe, TeacherRecipe
from bot.core.store import Store
from bot.generate.leaf_samples import Generated
from bot.inference.engine import Engine, Request, Response
from bot.inference.engine_openai import OpenAIEngine
from bot.inference.teacher import open_teacher
from bot.pipeline import generate as samples
from bot.taxonomy.leaf import Leaf
from bot.taxonomy.tree import load_tree
from tests import ROOT
from tests.helpers.vllm_server import serving

WANTED = 40
AT_ONCE = 32
"""Requests under way, of all that ask; the server's profile has as many places."""
PEER = "instructlab-sdg==0.8.3"


@dataclasses.dataclass
class Asked:
    """All that the engine was asked, and the tokens that it wrote; batches that then weren't needed too."""

    requests: list[Request] = dataclasses.field(default_factory=list)
    tokens: int = 0


class Recorder:
    """A teacher that writes down what it is asked."""

    def __init__(self, teacher: Engine, asked: Asked) -> None:
        self.teacher, self.asked, self.at_once = teacher, asked, teacher.at_once

    def complete(self, requests: Sequence[Request]) -> Iterator[Response]:
        self.asked.requests += requests
        for response in self.teacher.complete(requests):
            self.asked.tokens += response.tokens
            yield response

    def close(self) -> None:
        self.teacher.close()


def ours(leaves: list[Leaf], recipe: Recipe, asked: Asked) -> tuple[list[Generated], float]:
    """What is made from nothing, and in how many seconds."""
    samples.open_teacher = lambda recipe: Recorder(open_teacher(recipe), asked)
    with tempfile.TemporaryDirectory() as folder:
        started = time.perf_counter()
        made = samples.generate(leaves, recipe, Store(folder))
        return made, time.perf_counter() - started


@contextmanager
def engine(shipped: Recipe, model: str) -> Iterator[Recipe]:
    """A recipe with a fresh engine for its teacher: none has read another one's prompts before."""
    with serving() as server:
        url = server.url
        teacher = TeacherRecipe("openai", model, url=url, requests=AT_ONCE, continues=True, structured=True)
        wanted = dataclasses.replace(shipped.generate, samples=WANTED, batches=8)
        recipe = dataclasses.replace(shipped, teacher=teacher, generate=wanted)
        # What an engine does for the first time it does slowly.
        bare(recipe, [Request((("user", f"What is {n}?"),), 8, 0.7) for n in range(AT_ONCE)])
        yield recipe


async def _bare(recipe: Recipe, requests: Sequence[Request]) -> int:
    import openai

    teacher = open_teacher(recipe)
    assert isinstance(teacher, OpenAIEngine)
    places = asyncio.Semaphore(AT_ONCE)

    async with openai.AsyncOpenAI(base_url=recipe.teacher.url, api_key="none") as client:

        async def one(request: Request) -> int:
            async with places:
                said = await client.chat.completions.create(**teacher._body(request))
                assert said.usage
                return said.usage.completion_tokens

        return sum(await asyncio.gather(*map(one, requests)))


def bare(recipe: Recipe, requests: Sequence[Request]) -> tuple[int, float]:
    """The same requests, all of them known beforehand: tokens that come, and seconds."""
    started = time.perf_counter()
    tokens = asyncio.run(_bare(recipe, requests))
    return tokens, time.perf_counter() - started


def write_for_the_peer(leaves: Sequence[Leaf], folder: Path) -> None:
    """The leaves as instructlab-sdg has them after its own preparation."""
    for number, leaf in enumerate(leaves):
        kind = "grounded_skill" if leaf.grounded else "freeform_skill"
        common = {
            "leaf_node_path": leaf.path,
            "leaf_node_type": "knowledge" if leaf.kind == "knowledge" else kind,
        }
        rows: list[dict[str, Any]] = []
        for seed in leaf.seeds:
            if leaf.kind == "knowledge":
                row = {
                    "icl_document": seed.context,
                    "document": leaf.documents[0].text,
                    "document_outline": leaf.description,
                    "domain": leaf.domain,
                }
                for place, pair in enumerate(seed.pairs[:3], 1):
                    row |= {f"icl_query_{place}": pair.question, f"icl_response_{place}": pair.answer}
                rows.append({**common, **row})
            for pair in seed.pairs if leaf.kind != "knowledge" else ():
                told = {"task_description": leaf.description, "seed_context": seed.context or ""}
                told |= {"seed_question": pair.question, "seed_response": pair.answer}
                rows.append({**common, **told})
        lines = "".join(json.dumps(row) + "\n" for row in rows)
        (folder / f"leaf_{number}.jsonl").write_text(lines)


def peer(leaves: Sequence[Leaf], url: str, model: str, place: Path) -> tuple[int, float]:
    """How many samples instructlab-sdg makes, and in how many seconds."""
    python = environment(PEER)
    (place / "in").mkdir()
    write_for_the_peer(leaves, place / "in")
    script = Path(__file__).with_name("sdg.py")
    command = [python, script, url, model, place / "in", place / "out", str(WANTED)]
    started = time.perf_counter()
    done = subprocess.run(command, capture_output=True, text=True, timeout=1_800)
    if done.returncode:
        raise SystemExit(f"{PEER} ended with {done.returncode}:\n{done.stderr[-2_000:]}")
    seconds = time.perf_counter() - started
    made = sum(len(file.read_text().splitlines()) for file in (place / "out").glob("*/*.jsonl"))
    return made, seconds


def main() -> None:
    """Print the table."""
    leaves = load_tree(ROOT / "taxonomy")
    shipped = load_recipe(ROOT / "arborist.yaml")
    model = shipped.teacher.model
    with engine(shipped, model) as recipe:
        made, took = ours(leaves, recipe, asked := Asked())
    accepted = sum(one.funnel.accepted for one in made)
    with engine(shipped, model) as recipe:
        tokens, seconds = bare(recipe, asked.requests)
    with engine(shipped, model) as recipe, tempfile.TemporaryDirectory() as folder:
        theirs, needed = peer(leaves, recipe.teacher.url, model, Path(folder))
    rate, floor = asked.tokens / took, tokens / seconds
    table = Table(title=f"Generation: {len(leaves)} leaves, {WANTED} samples wanted of each, vLLM on a CPU")
    for column in ("what", "samples", "seconds", "samples a minute", "tokens/s", "of the bare engine"):
        table.add_column(column, justify="left" if column == "what" else "right")
    table.add_row("bare engine: the same requests at once", "", f"{seconds:.0f}", "", f"{floor:.0f}", "1.00")
    table.add_row(
        "arborist, pipelines small",
        str(accepted),
        f"{took:.0f}",
        f"{60 * accepted / took:.0f}",
        f"{rate:.0f}",
        f"{rate / floor:.2f}",
    )
    table.add_row(
        f"{PEER}, pipelines simple, unfiltered", str(theirs), f"{needed:.0f}", f"{60 * theirs / needed:.0f}"
    )
    Console(width=120).print(table)
