"""Tasks of lm-evaluation-harness: run once for each model, kept and compared; offline, with an own task.

`make test` runs these in `.venv/lm-eval`, which `make .venv/lm-eval/ready` makes.
"""

import json
from dataclasses import replace
from pathlib import Path

import pytest

from bot.config.load import load_recipe
from bot.core.durations import latest
from bot.core.errors import UserError
from bot.core.store import Store
from bot.evaluate.tasks import compared, run_tasks, task_hashes
from bot.inference.models import Model
from bot.pipeline.examine import run_recipe_tasks
from tests import ROOT
from tests.helpers.tiny import write_tiny

TASK = """\
task: oru
dataset_path: json
dataset_kwargs:
  data_files: {test: FOLDER/oru.jsonl}
test_split: test
output_type: multiple_choice
doc_to_text: "Question: {{question}}\\nAnswer:"
doc_to_choice: "{{choices}}"
doc_to_target: "{{choice}}"
metric_list:
  - {metric: acc, aggregation: mean, higher_is_better: true}
metadata: {version: 1.5}
"""


@pytest.fixture
def task(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> str:
    """The path of a task with six questions."""
    for name in ("HF_HUB_OFFLINE", "HF_DATASETS_OFFLINE"):
        monkeypatch.setenv(name, "1")
    monkeypatch.setenv("HF_DATASETS_CACHE", str(tmp_path / "datasets"))
    folder = tmp_path / "task"
    folder.mkdir()
    rows = [
        {"question": f"What is {n} + 1?", "choices": [str(n + 1), "a red horse"], "choice": 0}
        for n in range(6)
    ]
    (folder / "oru.jsonl").write_text("".join(f"{json.dumps(row)}\n" for row in rows))
    (folder / "oru.yaml").write_text(TASK.replace("FOLDER", str(folder)))
    return str(folder / "oru.yaml")


def test_a_task_of_the_repository_is_run_once_for_each_model(
    task: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    store, folder = Store(str(tmp_path / "store")), write_tiny(tmp_path / "model")
    recipe = load_recipe(ROOT / "arborist.yaml")
    recipe = replace(recipe, evaluate=replace(recipe.evaluate, tasks=(task,), batch=4))
    before = run_recipe_tasks(Model(folder, "before"), recipe, store)
    after, ran = run_tasks(Model(folder, "after"), [task], 2, store)
    assert ran == 1
    (row,) = compared(before, after, store)
    assert (row["task"], row["version"], row["metric"], row["questions"]) == (task, "1.5", "acc", 6)
    assert row["before"] == row["after"], "it is one model under two names"
    share, error = row["after"]["value"], row["after"]["stderr"]
    assert error == pytest.approx((share * (1 - share) / 5) ** 0.5)
    [took] = latest(store)
    assert (took.what, took.amount) == ("tasks", 1), "the next estimate knows how long it took"
    monkeypatch.setattr("bot.evaluate.tasks._run", lambda *_: pytest.fail("it was run again"))
    assert run_tasks(Model(folder, "after"), [task], 2, store) == (after, 0)
    assert row["results"] == after[task].key
    Path(task).with_name("oru.jsonl").unlink()
    monkeypatch.undo()
    with pytest.raises(UserError, match=r"^evaluate\.tasks: .*oru\.yaml cannot be run: [^\n]+$"):
        run_tasks(Model(folder, "after"), [task], 2, store)


def test_other_data_are_another_task(task: str) -> None:
    first = task_hashes([task, "arc_easy"])
    assert first["arc_easy"] == ""
    with Path(task).with_name("oru.jsonl").open("a") as file:
        file.write("{}\n")
    assert task_hashes([task])[task] != first[task]


def test_a_file_that_is_no_task_is_one_line(task: str) -> None:
    with pytest.raises(
        UserError, match=r"^evaluate\.tasks: none\.yaml: No such file or directory; name a task"
    ):
        task_hashes(["none.yaml"])
    Path(task).write_text("output_type: multiple_choice\n")
    with pytest.raises(UserError, match=r"does not name its task; add a line such as `task: oru`"):
        task_hashes([task])


def test_no_tasks_need_no_lm_evaluation_harness(tmp_path: Path) -> None:
    assert run_tasks(Model(tmp_path, "model"), [], 2, Store(str(tmp_path / "store"))) == ({}, 0)
