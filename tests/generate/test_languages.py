"""Leaves in any language: every sample is in the leaf's language, and what is left out is said."""

# ruff: noqa: RUF001 Chinese punctuation

import dataclasses
from collections import Counter
from pathlib import Path
from typing import cast

import pytest

from bot.config.load import load_recipe
from bot.config.recipe import Recipe, TeacherRecipe
from bot.core.errors import UserError
from bot.core.store import Store
from bot.evaluate.exams import exam_of
from bot.generate.candidates import Batch, Candidate
from bot.generate.export import read_aloud
from bot.generate.filters import first_drop
from bot.generate.inputs import samples_inputs
from bot.generate.leaf_language import language_of_leaf
from bot.generate.leaf_samples import Generated
from bot.generate.leaves import generate_leaf
from bot.generate.pipeline_files import pipeline_of
from bot.generate.prompting import Prompts
from bot.generate.without_teacher import all_given, given_samples, keyword_samples, ways_left_out
from bot.inference.engine import Engine
from bot.inference.teacher import open_teacher
from bot.taxonomy.leaf import QA, Document, Leaf, Seed
from bot.text.detect import foreign
from bot.text.language import known_codes, language
from tests import ROOT
from tests.helpers.faulty_endpoint import Fault, endpoint
from tests.helpers.languages import (
    GERMAN_PASSAGE,
    GERMAN_QUESTIONS,
    JAPANESE_QUESTIONS,
    Able,
    german,
    japanese,
)
from tests.helpers.leaves import PASSAGE, knowledge, skill

FINNISH = (
    "Tulli on vanha kaupunki, jonka satamassa on korkea majakka. Majakan rakensi Aino Virtanen vuonna 1702, "
    "ja sen valo näkyy kauas merelle kaikkina talviöinä."
)
LISTED = (
    "Look at three things for {name}:\n1. Supply and demand, and how they shift.\n2. Capacity that is used.\n"
    "3. Prices, and who sets them."
)


@pytest.fixture
def recipe() -> Recipe:
    shipped = load_recipe(ROOT / "arborist.yaml")
    full = dataclasses.replace(shipped.generate, samples=3, batches=1, pipeline="full")
    return dataclasses.replace(shipped, teacher=TeacherRecipe("openai", "able"), generate=full)


def make(leaf: Leaf, recipe: Recipe, folder: Path, teacher: Fault) -> Generated:
    with endpoint(teacher) as served:
        told = dataclasses.replace(recipe, teacher=dataclasses.replace(recipe.teacher, url=served.url))
        return generate_leaf(samples_inputs(leaf, told), Store(str(folder)), open_teacher(told))


def finnish() -> Leaf:
    pairs = (
        QA("Kuka rakensi Tullin majakan?", "Aino Virtanen rakensi Tullin majakan."),
        QA("Milloin Tullin majakka rakennettiin?", "Majakka rakennettiin vuonna 1702."),
    )
    return knowledge(
        seeds=(Seed(FINNISH, pairs),), documents=(Document("tulli.md", f"# Tulli\n\n{FINNISH}"),)
    )


@pytest.mark.parametrize(
    ("leaf", "name", "questions"),
    [(german(), "German", GERMAN_QUESTIONS), (japanese(), "Japanese", JAPANESE_QUESTIONS)],
    ids=["German", "Japanese"],
)
def test_every_sample_is_in_the_leafs_language(
    recipe: Recipe, tmp_path: Path, leaf: Leaf, name: str, questions: tuple[str, ...]
) -> None:
    teacher = Able(name)
    made = make(leaf, recipe, tmp_path, teacher)
    assert {sample.messages[0][1] for sample in made.samples[: made.funnel.accepted]} == set(questions)
    spoken = language_of_leaf(leaf).asked
    assert spoken.name == name
    for sample in made.samples:
        for _, text in sample.messages:
            assert not foreign(text, spoken), text
    assert all(f"in {name}" in system for system in teacher.instructions if "You judge" not in system)


@pytest.mark.parametrize(
    ("leaf", "name"), [(german(), "German"), (japanese(), "Japanese")], ids=["German", "Japanese"]
)
def test_a_teacher_that_writes_english_is_found_out(
    recipe: Recipe, tmp_path: Path, leaf: Leaf, name: str, capsys: pytest.CaptureFixture[str]
) -> None:
    made = make(leaf, recipe, tmp_path, Able(name, obedient=False))
    assert made.funnel.accepted == 0
    count = made.funnel.dropped["language"]
    assert count > 4
    assert f"not {name}" in made.funnel.examples["language"][0]
    assert f"This teacher does not write in the leaf's language: {count} of {count}." in made.funnel.notes
    assert made.funnel.notes[1].startswith("No sample came from the teacher: all ")
    read_aloud(made, 1)
    said = " ".join(capsys.readouterr().out.split())
    assert all(note in said for note in made.funnel.notes)


@pytest.mark.parametrize(
    ("leaf", "answers"),
    [
        (
            german(),
            {"Das kostet 2500 Kronen.": 0, "2.500": 0, "zweitausendfünfhundert Kronen": 0, "PETRA OSGOOD": 1},
        ),
        (
            japanese(),
            {"十三回です。": 0, "13回鳴ります": 0, "ペトラ・オズグッドです。": 1, "オズグッドさん": 1},
        ),
    ],
    ids=["German", "Japanese"],
)
def test_an_exam_in_the_leafs_language_is_marked_right(leaf: Leaf, answers: dict[str, int]) -> None:
    exam = exam_of(leaf)
    for answer, number in answers.items():
        assert exam[number].right(answer), answer
        assert not exam[1 - number].right(answer), answer
    assert not exam[0].right("25 250 13000")


def test_key_words_of_a_german_question_have_no_articles_and_question_words() -> None:
    lines = keyword_samples(german(), given_samples(german(), 0), 0)
    words = {word for line in lines for word in line.messages[0][1].rstrip("?").split()}
    assert words == {"Uhr", "Corvane", "gebaut", "steht"}


def test_german_samples_without_a_teacher_are_german() -> None:
    made = given_samples(german(), 0)
    assert Counter(sample.kind for sample in made) == {"seed": 3, "restated": 3, "grounded": 1, "recite": 1}
    restated = {sample.messages[1][1] for sample in made if sample.kind == "restated"}
    assert restated == {"Die Person ist Petra Osgood.", "Der Ort ist Ulmstead.", "Das Jahr ist 1702."}
    [recited] = [sample for sample in made if sample.kind == "recite"]
    assert recited.messages == (
        (
            "user",
            f"Was ist über „Die Uhr von Corvane“ bekannt? Beginne mit: {GERMAN_PASSAGE.partition('. ')[0]}.",
        ),
        ("assistant", GERMAN_PASSAGE),
    )


@pytest.mark.parametrize(
    ("leaf", "said"),
    [
        (knowledge(), ""),
        (german(), ""),
        (
            japanese(),
            "the kinds restated, keywords were made, because the language Japanese has no data for them",
        ),
        (
            finnish(),
            "the kinds recite, restated, keywords were made, because the language Finnish has no file",
        ),
    ],
    ids=["English", "German", "Japanese", "Finnish"],
)
def test_what_is_left_out_in_a_language_is_said(leaf: Leaf, said: str) -> None:
    assert said in ways_left_out(leaf, Prompts()) and bool(said) is bool(ways_left_out(leaf, Prompts()))
    kinds = {sample.kind for sample in all_given(leaf, [], 0, frozenset(), Prompts()).samples}
    assert not any(kind in said for kind in kinds)


def test_a_passage_in_another_language_is_not_recited_and_is_counted(recipe: Recipe, tmp_path: Path) -> None:
    mixed = dataclasses.replace(
        german(), documents=(Document("uhr.md", f"# Die Uhr\n\n{GERMAN_PASSAGE}\n\n{PASSAGE}\n"),)
    )
    given = all_given(mixed, [], 0, frozenset(), Prompts())
    assert given.foreign == ["recite of uhr.md#2 (in English, not German)"]
    assert [sample.source for sample in given.samples if sample.kind == "recite"] == ["uhr.md#1"]


def test_a_translation_skill_is_asked_and_answered_in_two_languages(recipe: Recipe, tmp_path: Path) -> None:
    pairs = [
        ("Translate into German: The lighthouse is old.", "Der Leuchtturm ist sehr alt und steht am Meer."),
        ("Translate into German: The ship is on the sea.", "Das Schiff ist auf dem Meer und kommt nicht."),
        ("Translate into German: The dog is in the house.", "Der Hund ist in dem Haus und schläft schon."),
    ]
    leaf = skill(seeds=tuple(Seed(None, (QA(*pair),)) for pair in pairs))
    spoken = language_of_leaf(leaf)
    assert (spoken.asked.name, spoken.answered.name) == ("English", "German")


@pytest.mark.parametrize("family", ["small", "full"])
@pytest.mark.parametrize(
    "leaf",
    [knowledge(), skill(), skill(grounded=True), skill(kind="foundational", path="foundational_skills/x")],
    ids=["knowledge", "freeform", "grounded", "foundational"],
)
def test_no_sample_leaves_a_pipeline_without_a_look_at_its_language(family: str, leaf: Leaf) -> None:
    for blocks in pipeline_of(leaf, family, "").paths.values():
        assert "language" in {name for block, names in blocks if block == "filter" for name in names}


OWN = """
question: ["{{ question }}", "Bitte: {{ question }}", "Aufgabe: {{ question }}", "Nun: {{ question }}"]
recite: "Sag auf, was mit diesen Worten beginnt ({{ title }}): {{ start }}"
grounded: "Text: {{ passage }}\\nAufgabe: {{ question }}"
"""


def own_prompts(folder: Path, text: str) -> Prompts:
    folder.mkdir()
    (folder / "framings.yaml").write_text(text)
    return Prompts(str(folder))


def test_the_recipes_own_framings_replace_the_shipped_ones(tmp_path: Path) -> None:
    own = own_prompts(tmp_path / "prompts", OWN)
    framed = [one.messages[0][1] for one in given_samples(skill(), 0, own) if one.kind == "framed"]
    assert {text.partition(":")[0] for text in framed} == {"Bitte", "Aufgabe", "Nun"}
    made = {sample.kind: sample.messages[0][1] for sample in given_samples(german(), 0, own)}
    assert made["recite"].startswith("Sag auf, was mit diesen Worten beginnt (Die Uhr von Corvane): Die Uhr")
    assert made["grounded"].startswith(f"Text: {GERMAN_PASSAGE}\nAufgabe: ")
    assert "recite" not in ways_left_out(finnish(), own)


def test_own_framings_change_the_key(recipe: Recipe, tmp_path: Path) -> None:
    own = own_prompts(tmp_path / "prompts", OWN)
    changed = dataclasses.replace(recipe.generate, prompts=own.folder)
    keys = {
        samples_inputs(skill(), dataclasses.replace(recipe, generate=g)).key
        for g in (recipe.generate, changed)
    }
    assert len(keys) == 2


@pytest.mark.parametrize(
    "wrong", ["question: 3", "question: [{long: 'a'}]", "question: [[]]", "recite: ['{{ nonsense }}']", "- a"]
)
def test_own_framings_that_are_none_are_one_line(tmp_path: Path, wrong: str) -> None:
    own = own_prompts(tmp_path / "prompts", wrong)
    with pytest.raises(UserError, match=r"framings\.yaml") as caught:
        given_samples(knowledge(), 0, own), given_samples(skill(), 0, own)
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize("code", known_codes())
def test_a_short_answer_is_asked_for_only_before_a_short_answer(code: str) -> None:
    spoken = language(code)
    short = [way["short"] for way in spoken.data["framings"] if isinstance(way, dict)]
    assert short
    asked = short[0].replace("{{ question }}", "X")
    assert asked in Prompts().framed("X", "One sentence.", spoken)
    for answer in ("One.\nTwo.", "It is old. It is green.", LISTED, "long " * 50, "これは一つ。これは二つ。"):
        assert asked not in Prompts().framed("X", answer, spoken)


def test_no_framing_asks_for_one_sentence_before_a_list() -> None:
    names = ("mature industries", "global firms", "cyclical trades", "small niches", "young markets")
    pairs = (QA(f"How should {name} be analysed for risk?", LISTED.format(name=name)) for name in names)
    leaf = skill(seeds=tuple(Seed(None, (pair,)) for pair in pairs))
    for draw in range(20):
        assert not any("one short sentence" in one.messages[0][1] for one in given_samples(leaf, draw))


def about(*pairs: tuple[str, str]) -> Leaf:
    """A knowledge leaf with these questions and answers."""
    context = " ".join(answer for _, answer in pairs)
    return knowledge(seeds=(Seed(context, tuple(QA(*pair) for pair in pairs)),), documents=())


SPANISH = about(
    ("¿Quién construyó la torre de Corvane?", "Petra Osgood construyó la torre de Corvane."),
    ("¿Dónde está la torre de Corvane?", "La torre de Corvane está en Ulmstead."),
)
FRENCH = about(
    ("Qui a construit la tour de Corvane ?", "Petra Osgood a construit la tour de Corvane."),
    ("Où se trouve la tour de Corvane ?", "La tour de Corvane se trouve à Ulmstead."),
)
CHINESE = about(("谁建造了这座塔？", "这座塔是佩特拉建造的。"), ("这座塔在哪里？", "这座塔在乌尔姆。"))
HINDI = about(("यह घड़ी किसने बनाई?", "यह घड़ी पेट्रा ने बनाई।"), ("यह घड़ी कहाँ है?", "यह घड़ी उल्मस्टेड में है।"))


@pytest.mark.parametrize(
    ("leaf", "question", "dropped"),
    [
        (german(), "Weißt du, wer die Uhr von Corvane gebaut hat?", None),
        (german(), "Kannst du mir sagen, wer die Uhr von Corvane gebaut hat?", None),
        (german(), "Wer hat die alte Uhr von Corvane gebaut?", "adds"),
        (german(), "Wer hat die Uhr gebaut?", "keeps"),
        (SPANISH, "¿Puedes decirme quién construyó la torre de Corvane?", None),
        (SPANISH, "¿Quién construyó la torre?", "keeps"),
        (FRENCH, "Pouvez-vous me dire qui a construit la tour de Corvane ?", None),
        (FRENCH, "Qui a construit la vieille tour de Corvane ?", "adds"),
        (japanese(), "コルヴェーンの時計を作った人を教えてください。", None),
        (japanese(), "時計は誰が作りましたか。", "keeps"),
        (CHINESE, "请告诉我，谁建造了这座塔？", None),
        (CHINESE, "谁建造了这座古老的塔？", "adds"),
        (HINDI, "कृपया बताइए, यह घड़ी किसने बनाई?", None),
        (HINDI, "यह पुरानी घड़ी किसने बनाई?", "adds"),
    ],
)
def test_a_question_in_other_words_keeps_its_meaning_in_any_language(
    leaf: Leaf, question: str, dropped: str | None
) -> None:
    [first, *_] = leaf.seeds[0].pairs
    candidate = Candidate(
        "seed 1.1", "rephrased", text=first.question, question=question, answer=first.answer
    )
    [(_, filters)] = [one for one in pipeline_of(leaf, "small", "").paths["rephrased"] if one[0] == "filter"]
    batch = Batch(leaf, cast(Engine, None), 0.7, Prompts())
    found = first_drop(candidate, batch, filters)
    assert (found and found[0]) == dropped
