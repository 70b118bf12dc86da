"""How long a retraining is expected to take, and what a merged pull request says about it while it waits."""

from pathlib import Path

import pytest

from bot.config.load import load_recipe
from bot.core.durations import Took, record
from bot.core.store import Store, StoreError
from bot.generate.inputs import SamplesInputs
from bot.github.render import render
from bot.github.retrain_queue import Turn
from bot.pipeline.estimate_release import Forecast, Step
from bot.pipeline.expected_time import expected_time
from bot.pipeline.training_speed import examination_by, generation_by
from tests import ROOT

RECIPE = load_recipe(ROOT / "arborist.yaml")
KEYS = ("1" * 64, "2" * 64, "3" * 64)
KNOWN = Forecast(
    (
        Step("40 samples to generate", 3600.0, "measured in the last run on 1 x H200"),
        Step("exams", 3600.0, "measured"),
    ),
    7200.0,
    None,
    "USD",
    complete=True,
)
RUN, AHEAD = "https://github/run/8", "https://github/run/7"


def told(turn: Turn) -> str:
    return " ".join(render("training", url=RUN, turn=turn).split())


def test_it_follows_from_earlier_runs_and_from_the_samples_that_the_store_lacks(tmp_path: Path) -> None:
    store = Store(str(tmp_path))
    store.put(SamplesInputs.STEP, KEYS[0], {}, {"samples.jsonl": b""})
    record(store, Took("generate", "1 x H200", 400, 800, 10, generation_by(RECIPE)))
    record(store, Took("examine", "1 x H200", 120, 60, 10, examination_by(RECIPE)))
    made = expected_time(KEYS, RECIPE, store)
    assert made is not None
    generation, *training, exams, with_passages = made.steps
    assert generation.seconds == 2 * RECIPE.generate.samples * 2.0
    assert exams.seconds == 3 * 12 * 0.5
    assert with_passages.seconds is None
    assert [step.seconds for step in training] == [None, None]
    assert "not known (no such run is in the store yet" in told(Turn(forecast=made))


def test_where_the_store_cannot_be_read_nothing_is_known_and_it_is_said(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(*_: object) -> None:
        raise StoreError("no access")

    monkeypatch.setattr(Store, "has", refuse)
    assert expected_time(KEYS, RECIPE, Store(str(tmp_path))) is None
    text = told(Turn(AHEAD, 60))
    assert f"**2nd in line.** [The workflow run]({RUN}) begins when [the run before it]({AHEAD})" in text
    assert "How long that takes is not known here" in text


def test_the_first_in_line_is_told_how_long_its_own_run_takes() -> None:
    text = told(Turn(forecast=KNOWN))
    assert f"**1st in line, about 2.0 h.** [The workflow run]({RUN}) generates, trains and examines." in text
    assert "Estimate: 40 samples to generate: 60 min (measured in the last run on 1 x H200);" in text


@pytest.mark.parametrize(
    ("running", "seconds", "rest"), [(3600, "3.0 h", "60 min"), (90_000, "2.0 h", "not known")]
)
def test_the_second_in_line_also_waits_for_the_rest_of_the_first(
    running: float, seconds: str, rest: str
) -> None:
    text = told(Turn(AHEAD, running, KNOWN))
    assert f"**2nd in line, about {seconds}.**" in text
    assert f"the rest of the run before it: {rest}" in text


def test_if_a_step_is_not_known_the_time_is_a_minimum() -> None:
    steps = (*KNOWN.steps, Step("training on skills", None, "no such run is in the store yet"))
    assert "at least 2.0 h" in told(Turn(forecast=Forecast(steps, 7200.0, None, "USD", complete=False)))
