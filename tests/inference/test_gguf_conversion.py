"""The embedded model as GGUF, made by llama.cpp's converter and answered with by llama.cpp itself."""

import io
import re
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner
from xllamacpp import CommonParams

from bot.cli import app
from bot.config.load import load_recipe
from bot.core.store import Entry, Store
from bot.evaluate.examine import examine
from bot.inference.chat import talk
from bot.inference.models import Model, load_tokenizer, model_folder, model_revision
from bot.pipeline.gguf_files import gguf_files
from bot.release.convert_gguf import is_gguf
from bot.release.gguf_card import gguf_card
from bot.release.modelfile import modelfile
from tests import ROOT
from tests.helpers.ggufs import REPOSITORY, STATED
from tests.helpers.leaves import knowledge
from tests.helpers.lint_tree import ATTRIBUTION, EXAM, SKILL, SKILL_QNA, Tree
from tests.helpers.manifests import leaf_row, manifest

GENERAL = """version: 1
questions:
  - question: What is the capital of France?
    must_contain: [Paris]
  - question: How many days are there in a week?
    must_contain: [["7", seven]]
"""


@dataclass(frozen=True)
class Released:
    """GGUF files, and the part of the manifest on them."""

    stated: dict[str, Any]
    entry: Entry

    @property
    def f16(self) -> Path:
        return self.entry.folder() / "model-f16.gguf"


@pytest.fixture(scope="module")
def released(tmp_path_factory: pytest.TempPathFactory) -> Released:
    folder = tmp_path_factory.mktemp("gguf")
    (folder / "general.yaml").write_text(GENERAL)
    loaded = load_recipe(ROOT / "arborist.yaml")
    recipe = replace(
        loaded,
        release=replace(loaded.release, repository="lab/model", gguf=REPOSITORY),
        evaluate=replace(loaded.evaluate, general=str(folder / "general.yaml")),
    )
    store, model = Store(str(folder / "store")), Model(model_folder("embedded"), model_revision("embedded"))
    examined = examine(model, [knowledge()], recipe.evaluate, store)
    with pytest.MonkeyPatch.context() as patched:
        patched.setattr("bot.pipeline.gguf_files.TYPES", ("f16",))  # each conversion takes ten seconds
        made = gguf_files(model, examined, [knowledge()], recipe, store)
    assert made.entry is not None
    return Released(made.stated, made.entry)


def test_the_unquantised_file_answers_as_the_safetensors_do(released: Released) -> None:
    [file] = released.stated["files"]
    assert (file["right"], file["equal"], file["refused"]) == (released.stated["right"], 3, "")
    assert set(released.entry.files) == {"model-f16.gguf", "Modelfile"}
    assert is_gguf(released.f16)
    assert 250_000_000 < file["size"] < 300_000_000


def test_a_file_is_examined_by_its_path(
    released: Released, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("ARBORIST_STORE", str(tmp_path / "store"))
    tree = Tree(tmp_path / "taxonomy")
    for name, text in (("qna.yaml", SKILL_QNA), ("exam.yaml", EXAM), ("attribution.txt", ATTRIBUTION)):
        tree.write(f"{SKILL}/{name}", text)
    options = ["--repository", str(tmp_path), "--recipe", str(ROOT / "arborist.yaml")]
    done = CliRunner().invoke(app, ["exam", SKILL, "--model", str(released.f16), *options])
    assert done.exit_code == 0, done.output
    assert re.search(rf"(?m)^{SKILL}: [012] right of 2 held-out questions", done.stdout)
    assert "Which sea washes Oru?" in done.stdout


def test_a_file_can_be_talked_to(
    released: Released, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr("sys.stdin", io.StringIO("What is the capital of France?\n"))
    talk(released.f16, "the file")
    assert capsys.readouterr().out == "The capital of France is Paris.\n"


class OneThread(CommonParams):  # type: ignore[misc]
    """Settings with one thread: on a busy machine several wait for each other."""

    def __init__(self) -> None:
        super().__init__()
        self.cpuparams.n_threads = self.cpuparams_batch.n_threads = 1


def test_the_cards_code_for_python_prints_an_answer(
    released: Released, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """The Hub's client finds the file in its cache."""
    cache = tmp_path / f"models--{REPOSITORY.replace('/', '--')}"
    (cache / "refs").mkdir(parents=True)
    (cache / "refs" / "v2024.11.01.1").write_text("c" * 40)
    (cache / "snapshots" / ("c" * 40)).mkdir(parents=True)
    (cache / "snapshots" / ("c" * 40) / "model-f16.gguf").symlink_to(released.f16)
    monkeypatch.setattr("huggingface_hub.constants.HF_HUB_CACHE", str(tmp_path))
    monkeypatch.setattr("xllamacpp.CommonParams", OneThread)
    card = gguf_card(manifest(leaf_row("knowledge/oru"), gguf=released.stated), STATED)
    [code] = re.findall(r"```python\n(.*?)```", card, re.DOTALL)
    exec(compile(code, "card", "exec"), {})
    assert capsys.readouterr().out == "The capital of France is Paris.\n"


CONVERSATIONS = [
    [("user", "Hello")],
    [("system", "Be brief."), ("user", "Hello")],
    [("user", "Hello"), ("assistant", "Hi."), ("user", "Bye")],
    [("system", "Be brief."), ("user", "Hello"), ("assistant", "Hi."), ("user", "Bye")],
]
TEMPLATE = re.compile(
    r'\{\{ range \$i, \$m := \.Messages \}\}\{\{ if eq \$m\.Role "system" \}\}'
    r"(.*?)\{\{ \$m\.Content \}\}(.*?)"
    r'\{\{ else if eq \$m\.Role "user" \}\}\{\{ if eq \$i 0 \}\}(.*?)\{\{ end \}\}\{\{ \$m\.Content \}\}(.*?)'
    r"\{\{ else \}\}\{\{ \$m\.Content \}\}(.*?)\{\{ end \}\}\{\{ end \}\}",
    re.DOTALL,
)


def as_ollama_writes(template: str, conversation: Sequence[tuple[str, str]]) -> str:
    """Return a conversation as Go's template engine writes it with such a template."""
    found = TEMPLATE.fullmatch(template)
    assert found is not None, template
    system, after_system, start, before_answer, after_answer = found.groups()
    text = ""
    for number, (role, content) in enumerate(conversation):
        before = {"system": system, "user": "" if number else start, "assistant": ""}[role]
        after = {"system": after_system, "user": before_answer, "assistant": after_answer}[role]
        text += before + content + after
    return text


@pytest.mark.parametrize("conversation", CONVERSATIONS)
def test_ollama_writes_conversations_as_the_chat_template_does(conversation: list[tuple[str, str]]) -> None:
    tokenizer = load_tokenizer(model_folder("embedded"))
    written = modelfile("model-q8_0.gguf", tokenizer)
    assert written.startswith("FROM ./model-q8_0.gguf\nPARAMETER temperature 0\n")
    template = written.partition('TEMPLATE """')[2].removesuffix('"""\n')
    messages = [{"role": role, "content": content} for role, content in conversation]
    options: dict[str, Any] = {"tokenize": False, "add_generation_prompt": True}
    assert as_ollama_writes(template, conversation) == tokenizer.apply_chat_template(messages, **options)


@pytest.mark.parametrize(
    "template",
    [
        "{{ raise_exception('no system') if messages[0].role == 'system' else 'x' + messages[0].content }}",
        "{% for message in messages %}{{ '{{' + message.content }}{% endfor %}",
    ],
)
def test_a_template_that_ollama_cannot_have_is_left_to_ollama(template: str) -> None:
    tokenizer = load_tokenizer(model_folder("embedded"))
    tokenizer.chat_template = template
    assert modelfile("m.gguf", tokenizer) == "FROM ./m.gguf\nPARAMETER temperature 0\n"
