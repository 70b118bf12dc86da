"""Making the GGUF files of a release: what is asked, what is kept, and what becomes of failures."""

from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path

import pytest

from bot.config.load import load_recipe
from bot.config.recipe import EvaluateRecipe
from bot.core.durations import latest
from bot.core.store import Store
from bot.evaluate.examine import Answer, Examination
from bot.evaluate.exams import ExamItem
from bot.inference.engine_llamacpp import GgufError
from bot.inference.models import Model
from bot.pipeline import gguf_files as module
from bot.pipeline.companions import with_companions
from bot.pipeline.gguf_files import Gguf, gguf_files
from bot.taxonomy.leaf import ExamQuestion
from bot.text.mark_answer import Marking
from tests import ROOT
from tests.helpers.leaves import knowledge

RECIPE = load_recipe(ROOT / "arborist.yaml")
ASKED, CHOSEN = "Name the maker of the Corvane clock.", "Where does it stand?"
LEAF = knowledge(
    exam=(
        ExamQuestion(ASKED, Marking((("Osgood",),))),
        ExamQuestion(CHOSEN, Marking(choices=("Ulmstead", "Tamm"), choice="Ulmstead")),
    )
)
GENERAL = """version: 1
questions:
""" + "".join(f"  - question: What is {n} and 1?\n    must_contain: ['{n + 1}']\n" for n in range(10, 20))


@dataclass
class Work:
    """A converter and a llama.cpp that give known answers.

    Attributes:
        wrong: type of the weights -> how many of the general questions its file answers wrong.
        converted: the files that were written.
        asked: the questions that the files were asked.
    """

    folder: Path
    wrong: dict[str, int] = field(default_factory=dict)
    failure: str = ""
    converted: list[str] = field(default_factory=list)
    asked: list[str] = field(default_factory=list)

    def convert(self, _: Path, target: Path, out_type: str, name: str) -> None:
        if self.failure:
            raise GgufError(self.failure)
        target.write_bytes(b"GGUF" + name.encode())
        self.converted.append(out_type)

    def answers_of(self, file: Path, items: Sequence[ExamItem], _: EvaluateRecipe) -> list[str]:
        self.asked = [item.question for item in items]
        wrong = self.wrong.get(file.stem.rpartition("-")[2], 0)
        return [known(item.question) for item in items[: len(items) - wrong]] + ["Tamm"] * wrong

    def files(self) -> Gguf:
        (self.folder / "general.yaml").write_text(GENERAL)
        recipe = replace(
            RECIPE,
            release=replace(RECIPE.release, repository="lab/model", gguf="lab/model-GGUF"),
            evaluate=replace(RECIPE.evaluate, general=str(self.folder / "general.yaml")),
        )
        general = tuple(Answer(f"What is {n} and 1?", f"{n + 1}", True) for n in range(10, 20))
        own = (Answer(ASKED, "Petra Osgood.", True), Answer(CHOSEN, "Tamm", False))
        examined = Examination("m", {LEAF.path: own}, general)
        made = gguf_files(Model(self.folder, "m"), examined, [LEAF], recipe, Store(str(self.folder / "s")))
        if made.entry:
            [companion] = with_companions({}, {"gguf": made.entry}, recipe)["companions"]
            assert set(companion["files"]) == set(made.entry.files)
            assert "facts" not in companion or companion["facts"] == {}
        return made


def known(question: str) -> str:
    return "Petra Osgood." if question == ASKED else str(int(question.split()[2]) + 1)


@pytest.fixture
def work(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Work:
    made = Work(tmp_path)
    monkeypatch.setattr(module, "convert", made.convert)
    monkeypatch.setattr(module, "answers_of", made.answers_of)
    monkeypatch.setattr(module, "load_tokenizer", lambda _: None)
    monkeypatch.setattr(module, "modelfile", lambda name, _: f"FROM ./{name}\n")
    return made


def test_files_that_answer_alike_are_kept_and_not_made_again(work: Work) -> None:
    made = work.files()
    assert made.entry is not None
    assert set(made.entry.files) == {"model-f16.gguf", "model-q8_0.gguf", "Modelfile"}
    assert made.entry.read_text("Modelfile") == "FROM ./model-q8_0.gguf\n"
    assert (made.stated["asked"], made.stated["right"], made.stated["reason"]) == (11, 11, "")
    assert [(one["type"], one["right"], one["equal"]) for one in made.stated["files"]] == [
        ("f16", 11, 11),
        ("q8_0", 11, 11),
    ]
    assert work.files().stated == made.stated
    assert work.converted == ["f16", "q8_0"]
    [took] = latest(Store(str(work.folder / "s")))
    assert (took.what, took.amount, took.leaves) == ("gguf", 22, 1), "11 questions to each of two files, once"


def test_questions_with_choices_are_not_asked(work: Work) -> None:
    work.files()
    assert ASKED in work.asked
    assert CHOSEN not in work.asked


def test_of_very_many_questions_each_nth_is_asked(work: Work, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "MOST_ASKED", 4)
    assert work.files().stated["asked"] == len(work.asked) == 4


def test_a_quantised_file_that_answers_worse_is_left_out_and_named(
    work: Work, capsys: pytest.CaptureFixture[str]
) -> None:
    work.wrong = {"q8_0": 2}
    made = work.files()
    assert made.entry is not None
    assert set(made.entry.files) == {"model-f16.gguf", "Modelfile"}
    assert made.entry.read_text("Modelfile") == "FROM ./model-f16.gguf\n"
    said = "model-q8_0.gguf is not published: it answers 9 questions right, and the safetensors 11; "
    assert said in capsys.readouterr().err


def test_if_the_unquantised_file_answers_otherwise_nothing_is_published(work: Work) -> None:
    work.wrong = {"f16": 2}
    made = work.files()
    assert made.entry is None
    first, second = made.stated["files"]
    assert first["refused"].startswith("it answers 9 questions right")
    assert second["refused"] == "model-f16.gguf is not published"


def test_a_failed_conversion_is_one_line_and_the_release_goes_on(
    work: Work, capsys: pytest.CaptureFixture[str]
) -> None:
    work.failure = "the converter does not know this model"
    made = work.files()
    reason = {"repository": "lab/model-GGUF", "reason": work.failure, "files": []}
    assert (made.stated, made.entry) == (reason, None)
    assert f"no GGUF files: {work.failure}\n" in capsys.readouterr().err
    work.failure = ""
    assert work.files().entry is not None
