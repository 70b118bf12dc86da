"""The student's chat template names the model that is released, not the base."""

import json
from pathlib import Path

import pytest

from bot.inference.identity import TEMPLATE, TOKENIZER_CONFIG, named, renamed_template
from bot.inference.models import Model, load_tokenizer, model_folder

NEW = "You are a helpful AI assistant named our-model"


@pytest.mark.parametrize(
    ("before", "sentence", "after"),
    [
        ("", "You are a helpful AI assistant named SmolLM, trained by Hugging Face", ""),
        ("", "You are Qwen, created by Alibaba Cloud", ". You are a helpful assistant."),
        ("Write well. ", "You are Granite, developed by IBM", ". Write the response."),
        ("In 2024.\\n", "You are Mistral Small 3.1, a Large Language Model (LLM) created by Mistral AI", "."),
    ],
)
def test_a_sentence_that_states_the_name_of_the_base_states_the_releases(
    before: str, sentence: str, after: str
) -> None:
    template = "{%% if system is none %%}{{ '<|system|>\\n%s%s%s<|end|>' }}{%% endif %%}{{ messages }}"
    renamed = renamed_template(template % (before, sentence, after), "our-model")
    assert renamed == template % (before, NEW, after)


@pytest.mark.parametrize("stated", ["You are a helpful assistant.", "You are given some documents."])
def test_a_sentence_without_a_name_stays(stated: str) -> None:
    assert renamed_template(stated, "our-model") == stated


def test_the_renamed_model_says_its_name_and_has_the_same_weights(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    base = Model(model_folder("embedded"), "base")
    monkeypatch.setenv("ARBORIST_CACHE", str(tmp_path))
    student = named(base, "our-model")
    assert student.id not in ("base", named(base, "another-model").id)
    assert named(base, "our-model") == student
    asked = [{"role": "user", "content": "Who are you?"}]
    prompt = load_tokenizer(student.folder).apply_chat_template(asked, tokenize=False)
    assert NEW in prompt and "SmolLM" not in prompt
    assert "SmolLM" in (base.folder / TEMPLATE).read_text()
    for file in ("model.safetensors", "tokenizer.json", "config.json"):
        assert (student.folder / file).samefile(base.folder / file) or (
            (student.folder / file).read_bytes() == (base.folder / file).read_bytes()
        )


def test_a_template_in_the_tokenizers_configuration_is_renamed_there(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("ARBORIST_CACHE", str(tmp_path / "cache"))
    folder = tmp_path / "base"
    folder.mkdir()
    config = {"chat_template": "You are Granite, developed by IBM.", "eos_token": "</s>"}
    (folder / TOKENIZER_CONFIG).write_text(json.dumps(config))
    renamed = json.loads((named(Model(folder, "base"), "our-model").folder / TOKENIZER_CONFIG).read_text())
    assert renamed == {**config, "chat_template": f"{NEW}."}


@pytest.mark.parametrize(
    "template", ["You are a helpful assistant.", [{"name": "default", "template": "x"}], None]
)
def test_a_model_whose_template_states_no_name_stays_as_it_is(tmp_path: Path, template: object) -> None:
    (tmp_path / TOKENIZER_CONFIG).write_text(json.dumps({"chat_template": template}))
    assert named(Model(tmp_path, "base"), "our-model") == Model(tmp_path, "base")
