"""The recipe: arborist.yaml as typed objects, or one line that says what is wrong with it."""

from pathlib import Path

import pytest

from bot.config.load import load_lint_recipe, load_recipe
from bot.config.recipe import LintRecipe
from bot.core.errors import UserError
from tests import ROOT

OURS = (ROOT / "arborist.yaml").read_text()


def write(tmp_path: Path, text: str) -> Path:
    path = tmp_path / "arborist.yaml"
    path.write_text(text)
    return path


def test_this_repositorys_recipe_is_the_embedded_profile() -> None:
    recipe = load_recipe(ROOT / "arborist.yaml")
    assert recipe.teacher.model == recipe.student.model == "embedded"
    assert recipe.commands["sample"] == ("admin", "maintain")


@pytest.mark.parametrize(
    ("old", "new", "message"),
    [
        ("epochs:", "epoch:", "train.knowledge"),
        ("version: 1", "version: 2", "version: 1 was expected"),
        ("version: 1", "version: [", "not YAML"),
        ("repository: lab/taxonomy-model", "repository: nowhere", "release.repository"),
        ("sample: [admin, maintain]", "sample: [everybody]", "commands.sample"),
        (
            "train:\n",
            "train:\n  rank: 8\n  neurons: 8\n",
            r"train: rank \(adapters\) and neurons exclude each other",
        ),
        (
            "  # gguf: lab/taxonomy-model-GGUF",
            "  gguf: lab/taxonomy-model",
            "gguf needs a repository of its own",
        ),
        (
            "  knowledge:\n",
            "  knowledge:\n    replay: 0.5\n",
            "train: replay and retrieval repeat .* under skills",
        ),
        (
            "  skills:\n",
            "  method: sdft\n  skills:\n    unmask: true\n",
            "train: unmask cannot be used with method sdft",
        ),
        ("neurons: ", "rank: ", "train: ensemble needs new neurons"),
        ("profile: cpu", "profile: ../../etc/cpu", "profile: .* does not match"),
        ("replay: 0.5", "replay: 1.5", "train.skills.replay"),
        ("engine: transformers", "engine: transformers\n  url: http://localhost:1/v1", "teacher.url"),
        ("engine: transformers", "engine: openai\n  url: file:///etc/passwd", "teacher.url"),
    ],
)
def test_a_mistake_is_one_line_with_its_place(tmp_path: Path, old: str, new: str, message: str) -> None:
    assert old in OURS
    with pytest.raises(UserError, match=message) as error:
        load_recipe(write(tmp_path, OURS.replace(old, new, 1)))
    assert error.value.code == 1
    assert "\n" not in str(error.value)


def test_a_whole_number_may_be_written_as_people_write_large_ones(tmp_path: Path) -> None:
    file = write(tmp_path, OURS.replace("batch_tokens: 1024", "batch_tokens: 1.024e+3"))
    assert repr(load_recipe(file).train.skills.batch_tokens) == "1024"


def test_a_folder_without_a_recipe_is_wrong_use(tmp_path: Path) -> None:
    with pytest.raises(UserError, match=r"arborist\.yaml: file not found; run in a folder") as error:
        load_recipe(tmp_path / "arborist.yaml")
    assert error.value.code == 2


def test_the_environment_says_where_the_store_is(monkeypatch: pytest.MonkeyPatch) -> None:
    recipe = load_recipe(ROOT / "arborist.yaml")
    monkeypatch.delenv("ARBORIST_STORE", raising=False)
    assert recipe.store_url() == ".arborist/store"
    monkeypatch.setenv("ARBORIST_STORE", "s3://somewhere/store")
    assert recipe.store_url() == "s3://somewhere/store"


def test_a_repository_that_is_only_linted_says_only_that(tmp_path: Path) -> None:
    file = tmp_path / "arborist.yaml"
    assert load_lint_recipe(file) == LintRecipe()
    file.write_text("version: 1\nlint:\n  ignore: [html]\n  licences: [GPL-3.0-only]\n")
    assert load_lint_recipe(file) == LintRecipe(ignore=("html",), licences=("GPL-3.0-only",))
    file.write_text("version: 1\nlint:\n  ignore: html\n")
    with pytest.raises(UserError, match=r"arborist.yaml: lint.ignore: 'html' is not of type 'array'"):
        load_lint_recipe(file)
    with pytest.raises(UserError, match="'teacher' is a required property"):
        load_recipe(file)


def test_lint_counts_as_the_student_of_the_recipe_does() -> None:
    recipe = load_recipe(ROOT / "arborist.yaml")
    lint = load_lint_recipe(ROOT / "arborist.yaml")
    assert (lint.student, lint.max_tokens) == (recipe.student.model, recipe.train.max_length)
