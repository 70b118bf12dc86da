"""The gate: what keeps it shut, and that its bar for general questions does not sink."""

from dataclasses import replace

from bot.config.recipe import GateRecipe
from bot.evaluate.examine import Answer, Compared, Examination
from bot.evaluate.gate import decide

GATE = GateRecipe(new=0.5, kept=0.8, retention=0.5)
KNOWN = ["knowledge/old"]


def answers(right: int, asked: int = 4, first: int = 0) -> tuple[Answer, ...]:
    """Of questions 0, 1, … so many are right, from the first of them on."""
    return tuple(Answer(f"Question {n}?", "So.", first <= n < first + right) for n in range(asked))


def examined(old: int, new: int = 4, general: tuple[Answer, ...] | None = None) -> Examination:
    leaves = {"knowledge/old": answers(old), "knowledge/new": answers(new)}
    return Examination("a model", leaves, answers(4) if general is None else general)


BASE = Examination("the base", {}, answers(4))


def test_what_learns_the_new_and_keeps_the_old_is_let_through() -> None:
    assert decide(Compared(BASE, examined(old=4, new=0), examined(old=4, new=2)), KNOWN, GATE).passed


def test_a_new_leaf_that_is_not_learnt_is_named() -> None:
    verdict = decide(Compared(BASE, examined(old=4, new=0), examined(old=4, new=1)), KNOWN, GATE)
    assert verdict.reasons == ("new leaf knowledge/new: 1 of 4 right; at least 50% required",)


def test_older_leaves_that_are_forgotten_keep_it_shut() -> None:
    [reason] = decide(Compared(BASE, examined(old=4), examined(old=3)), KNOWN, GATE).reasons
    assert reason == "older leaves: 3 right, 4 before; at least 80% of these required"


def test_general_questions_are_held_against_the_base_and_not_against_the_release_before() -> None:
    sunk, lower = examined(old=4, general=answers(2)), examined(old=4, general=answers(1))
    assert decide(Compared(BASE, examined(old=4), sunk), KNOWN, GATE).passed
    [reason] = decide(Compared(BASE, sunk, lower), KNOWN, GATE).reasons
    assert reason == "general questions: 1 right of the 4 that the base answers right; at least 50% required"


def test_a_question_that_the_base_could_not_answer_makes_up_for_none_that_it_could() -> None:
    base = Examination("the base", {}, answers(2))
    others = examined(old=4, general=answers(2, first=2))
    [reason] = decide(Compared(base, examined(old=4), others), KNOWN, GATE).reasons
    assert reason.startswith("general questions: 0 right of the 2 ")


def near(base: Examination, right: int, leaf: str = "knowledge/new") -> Examination:
    """The same examination with near misses of a leaf, of which so many are right."""
    return replace(base, near={leaf: answers(right)})


def test_a_model_that_names_a_leafs_fact_for_other_subjects_is_not_released() -> None:
    could, taught = near(BASE, right=4), near(examined(old=4), right=2)
    [reason] = decide(Compared(could, near(examined(old=4), right=4), taught), KNOWN, GATE).reasons
    assert "2 right of the 4 that the base answers right; at least 60% required" in reason
    assert "knowledge/new" in reason and "Question 2?" in reason and "So." in reason


def test_a_near_miss_that_the_base_does_not_know_is_not_asked_for() -> None:
    could, taught = near(BASE, right=1), near(examined(old=4), right=1)
    assert decide(Compared(could, taught, taught), KNOWN, GATE).passed
