"""Run all tests in groups, each whatever became of the others, and print one summary at the end.

    python -m tests.groups            # all of them, as `make test` does
    python -m tests.groups parts      # one of them
    python -m tests.groups lint core units   # what needs no engine and takes a minute, as `make check` does

Several groups run at the same time, since many tests wait for a server or start a process that uses one core.
Each process is told how many threads it may use, because more threads than cores slow each other down.
"""

import os
import subprocess
import sys
import time
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from tempfile import TemporaryDirectory

BIN = Path(sys.executable).parent
ENGINES = ("tests/cluster", "tests/generate", "tests/inference", "tests/train")
"""Tests in which a model learns or answers."""
TASKS = ("tests/inference/test_tasks.py",)
"""Tests of lm-evaluation-harness; where it is installed, each import of transformers takes 2 s longer."""
STORY = ("tests/loop/test_loop.py",)
"""The whole loop, once, on real engines."""
COMMANDS = tuple(
    f"tests/loop/test_{name}.py" for name in ("conditions", "slash_commands", "swaps", "approval")
)
EVENTS = tuple(f"tests/loop/test_{name}.py" for name in ("events", "recorded", "mistakes", "many"))
"""Each of these two is about a third of the loop's other tests, by time; they wait more than they compute."""
ACTIONS = ("mypy", ".github/actions/setup", ".github/actions/answer")
CORE = (
    *(
        "tests/lint",
        "tests/corpus",
        "tests/evaluate",
        "tests/generate/test_restate.py",
        "tests/generate/test_seed_shape.py",
    ),
    *(f"tests/contract/test_{name}.py" for name in ("checker", "routes", "webhooks")),
    *(f"tests/github/test_{name}.py" for name in ("commands", "comment", "explained_leaf", "sample_notes")),
    *(f"tests/localworld/actions/test_{name}.py" for name in ("expressions", "workflow_file")),
    *(
        f"tests/taxonomy/test_{name}.py"
        for name in ("documents", "editor_help", "new", "parse", "seed_taxonomy", "works")
    ),
    *("tests/taxonomy/test_tree.py", "tests/package/test_import_order.py", "tests/workflows/test_guards.py"),
    *(f"tests/config/test_{name}.py" for name in ("profiles", "recipe")),
    *(
        f"tests/core/test_{name}.py"
        for name in ("paired_counts", "progress", "run_status", "store", "value_changes")
    ),
    *(
        f"tests/pipeline/test_{name}.py"
        for name in ("estimate_release", "exclude", "plan", "plan_licences", "verify_leaves")
    ),
    *(
        f"tests/text/test_{name}.py"
        for name in (
            *("benchmarks", "compare_as_read", "escape_markdown", "mark_answer", "overlap", "quantities"),
        )
    ),
    *("tests/setup/test_init.py", "tests/test_groups.py", "tests/test_helpers.py"),
    *(
        "tests/pipeline/test_release_inputs.py",
        "tests/text/test_read_markdown.py",
        "tests/text/test_words.py",
    ),
)
"""Tests that take seconds and need the core dependencies only; no model, no world, no act."""
SLOW = ("tests/lint/test_profile_instructlab.py",)
"""Of the folders in CORE, what takes longer."""
UNITS = (
    *(
        f"tests/generate/test_{name}.py"
        for name in ("exit_check", "filters", "full", "generate", "given", "languages", "rows", "text")
    ),
    *(
        "tests/pipeline/test_estimate_training.py",
        "tests/pipeline/test_gguf_files.py",
        "tests/pipeline/test_manifest.py",
        *(f"tests/release/test_{name}.py" for name in ("card", "difference", "licences")),
        "tests/pipeline/test_mix.py",
        *("tests/image/test_containerfiles.py", "tests/image/test_units.py"),
        "tests/text/test_language.py",
    ),
)
"""Tests that take seconds and need what generates and trains to be installed, but load no model."""
LINT = (("ruff", "format", "--check", "--quiet", "."), ("ruff", "check", "--quiet", "."), ("mypy",), ACTIONS)
LOOP = tuple(f"--ignore={path}" for path in (*STORY, *COMMANDS, *EVENTS))
"""What the group of all other tests of the loop leaves to the others."""
GROUPS = {
    "engines": (("pytest", *(f"--ignore={path}" for path in TASKS), *ENGINES),),
    "parts": (("pytest", "-m", "not compat", *(f"--ignore={one}" for one in ("tests/loop", *ENGINES))),),
    "story": (("pytest", *STORY),),
    "loop": (("pytest", "-m", "not demo", "tests/loop", *LOOP),),
    "commands": (("pytest", *COMMANDS),),
    "events": (("pytest", *EVENTS),),
    "lint": LINT,
    "tasks": (("../lm-eval/bin/pytest", *TASKS),),
    "core": (("pytest", *(f"--ignore={path}" for path in SLOW), *CORE),),
    "units": (("pytest", *UNITS),),
}
"""The commands of each group; those that take longest come first."""
AGAIN = ("core", "units")
"""Groups whose tests are in other groups, too; they run only if they are named."""
TOOL_CACHE = "ARBORIST_TESTS_TOOL_CACHE"
"""The environment variable with the folder where the local GitHub's machines keep what they installed."""
AT_ONCE = 4
"""How many groups run at the same time."""


@dataclass(frozen=True)
class Result:
    """How a group ended.

    Attributes:
        last: the last line that its last command printed, such as pytest's counts.
        failures: pytest's line for each test that failed.
    """

    group: str
    passed: bool
    seconds: float
    last: str
    failures: tuple[str, ...]


def run(group: str, *, alone: bool = False) -> Result:
    """Run all commands of a group.

    Args:
        alone: print the output as it comes; otherwise the whole of it at the end.
    """
    begun, passed, lines = time.monotonic(), True, [f"== {group}"]
    if alone:
        print(lines[0], flush=True)
    for command in GROUPS[group]:
        process = subprocess.Popen(
            [str(BIN / command[0]), *command[1:]],
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            errors="replace",
            env=environment(threads(alone=alone)),
        )
        assert process.stdout is not None, "it is a pipe"
        for line in process.stdout:
            lines.append(line.rstrip("\n"))
            if alone:
                print(lines[-1], flush=True)
        passed &= process.wait() == 0
    if not alone:
        print("\n".join(lines), flush=True)
    said = [line for line in lines[1:] if line.strip()]
    failures = tuple(line for line in said if line.startswith(("FAILED ", "ERROR ")))
    return Result(group, passed, time.monotonic() - begun, said[-1] if said else "", failures)


def environment(count: int) -> dict[str, str]:
    """Return the environment of a group's processes.

    Args:
        count: how many threads each may use for computing.
    """
    return {"OMP_NUM_THREADS": str(count), **os.environ}


def threads(*, alone: bool) -> int:
    """Return how many threads a process of a group may use for computing."""
    cores = os.cpu_count() or 1
    return cores if alone else max(1, cores // AT_ONCE)


def main(wanted: list[str]) -> int:
    """Run the groups that are named, or all tests once; returns the exit code, 1 where one of them failed."""
    unknown = [name for name in wanted if name not in GROUPS]
    if unknown:
        print(f"no group {unknown[0]!r}; there are {', '.join(GROUPS)}", file=sys.stderr)
        return 2
    chosen = [name for name in GROUPS if name in wanted or (not wanted and name not in AGAIN)]
    with TemporaryDirectory(prefix="tool-cache-") as cache, ThreadPoolExecutor(AT_ONCE) as pool:
        os.environ[TOOL_CACHE] = cache
        results = list(pool.map(partial(run, alone=len(chosen) == 1), chosen))
    print("\n== summary")
    for one in results:
        state = "passed" if one.passed else "FAILED"
        print(f"{state} {one.group:8} {one.seconds / 60:5.1f} min  {one.last}")
        for line in one.failures:
            print(f"       {line}")
    return 0 if all(one.passed for one in results) else 1


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
