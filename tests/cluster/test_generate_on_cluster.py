"""Generation and exams on a Ray cluster of two nodes give what one process gives, whoever is killed."""

import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest
from ray.cluster_utils import Cluster

from bot.core.store import Store
from bot.evaluate.answers import answers_of
from bot.evaluate.exams import ExamItem
from bot.pipeline.generate import generate
from bot.text.mark_answer import Marking
from tests import ROOT
from tests.helpers.loop import until
from tests.helpers.on_cluster import LEAVES, batches, kill_worker, leaves, one_question_a_batch, recipe

DRIVER = """
import sys
from pathlib import Path
import pytest
from bot.core.store import Store
from bot.pipeline.generate import generate
from tests.helpers.on_cluster import leaves, one_question_a_batch, recipe
one_question_a_batch(pytest.MonkeyPatch())
generate(leaves(), recipe(Path(sys.argv[1]), "ray"), Store(sys.argv[2]))
"""


def test_twenty_leaves_are_the_same_after_the_driver_and_a_worker_were_killed(
    two_nodes: Cluster,
    tiny: Path,
    tmp_path: Path,
    capfd: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    one_question_a_batch(monkeypatch)
    alone, store = Store(str(tmp_path / "alone")), Store(str(tmp_path / "cluster"))
    expected = generate(leaves(), recipe(tiny, "local"), alone)

    driver = subprocess.Popen([sys.executable, "-c", DRIVER, str(tiny), store.root], cwd=ROOT)
    until(lambda: len(store.keys("batch")) >= 3, "three batches")
    driver.kill()
    driver.wait()
    had = len(store.keys("batch"))
    assert had < 2 * LEAVES, "it was not done yet"

    with ThreadPoolExecutor(1) as pool:
        running = pool.submit(generate, leaves(), recipe(tiny, "ray"), store)
        kill_worker("_Worker.answer")
        made = running.result()

    assert [one.key for one in made] == [one.key for one in expected]
    assert [list(one.samples) for one in made] == [list(one.samples) for one in expected]
    assert batches(store) == batches(alone)
    assert sum(one.reused for one in made) == had
    assert sum(one.asked for one in made) == 2 * LEAVES - had
    assert capfd.readouterr().out == "", "stdout is reserved"


def test_exam_answers_are_the_same_and_in_order(two_nodes: Cluster, tiny: Path) -> None:
    items = [ExamItem(f"Who made the clock of place {number}?") for number in range(10)]
    choices = ("Petra", "Osgood the elder", "Nobody")
    items[3:3] = [ExamItem(f"Who was it in {year}?", Marking(choices=choices)) for year in (1702, 1703)]
    one, many = (recipe(tiny, where).evaluate for where in ("local", "ray"))
    assert answers_of(tiny, items, many) == answers_of(tiny, items, one)
