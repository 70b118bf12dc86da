"""Tasks of lm-evaluation-harness that the recipe names, run on the models before and after training."""

import hashlib
import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from importlib import metadata
from pathlib import Path
from typing import Any, ClassVar

from bot.core.errors import UserError
from bot.core.progress import say, step
from bot.core.step import Inputs
from bot.core.store import Store, canonical
from bot.inference.models import Model

PACKAGE = "lm-eval"
FILE = "results.json"
LARGEST_FOLDER = 200_000_000
"""Maximum number of bytes of the files of a task of the repository."""
_NAME = re.compile(rb"^task:[ \t]*[\"']?([\w.-]+)", re.MULTILINE)


@dataclass(frozen=True)
class TaskInputs(Inputs):
    """Everything that a model's results in one task depend on.

    Attributes:
        model: the unique ID of the model's weights.
        task: the task's name in lm-evaluation-harness, or the path of its YAML file in the repository.
        content: the hash of the files in the YAML file's folder; "" for a task of lm-evaluation-harness.
        tool: the version of lm-evaluation-harness.
    """

    STEP: ClassVar[str] = "task"
    VERSION: ClassVar[int] = 1

    model: str
    task: str
    content: str
    tool: str


def task_hashes(tasks: Sequence[str]) -> dict[str, str]:
    """Return task -> the hash of its files in the repository; "" for one that lm-evaluation-harness has.

    Raises:
        UserError: a file does not exist, does not name its task, or its folder has too much beside it.
    """
    return {task: _content(Path(task)) if _is_file(task) else "" for task in tasks}


def _is_file(task: str) -> bool:
    return task.endswith((".yaml", ".yml"))


def _content(file: Path) -> str:
    """Return a hash of all files in a task's folder: its YAML file may refer to any of them."""
    _task_name(file)
    digest, size = hashlib.sha256(), 0
    for path in sorted(one for one in file.parent.rglob("*") if one.is_file() and one.suffix != ".pyc"):
        size += path.stat().st_size
        if size > LARGEST_FOLDER:
            raise UserError(
                f"evaluate.tasks: {file.parent} has more than {LARGEST_FOLDER // 1_000_000} MB; "
                "put the task and its data into a folder of their own"
            )
        digest.update(f"{path.relative_to(file.parent)}\0".encode())
        digest.update(hashlib.sha256(path.read_bytes()).digest())
    return digest.hexdigest()


def _task_name(file: Path) -> str:
    """Return the name that a task's YAML file gives it."""
    try:
        named = _NAME.search(file.read_bytes())
    except OSError as error:
        fix = "name a task of lm-evaluation-harness, or the path of a task's YAML file"
        raise UserError(f"evaluate.tasks: {file}: {error.strerror}; {fix}") from None
    if named is None:
        raise UserError(f"evaluate.tasks: {file}: it does not name its task; add a line such as `task: oru`")
    return named[1].decode()


def task_inputs(model: str, task: str, content: str) -> TaskInputs:
    """Return the inputs of a model's results in one task.

    Args:
        model: the unique ID of the model's weights.
        content: see `task_hashes`.
    """
    return TaskInputs(model, task, content, tool_version())


def tool_version() -> str:
    """Return the version of lm-evaluation-harness.

    Raises:
        UserError: it is not installed.
    """
    try:
        return metadata.version(PACKAGE)
    except metadata.PackageNotFoundError:
        raise UserError(
            "evaluate.tasks: lm-evaluation-harness is not installed; install arborist-bot[lm-eval]"
        ) from None


def run_tasks(
    model: Model, tasks: Sequence[str], batch: int, store: Store
) -> tuple[dict[str, TaskInputs], int]:
    """Run the tasks of which the store has no results of a model, and store the results.

    Returns:
        Task -> the inputs of its results (see `stored_results`), and the number of tasks that were run now.

    Raises:
        UserError: lm-evaluation-harness is not installed, does not have a task, or cannot run it.
    """
    wanted = {task: task_inputs(model.id, task, content) for task, content in task_hashes(tasks).items()}
    there = store.has(TaskInputs.STEP, [one.key for one in wanted.values()]) if wanted else frozenset()
    missing = [task for task, one in wanted.items() if one.key not in there]
    if missing:
        with step("running lm-evaluation-harness"):
            for task, results in _run(model.folder, missing, batch):
                one = wanted[task]
                store.put(one.STEP, one.key, one.values(), {FILE: canonical(results).encode()})
    return wanted, len(missing)


def stored_results(inputs: TaskInputs, store: Store) -> dict[str, Any]:
    """Return the results of a task: `version`, `questions`, and `metrics` with `value` and `stderr`.

    Raises:
        UserError: the store does not have them.
    """
    entry = store.get(inputs.STEP, inputs.key)
    if entry is None:
        raise UserError(f"the store has no results of the task {inputs.task}; run again")
    found: dict[str, Any] = entry.read_json(FILE)
    return found


def compared(
    before: Mapping[str, TaskInputs], after: Mapping[str, TaskInputs], store: Store
) -> Iterator[dict[str, Any]]:
    """Yield the rows of the manifest: each metric of each task with the values before and after."""
    for task, inputs in after.items():
        old, new = stored_results(before[task], store), stored_results(inputs, store)
        for metric, value in new["metrics"].items():
            if metric in old["metrics"]:
                yield {
                    "task": task,
                    "version": new["version"],
                    "metric": metric,
                    "questions": new["questions"],
                    "before": old["metrics"][metric],
                    "after": value,
                    "results": inputs.key,
                }


def _run(folder: Path, tasks: Sequence[str], batch: int) -> Iterator[tuple[str, dict[str, Any]]]:
    """Yield the results of each task as lm-evaluation-harness has them, without the model's chat template."""
    import torch
    from lm_eval import simple_evaluate
    from lm_eval.models.huggingface import HFLM
    from lm_eval.tasks import TaskManager

    files = [Path(task) for task in tasks if _is_file(task)]
    manager = TaskManager(
        include_path=[str(file.parent) for file in files] or None, include_defaults=len(files) < len(tasks)
    )
    names = {task: _task_name(Path(task)) if _is_file(task) else task for task in tasks}
    unknown = [task for task, name in names.items() if name not in manager.all_tasks]
    if unknown:
        raise UserError(
            f"evaluate.tasks: lm-evaluation-harness {tool_version()} has no task {unknown[0]}; "
            "`lm_eval ls tasks` lists them"
        )
    device = "cuda" if torch.cuda.is_available() else "cpu"
    # As in exams: a GPU holds a model in bf16; in fp32 an answer does not depend on the others of its batch.
    dtype = "float32" if device == "cpu" else "bfloat16"
    model = HFLM(pretrained=str(folder), dtype=dtype, batch_size=batch, device=device)
    for task, name in names.items():
        say(f"task {task}: lm-evaluation-harness {tool_version()}")
        try:
            found = simple_evaluate(model=model, tasks=[name], task_manager=manager, log_samples=False)
            results = _results(found, name)
        # Tasks are code of their own, and fetch data sets: each has its own exceptions.
        except Exception as error:
            reason = " ".join(str(error).split())[:300] or type(error).__name__
            raise UserError(
                f"evaluate.tasks: {task} cannot be run: {reason}; correct the task, or "
                "remove it from evaluate.tasks"
            ) from None
        yield task, results


def _results(found: Mapping[str, Any], name: str) -> dict[str, Any]:
    """Return what is kept of the results of a task or of a group of tasks."""
    values = found["results"][name]
    metrics: dict[str, dict[str, float | None]] = {}
    for key, value in values.items():
        metric, comma, filter_ = key.partition(",")
        if comma and not metric.endswith("_stderr") and isinstance(value, int | float):
            error = values.get(f"{metric}_stderr,{filter_}")
            label = metric if filter_ == "none" else f"{metric} ({filter_})"
            stderr = float(error) if isinstance(error, int | float) else None
            metrics[label] = {"value": float(value), "stderr": stderr}
    questions = sum(one["effective"] for one in found["n-samples"].values())
    return {"version": str(found["versions"].get(name, "")), "questions": questions, "metrics": metrics}
