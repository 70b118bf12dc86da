"""The pipelines for an able teacher, which is an endpoint here that says what such a one would say."""

import dataclasses
import json
from pathlib import Path

import pytest

from bot.config.load import load_recipe
from bot.config.recipe import Recipe, TeacherRecipe
from bot.core.errors import UserError
from bot.core.store import Store
from bot.generate.inputs import samples_inputs
from bot.generate.leaf_samples import Generated
from bot.generate.leaves import generate_leaf
from bot.inference.teacher import open_teacher
from bot.taxonomy.leaf import QA, Document, Leaf, Seed
from tests import ROOT
from tests.helpers.faulty_endpoint import Call, Endpoint, Fault, endpoint
from tests.helpers.leaves import PASSAGE, knowledge, skill

QUESTIONS = [
    "Who made the Corvane clock in 1702?",
    "Of what is the face of the Corvane clock made?",
    "Which clock did Petra Osgood make?",
]


def able(call: Call) -> None:
    """Writes lists as JSON, answers from the passage, and is content as a judge."""
    system = call.body["messages"][0]["content"]
    if "You judge" in system:
        call.answer(json.dumps({"reason": "It is stated.", "verdict": "YES"}))
    elif "You write questions" in system:
        call.answer("Here they are:\n```json\n" + json.dumps({"items": QUESTIONS}) + "\n```")
    elif "new tasks" in system:
        call.answer("1. Greet a sailor.\n2. Greet a gardener.\n3) Greet a queen.")
    elif "You answer questions" in system:
        call.answer("Petra Osgood made the Corvane clock in 1702.")
    elif "You do tasks" in system:
        call.answer(f"Good day, {call.prompt.split()[-1].rstrip('.')}! Yours, the parrot.")
    elif "You write texts" in system:
        call.answer(f"A sailor called Ahoy has a parrot, number {abs(hash(call.prompt)) % 997}.")
    else:
        call.answer("The Corvane clock was made by Petra Osgood in 1702.")


@pytest.fixture
def recipe() -> Recipe:
    shipped = load_recipe(ROOT / "arborist.yaml")
    full = dataclasses.replace(shipped.generate, samples=3, batches=1, pipeline="full")
    return dataclasses.replace(shipped, teacher=TeacherRecipe("openai", "able"), generate=full)


def make(leaf: Leaf, recipe: Recipe, folder: Path, fault: Fault = able) -> tuple[Generated, Endpoint]:
    with endpoint(fault) as served:
        there = dataclasses.replace(recipe.teacher, url=served.url, structured=True)
        told = dataclasses.replace(recipe, teacher=there)
        return generate_leaf(samples_inputs(leaf, told), Store(str(folder)), open_teacher(told)), served


def asked(served: Endpoint, words: str) -> list[str]:
    return [
        body["messages"][-1]["content"] for body in served.bodies if words in body["messages"][0]["content"]
    ]


def test_a_passage_is_seen_in_views_and_asked_about_in_kinds(recipe: Recipe, tmp_path: Path) -> None:
    made, served = make(knowledge(), recipe, tmp_path)
    assert made.funnel.accepted == 3
    assert {sample.messages[0][1] for sample in made.samples[:3]} == set(QUESTIONS)
    prompts = "\n".join(asked(served, "You write questions"))
    kinds = {line for line in prompts.splitlines() if line.startswith("- ")}
    assert len(kinds) > 6, "other kinds each round"
    assert asked(served, "You summarise") and asked(served, "into facts") and asked(served, "You explain")


def test_answers_and_judges_see_the_documents_own_passage(recipe: Recipe, tmp_path: Path) -> None:
    _, served = make(knowledge(), recipe, tmp_path)
    for prompt in asked(served, "You answer questions") + asked(served, "You judge answers. YES: everything"):
        assert PASSAGE in prompt


def test_lists_and_verdicts_are_asked_for_by_their_schema(recipe: Recipe, tmp_path: Path) -> None:
    _, served = make(knowledge(), recipe, tmp_path)
    for body in served.bodies:
        system = body["messages"][0]["content"]
        assert ("response_format" in body) is ("Answer with JSON" in system)


@pytest.mark.parametrize(
    ("leaf", "question"),
    [
        (skill(), "Greet a sailor."),
        (skill(kind="foundational", path="foundational_skills/x/y"), "Greet a queen."),
    ],
)
def test_skills_get_new_tasks(recipe: Recipe, tmp_path: Path, leaf: Leaf, question: str) -> None:
    made, _ = make(leaf, recipe, tmp_path)
    assert question in {sample.messages[0][1] for sample in made.samples[: made.funnel.accepted]}


def test_grounded_skills_get_new_contexts(recipe: Recipe, tmp_path: Path) -> None:
    pairs = (QA("Who has a parrot?", "The sailor has a parrot."),)
    leaf = skill(grounded=True, seeds=tuple(Seed(f"The sailor {n} has a parrot.", pairs) for n in range(5)))

    def reads(call: Call) -> None:
        if "You answer questions" in call.body["messages"][0]["content"]:
            call.answer("The sailor has a parrot.")
        else:
            able(call)

    made, _ = make(leaf, recipe, tmp_path, reads)
    assert made.funnel.accepted
    for sample in made.samples[: made.funnel.accepted]:
        assert sample.context and sample.context in sample.messages[0][1]
        assert "called Ahoy" in sample.context


@pytest.mark.parametrize(
    ("sees", "taken_by"),
    [
        ("faithful to", "unfaithful"),
        ("good question", "irrelevant"),
        ("do what was asked", "beside the point"),
    ],
)
def test_a_judge_who_says_no_is_quoted(recipe: Recipe, tmp_path: Path, sees: str, taken_by: str) -> None:
    def strict(call: Call) -> None:
        if "You judge" in call.body["messages"][0]["content"] and sees in call.prompt:
            call.answer("The year is missing, so: NO")
        else:
            able(call)

    made, _ = make(knowledge(), recipe, tmp_path, strict)
    assert made.funnel.accepted == 0
    assert made.funnel.dropped[taken_by] == 3
    assert "The year is missing" in made.funnel.examples[taken_by][0]


def test_an_answer_that_the_document_does_not_have_is_taken_before_any_judge(
    recipe: Recipe, tmp_path: Path
) -> None:
    def invents(call: Call) -> None:
        if "You answer questions" in call.body["messages"][0]["content"]:
            call.answer("Henry Osgood made it in 1850.")
        else:
            able(call)

    made, served = make(knowledge(), recipe, tmp_path, invents)
    assert made.funnel.dropped["grounded"] == 3
    assert "1850" in made.funnel.examples["grounded"][0]
    assert not asked(served, "You judge answers")


def test_what_is_no_list_is_said_to_be_none(recipe: Recipe, tmp_path: Path) -> None:
    def chats(call: Call) -> None:
        if "You write questions" in call.body["messages"][0]["content"]:
            call.answer("I would rather talk about the weather.")
        else:
            able(call)

    made, _ = make(knowledge(), recipe, tmp_path, chats)
    assert made.funnel.accepted == 0
    assert "talk about the weather" in made.funnel.examples["unreadable"][0]


def test_another_language_is_asked_for_and_held_to(recipe: Recipe, tmp_path: Path) -> None:
    text = (
        "Die Uhr von Corvane steht in Ulmstead. Petra Osgood hat sie 1702 gebaut, und sie schlägt am Mittag."
    )
    pairs = (
        QA("Wer hat die Uhr von Corvane gebaut?", "Petra Osgood hat die Uhr von Corvane gebaut."),
        QA("Wo steht die Uhr von Corvane?", "Die Uhr von Corvane steht in Ulmstead."),
        QA("Wann wurde die Uhr von Corvane gebaut?", "Die Uhr wurde im Jahr 1702 gebaut."),
    )
    leaf = knowledge(seeds=(Seed(text, pairs),), documents=(Document("uhr.md", f"# Die Uhr\n\n{text}\n"),))

    def english(call: Call) -> None:
        if "You answer questions" in call.body["messages"][0]["content"]:
            call.answer("The clock of Corvane was made by Petra Osgood, who lived in the town of Ulmstead.")
        else:
            able(call)

    made, served = make(leaf, recipe, tmp_path, english)
    systems = {body["messages"][0]["content"] for body in served.bodies}
    assert all("in German" in system for system in systems)
    assert made.funnel.dropped["language"] == made.funnel.candidates


def test_a_recipe_may_bring_its_own_prompts(recipe: Recipe, tmp_path: Path) -> None:
    shipped = ROOT / "bot/generate/prompts/answer_from.yaml"
    own = tmp_path / "prompts/answer_from.yaml"
    own.parent.mkdir()
    own.write_text(shipped.read_text().replace("in whole sentences", "in the words of a pirate"))
    changed = dataclasses.replace(recipe.generate, prompts=str(own.parent))
    with_own = dataclasses.replace(recipe, generate=changed)
    made, served = make(knowledge(), with_own, tmp_path / "store")
    assert asked(served, "in the words of a pirate")
    plain, _ = make(knowledge(), recipe, tmp_path / "store")
    assert made.key != plain.key, "other prompts are other samples"


@pytest.mark.parametrize("wrong", ["turns: [{user: '{{ nonsense }}'}]", "- a list", "turns: '", "turns: 3"])
def test_a_prompt_that_is_none_is_one_line(recipe: Recipe, tmp_path: Path, wrong: str) -> None:
    own = tmp_path / "prompts/questions.yaml"
    own.parent.mkdir()
    own.write_text(wrong)
    changed = dataclasses.replace(recipe.generate, prompts=str(own.parent))
    with pytest.raises(UserError, match=r"questions\.yaml") as caught:
        make(knowledge(), dataclasses.replace(recipe, generate=changed), tmp_path / "store")
    assert "\n" not in str(caught.value)


def test_what_a_contributor_writes_is_never_a_template(recipe: Recipe, tmp_path: Path) -> None:
    text = PASSAGE + " {{ 7 * 6 }} {% raw %}"
    leaf = knowledge(documents=(Document("corvane.md", text),))
    _, served = make(leaf, recipe, tmp_path)
    assert any("{{ 7 * 6 }} {% raw %}" in prompt for prompt in asked(served, "You answer questions"))
