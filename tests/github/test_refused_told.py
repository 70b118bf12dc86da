"""What maintainers are told of a release that the gate refused: one issue, with the table."""

from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from bot.config.load import load_recipe
from bot.core.store import Store
from bot.evaluate.gate import judge
from bot.evaluate.gate_criteria import Counted
from bot.evaluate.paired_answers import Pairs
from bot.github.refused import Override, override, override_of, tell_refused, withdraw_refused
from bot.pipeline.candidate import Candidate, overridden
from tests import ROOT
from tests.helpers.manifests import leaf_row, manifest

GATE = load_recipe(ROOT / "recipes/granite.yaml").gate
ODD = "knowledge/a_<b>b</b>"


@pytest.fixture
def bot(lab: Any) -> Any:
    return lab.as_("arborist[bot]")


def candidate(tmp_path: Path, lost: int) -> Candidate:
    """A candidate whose older leaf lost so many of its 12 answers."""
    verdict = judge(Counted({}, {ODD: Pairs(12, 12, lost, 0)}, Pairs(231, 200, 3, 2)), GATE)
    stated = manifest(leaf_row(ODD, 12, 12 - lost, 12), gate=verdict.report)
    entry = Store(str(tmp_path)).put("train", "2" * 64, {}, {"model.safetensors": b"w"})
    return Candidate("c" * 64, entry, {}, stated, verdict)


def issues(lab: Any) -> list[Any]:
    listed = lab.as_("maintainer").get_issues(state="all")
    return [issue for issue in listed if issue.pull_request is None]


def test_the_issue_has_the_table_and_says_what_to_do(lab: Any, bot: Any, tmp_path: Path) -> None:
    tell_refused(bot, candidate(tmp_path, lost=12))
    [issue] = issues(lab)
    assert (issue.title, issue.state) == ("The gate refused a release", "open")
    assert [label.name for label in issue.labels] == ["refused"]
    assert "| 12 | 12 | 0 | 12 | 0 | -100 (" in issue.body
    assert "Revert or correct the contributions that the table points at." in issue.body
    assert "<b>" not in issue.body


def test_told_again_nothing_changes(lab: Any, bot: Any, tmp_path: Path) -> None:
    for _ in range(2):
        tell_refused(bot, candidate(tmp_path, lost=12))
    assert lab.happened("issues", "edited") == []


def test_the_issue_of_a_large_taxonomy_fits(lab: Any, bot: Any, tmp_path: Path) -> None:
    paths = [f"knowledge/{'<' * 60}/{number}" for number in range(300)]
    counted = Counted({}, {path: Pairs(12, 12, 0, 0) for path in paths} | {ODD: Pairs(12, 12, 12, 0)})
    rows = [leaf_row(path) for path in paths]
    verdict = judge(counted, GATE)
    made = replace(candidate(tmp_path, 12), manifest=manifest(*rows, gate=verdict.report), verdict=verdict)
    tell_refused(bot, made)
    [issue] = issues(lab)
    assert len(issue.body) < 65_536
    assert "| 12 | 12 | 0 | 12 | 0 | -100 (" in issue.body, "what failed comes first"
    assert "and 250 more leaves" in issue.body


def test_it_is_closed_when_main_asks_for_what_is_released(lab: Any, bot: Any, tmp_path: Path) -> None:
    withdraw_refused(bot)
    assert issues(lab) == []
    tell_refused(bot, candidate(tmp_path, lost=12))
    withdraw_refused(bot)
    [issue] = issues(lab)
    assert issue.state == "closed"
    assert "nothing is refused any more" in issue.body


GIVEN = Override("mona", "The old leaf was wrong --> and <b>its exam</b>, too.")


def key_of(refused: Candidate) -> str:
    return str(refused.manifest["key"])[:12]


def test_a_maintainer_can_override_the_gate_for_this_release_alone(
    lab: Any, bot: Any, tmp_path: Path
) -> None:
    refused = candidate(tmp_path, lost=12)
    assert not override(bot, key_of(refused), GIVEN), "nothing is refused yet"
    tell_refused(bot, refused)
    [issue] = issues(lab)
    assert f"`/arborist override {key_of(refused)} REASON`" in issue.body
    assert override_of(bot, refused) is None
    for wrong in ("", key_of(refused)[:6], "d" * 12):
        assert not override(bot, wrong, GIVEN)
    assert override(bot, key_of(refused), GIVEN)
    tell_refused(bot, refused)
    made_anew = replace(refused, key="e" * 64)
    assert override_of(bot, made_anew) == GIVEN, "main has changed elsewhere"
    other = {**refused.manifest, "key": "d" * 64}
    later = {**refused.manifest, "previous": "v2024.11.07.1"}
    assert [override_of(bot, replace(refused, manifest=one)) for one in (other, later)] == [None, None]
    [issue] = issues(lab)
    assert issue.body.count("-->") == 2, "the mark and the last line: the reason ends neither"


def test_an_override_that_somebody_else_wrote_into_the_issue_does_not_count(
    lab: Any, bot: Any, tmp_path: Path
) -> None:
    refused = candidate(tmp_path, lost=12)
    tell_refused(bot, refused)
    override(bot, key_of(refused), GIVEN)
    [issue] = issues(lab)
    body, _, last = issue.body.rpartition("\n")
    other = replace(refused, manifest={**refused.manifest, "key": "e" * 64})
    for forged in (last.replace("a" * 64, "e" * 64), last[:-6] + "0 -->", last.replace(" | ", "x | ")):
        issue.edit(body=f"{body}\n{forged}")
        assert [override_of(bot, one) for one in (refused, other)] == [None, None]


def test_the_decision_stands_until_the_release_is_published(lab: Any, bot: Any, tmp_path: Path) -> None:
    refused = candidate(tmp_path, lost=12)
    tell_refused(bot, refused)
    override(bot, key_of(refused), GIVEN)
    made = overridden(refused, {"by": GIVEN.by, "reason": GIVEN.reason}, Store(str(tmp_path)))
    assert made.verdict.passed and made.verdict.reasons
    assert made.manifest["gate"]["override"] == {"by": "mona", "reason": GIVEN.reason}
    assert made.manifest["gate"]["decision"] == "failed"
    assert made.key != refused.key
    assert override_of(bot, refused) == GIVEN, "the run that publishes may fail"
    withdraw_refused(bot)
    [issue] = issues(lab)
    assert issue.state == "closed"
    assert override_of(bot, refused) is None
