"""What maintainers are told of a release that the gate refused: one issue, with the table."""

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


def test_told_again_nothing_changes_and_a_later_candidate_closes_it(
    lab: Any, bot: Any, tmp_path: Path
) -> None:
    for _ in range(2):
        tell_refused(bot, candidate(tmp_path, lost=12))
    assert lab.happened("issues", "edited") == []
    tell_refused(bot, candidate(tmp_path, lost=0))
    [issue] = issues(lab)
    assert issue.state == "closed"
    assert "A later candidate passed the gate." in issue.body
    tell_refused(bot, candidate(tmp_path, lost=12))
    assert [issue.state for issue in issues(lab)] == ["open"]


def test_a_candidate_that_passes_opens_none(lab: Any, bot: Any, tmp_path: Path) -> None:
    tell_refused(bot, candidate(tmp_path, lost=0))
    assert issues(lab) == []


def test_it_is_closed_when_main_asks_for_what_is_released(lab: Any, bot: Any, tmp_path: Path) -> None:
    withdraw_refused(bot)
    assert issues(lab) == []
    tell_refused(bot, candidate(tmp_path, lost=12))
    withdraw_refused(bot)
    [issue] = issues(lab)
    assert issue.state == "closed"
    assert "nothing is refused any more" in issue.body


GIVEN = Override("mona", "The old leaf was wrong --> and <b>its exam</b>, too.")


def test_a_maintainer_can_override_the_gate_for_this_candidate_alone(
    lab: Any, bot: Any, tmp_path: Path
) -> None:
    refused = candidate(tmp_path, lost=12)
    assert override(bot, GIVEN) == "", "nothing is refused yet"
    tell_refused(bot, refused)
    assert override_of(bot, refused.key) is None
    assert override(bot, GIVEN) == refused.key
    tell_refused(bot, refused)
    assert override_of(bot, refused.key) == GIVEN
    assert override_of(bot, "d" * 64) is None
    [issue] = issues(lab)
    assert issue.body.count("-->") == 2, "the mark and the last line: the reason ends neither"


def test_an_override_that_somebody_else_wrote_into_the_issue_does_not_count(
    lab: Any, bot: Any, tmp_path: Path
) -> None:
    refused = candidate(tmp_path, lost=12)
    tell_refused(bot, refused)
    override(bot, GIVEN)
    [issue] = issues(lab)
    body, _, last = issue.body.rpartition("\n")
    for forged in (last.replace(refused.key, "e" * 64), last[:-6] + "0 -->", last.replace(" | ", "x | ")):
        issue.edit(body=f"{body}\n{forged}")
        assert override_of(bot, refused.key) is None
        assert override_of(bot, "e" * 64) is None


def test_the_overridden_candidate_states_who_and_why_and_closes_the_issue(
    lab: Any, bot: Any, tmp_path: Path
) -> None:
    refused = candidate(tmp_path, lost=12)
    tell_refused(bot, refused)
    made = overridden(refused, {"by": GIVEN.by, "reason": GIVEN.reason}, Store(str(tmp_path)))
    assert made.verdict.passed and made.verdict.reasons
    assert made.manifest["gate"]["override"] == {"by": "mona", "reason": GIVEN.reason}
    assert made.manifest["gate"]["decision"] == "failed"
    assert made.key != refused.key
    tell_refused(bot, made)
    [issue] = issues(lab)
    assert issue.state == "closed"
    assert "mona releases the candidate although the gate refused it." in issue.body
    assert "<b>" not in issue.body
