"""`arborist exam`: each question with the model's answer and its mark, for people and for programs."""

import json
import shutil
from pathlib import Path

import pytest
from jsonschema import Draft202012Validator
from typer.testing import CliRunner, Result

from bot.cli import app
from bot.core.errors import UserError
from bot.core.package_files import shipped
from bot.inference.models import model_revision
from tests import ROOT

LEAF = "knowledge/geography/islands/velmora"
SKILL = "compositional_skills/writing/freeform/library_notices"
PASSAGES = 3
"""How many the shipped recipe gives to a model."""
SCHEMA = Draft202012Validator(json.loads(shipped("schemas/exam-result.json").read_text()))


@pytest.fixture(autouse=True)
def _answers(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """A model that says the same thing whatever it is asked, and a store of its own."""
    monkeypatch.setenv("ARBORIST_STORE", str(tmp_path / "store"))
    said = "Harnick,\n[bold]8,400[/bold] \x1b[2J"
    monkeypatch.setattr("bot.evaluate.examine.answers_of", lambda _, items, __: [said] * len(items))


def run(*arguments: str) -> Result:
    return CliRunner().invoke(app, ["exam", *arguments, "--repository", str(ROOT)], env={"COLUMNS": "200"})


def test_each_question_is_printed_with_answer_and_mark() -> None:
    done = run(LEAF, "--model", "embedded")
    head, *lines = done.stdout.splitlines()
    asked = len(lines) - 1
    assert head.startswith(f"{LEAF}: ") and head.endswith(f"right of {asked} held-out questions")
    assert {line.split()[0] for line in lines[1:]} == {"right", "wrong"}
    assert all("Harnick, [bold]8,400[/bold] \ufffd[2J" in line for line in lines[1:])
    assert f"embedded: {head.split()[1]} of {asked} questions right, in 1 leaf" in done.stderr


def test_json_fits_its_schema_and_has_every_leaf() -> None:
    done = run("--model", "embedded", "--json")
    result = json.loads(done.stdout)
    assert [error.message for error in SCHEMA.iter_errors(result)] == []
    assert result["model"] == {"name": "embedded", "id": model_revision("embedded")}
    assert len(result["leaves"]) == 5
    for leaf in result["leaves"]:
        assert leaf["asked"] == len(leaf["answers"]) > 0
        assert leaf["right"] == sum(answer["right"] for answer in leaf["answers"])


def test_a_mark_by_a_judge_is_said_to_be_one(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setattr("bot.evaluate.judge._ask", lambda asked, _: [True] * len(asked))
    shutil.copytree(ROOT / "taxonomy", tmp_path / "taxonomy")
    (tmp_path / "taxonomy" / LEAF / "exam.yaml").write_text(
        "version: 1\nquestions:\n  - {question: Why is the town of Velmora rich?, judge: By trade.}\n"
    )
    recipe = (ROOT / "arborist.yaml").read_text()
    (tmp_path / "arborist.yaml").write_text(
        recipe.replace("evaluate:", "evaluate:\n  judge: {model: embedded}")
    )
    where = ("--repository", str(tmp_path), "--recipe", str(tmp_path / "arborist.yaml"))
    done = CliRunner().invoke(app, ["exam", LEAF, "--model", "embedded", *where], env={"COLUMNS": "200"})
    assert "right (by a judge)" in done.stdout
    done = CliRunner().invoke(app, ["exam", LEAF, "--model", "embedded", "--json", *where])
    assert [error.message for error in SCHEMA.iter_errors(json.loads(done.stdout))] == []
    assert json.loads(done.stdout)["leaves"][0]["answers"][0]["judged"] is True


def test_without_a_model_todays_is_asked(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("bot.pipeline.model_by_name.latest_release", lambda _: None)
    assert "the base embedded: " in run(LEAF).stderr


def test_a_tag_that_no_release_has_is_an_error(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("bot.pipeline.model_by_name.release_at", lambda *_: None)
    found = run(LEAF, "--model", "v2024.11.07.7").exception
    assert isinstance(found, UserError)
    assert str(found) == "lab/taxonomy-model has no release v2024.11.07.7; name another model"


def test_a_leaf_that_does_not_exist_is_an_error() -> None:
    found = run("knowledge/nowhere", "--model", "embedded").exception
    assert isinstance(found, UserError)
    assert "no such leaf: knowledge/nowhere" in str(found)


def test_with_rag_each_question_shows_the_passages_that_the_model_was_given() -> None:
    done = run(LEAF, "--model", "embedded", "--rag")
    _, columns, *lines = done.stdout.splitlines()
    assert columns.split() == ["mark", "question", "answer", "passages"]
    assert all(line.count(".md#") == PASSAGES for line in lines)
    assert "velmora.md#1" in done.stdout
    assert "embedded with passages: " in done.stderr


def test_with_rag_only_knowledge_leaves_are_asked() -> None:
    done = run("--model", "embedded", "--rag", "--json")
    result = json.loads(done.stdout)
    assert [error.message for error in SCHEMA.iter_errors(result)] == []
    assert [leaf["path"].partition("/")[0] for leaf in result["leaves"]] == ["knowledge"] * 2
    [given, *_] = result["leaves"][0]["answers"]
    assert len(given["passages"]) == PASSAGES
    assert given["passages"][0].keys() == {"leaf", "document", "position"}
    assert "Answer the question" not in given["question"]


def test_with_rag_a_skill_is_an_error() -> None:
    found = run(SKILL, "--model", "embedded", "--rag").exception
    assert isinstance(found, UserError)
    assert str(found).startswith(
        f"{SKILL}: this is a skill, and --rag is for knowledge leaves only; leave out"
    )
