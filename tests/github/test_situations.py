"""In every situation the one comment says what happened and what comes next, and nothing that is over.

Each row: what happens on the pull request, in order; what a reader must find; what must not be there.
"""

from collections.abc import Callable, Sequence
from dataclasses import replace
from typing import Any

import pytest

from bot.evaluate.gate import Verdict
from bot.github import comment
from bot.github.announce import (
    announce_broken,
    announce_failure,
    announce_refusal,
    announce_release,
    announce_removed,
    announce_training,
    announce_unchanged,
)
from bot.github.comment import find_comment, update_comment
from bot.github.gpu_work import NEXT_WITH_RESULTS, Failure, Work, begin, begun, fail
from bot.release.hub import Release

LEAF = "knowledge/islands/oru"
RUN = "https://github/run/7"
SCORE = {"before": {"right": 0, "asked": 5}, "after": {"right": 4, "asked": 5}}
EXAM = {"status": "held-out", **SCORE}
V1 = Release(
    "org/model",
    "v2024.11.01.1",
    "c" * 40,
    {"leaves": [{"path": "leaf", "key": "1", "exam": EXAM}], "pulls": [1]},
)
OTHER = {"path": "other", "key": "2", "exam": EXAM}
WITHOUT = replace(V1, tag="v2024.11.01.2", manifest={"leaves": [OTHER], "pulls": []})


class Scene:
    """A pull request on which things happen one after another."""

    def __init__(self, lab: Any, told: Callable[..., Any], clone: Any) -> None:
        self.bot, self.told, self.clone = lab.as_("arborist[bot]"), told, clone

    @property
    def pull(self) -> Any:
        return self.bot.get_pull(1)

    def linted(self, *changes: str, findings: Sequence[dict[str, Any]] = (), **plan: Any) -> None:
        keys = {"added": "1" * 64, "changed": "1" * 64, "deleted": ""}
        leaves = [{"path": LEAF, "change": change, "key": keys[change], "exam": 5} for change in changes]
        self.told({"leaves": leaves, **plan}, findings)

    def pushed(self) -> None:
        self.clone.commit("Another commit", taxonomy__leaf__qna="version: 3\n# more\n")
        self.clone.git("push", "--quiet", "origin", "leaf")

    def started(self, command: str = "sample") -> None:
        begin(self.bot, self.pull, Work(command, "", 7))

    def sampled(self) -> None:
        sha = self.pull.head.sha
        made = f"### 🌱 Sample of `{sha[:7]}`\n**{LEAF}**"
        update_comment(self.pull, {"sample": made, "next": NEXT_WITH_RESULTS})

    def failed(self, failure: Failure, command: str = "sample") -> None:
        fail(self.bot, self.pull, self.pull.head.sha, command, failure)

    @property
    def body(self) -> str:
        found = find_comment(self.pull)
        return found.body if found else ""


MISTAKE = {
    "rule": "too-few-examples",
    "severity": "error",
    "path": f"taxonomy/{LEAF}/qna.yaml",
    "line": 3,
    "column": 1,
    "message": "too few",
    "help": "write more",
}
SETTINGS = {"changed": ["train.knowledge.epochs"], "retrains": True, "samples": False, "error": ""}
RUNS = {"changed": ["track"], "retrains": False, "samples": False, "error": ""}
BROKEN = {
    "changed": ["arborist.yaml"],
    "retrains": False,
    "samples": False,
    "error": "arborist.yaml: not YAML",
}
DOWN = Failure("the teacher is down", "comment `/arborist retry`", "failed")
REFUSED = Verdict(("new leaf leaf: 0 of 5 right, 0 before; at least 60 points must be gained",))
REFUSED_ROW = {"path": "leaf", "exam": EXAM}
NEXT = "**What comes next:**"
Happens = Callable[[Scene], object]
ROWS: dict[str, tuple[list[Happens], list[str], list[str]]] = {
    "opened with a mistake": (
        [lambda s: s.linted("added", findings=[MISTAKE])],
        ["too few", "write more", "3"],
        ["Plan", NEXT],
    ),
    "opened, in order": (
        [lambda s: s.linted("added")],
        ["✅", "| added |", "5 held-out questions", "/arborist sample", NEXT],
        ["Release"],
    ),
    "mistake fixed by a push": (
        [lambda s: s.linted("added", findings=[MISTAKE]), Scene.pushed, lambda s: s.linted("added")],
        ["✅", NEXT],
        ["too few"],
    ),
    "only deletes": (
        [lambda s: s.linted("deleted", same=3)],
        ["unlearnt", "a maintainer merges", "nothing to sample"],
        ["can comment `/arborist sample`"],
    ),
    "only the recipe": (
        [lambda s: s.linted(recipe=SETTINGS)],
        ["changes the recipe: train.knowledge.epochs", "the model is trained", "a maintainer merges"],
        ["no new model", "can comment `/arborist sample`"],
    ),
    "only settings of runs": (
        [lambda s: s.linted(recipe=RUNS)],
        ["track", "no new model is trained"],
        [NEXT],
    ),
    "a recipe that cannot be read": (
        [lambda s: s.linted("added", recipe=BROKEN)],
        ["**Do not merge:** arborist.yaml&#58;", "not YAML"],
        [NEXT],
    ),
    "only documents of the project": ([lambda s: s.linted()], ["changes no leaf"], [NEXT]),
    "waiting for a GPU": (
        [lambda s: s.linted("added"), Scene.started],
        ["Sample of", "is in progress", "/actions/runs/7", "`/arborist cancel` stops it"],
        [NEXT],
    ),
    "on a GPU": (
        [lambda s: s.linted("added"), Scene.started, lambda s: begun(s.bot, 1, s.pull.head.sha, "sample")],
        ["Sample of", "is in progress", "A runner began at", "`/arborist cancel` stops it"],
        [NEXT, "needs a GPU runner"],
    ),
    "sampled": (
        [lambda s: s.linted("added"), Scene.started, Scene.sampled],
        [LEAF, NEXT, "reads the results"],
        ["in progress", "can comment `/arborist sample`"],
    ),
    "sampled and linted again": (
        [lambda s: s.linted("added"), Scene.sampled, lambda s: s.linted("added")],
        [LEAF, NEXT, "reads the results"],
        ["can comment `/arborist sample`"],
    ),
    "linted again while a GPU works": (
        [lambda s: s.linted("added"), Scene.started, lambda s: s.linted("added")],
        ["is in progress"],
        [NEXT],
    ),
    "sampling failed": (
        [
            Scene.started,
            lambda s: s.failed(DOWN),
        ],
        ["No sample of", "the teacher is down", "/arborist retry"],
        ["in progress"],
    ),
    "a trial failed": (
        [
            lambda s: s.started("trial"),
            lambda s: s.failed(Failure("no memory", "comment `/arborist retry`", "failed"), "trial"),
        ],
        ["No trial of", "no memory"],
        ["recheck", "in progress"],
    ),
    "pushed after a failure": (
        [
            lambda s: s.failed(DOWN),
            Scene.pushed,
            lambda s: s.linted("added"),
        ],
        [NEXT],
        ["No sample of", "the teacher is down"],
    ),
    "pushed after a sample": (
        [Scene.sampled, Scene.pushed, lambda s: s.linted("added")],
        ["Sample of", "Of an earlier commit", "can comment `/arborist sample`"],
        ["reads the results"],
    ),
    "merged": (
        [lambda s: s.linted("added"), lambda s: announce_training(s.bot, [1], RUN)],
        ["Merged: the next release is on its way", RUN, "/arborist retrain"],
        [NEXT],
    ),
    "released": (
        [lambda s: announce_training(s.bot, [1], RUN), lambda s: announce_release(s.bot, V1, None)],
        ["Released as [v2024.11.01.1]", "| 5 held-out questions | 0 | **4** |", 'revision="v2024.11.01.1"'],
        ["on its way"],
    ),
    "refused by the gate": (
        [
            lambda s: announce_training(s.bot, [1], RUN),
            lambda s: announce_refusal(s.bot, [1], REFUSED, [REFUSED_ROW]),
        ],
        ["Not released: the gate failed", "at least 60", "**What comes next:** open another pull request"],
        ["on its way", "Thank you"],
    ),
    "the run failed": (
        [lambda s: announce_failure(s.bot, [1], "the disk is full", RUN)],
        ["Not released yet", "the disk is full", RUN, "The next run"],
        ["Thank you"],
    ),
    "released after a failure": (
        [
            lambda s: announce_failure(s.bot, [1], "the disk is full", RUN),
            lambda s: announce_release(s.bot, V1, None),
        ],
        ["Released as [v2024.11.01.1]"],
        ["the disk is full"],
    ),
    "main cannot be read": (
        [lambda s: announce_broken(s.bot, [1], "taxonomy/x/qna.yaml:3:1: no answer")],
        ["Not released: main contains an error", "qna.yaml", "revert"],
        ["Thank you"],
    ),
    "merged without effect": (
        [lambda s: announce_unchanged(s.bot, replace(V1, manifest={"leaves": [OTHER]}), [1])],
        ["the model stays [v2024.11.01.1]"],
        ["Thank you", "🎉"],
    ),
    "reverted": (
        [lambda s: announce_release(s.bot, V1, None), lambda s: announce_removed(s.bot, WITHOUT, V1, [1])],
        ["Removed in [v2024.11.01.2]", "Not in v2024.11.01.2 any more: leaf"],
        ["Thank you", "🎉"],
    ),
}


@pytest.mark.parametrize("situation", ROWS)
def test_the_reader_finds_what_happened_and_what_comes_next(
    situation: str, lab: Any, proposal: Any, told: Callable[..., Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(comment, "SETTLES_S", 0)
    monkeypatch.setenv("ARBORIST_SIGNING_KEY", "a secret")
    happens, there, gone = ROWS[situation]
    scene = Scene(lab, told, proposal[1])
    for step in happens:
        step(scene)
    body = scene.body
    assert [words for words in there if words not in body] == []
    assert [words for words in gone if words in body] == []
