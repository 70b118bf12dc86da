"""A student that answers no contrast question, for tests of mixtures that load no model."""

from collections.abc import Callable, Sequence

import pytest


def answer_contrast(monkeypatch: pytest.MonkeyPatch, answers: Sequence[str] = ()) -> None:
    """Let the student answer the first contrast questions like this, and the others not at all."""

    def answering(*_: object) -> Callable[[Sequence[str]], list[str]]:
        return lambda prompts: [*answers, *[""] * len(prompts)][: len(prompts)]

    monkeypatch.setattr("bot.generate.general_replay.own_answers", answering)
