"""Which students can be taught: samples must not see each other in a row; the others get one line."""

import json
import re
import shutil
from pathlib import Path

import pytest
import transformers
from transformers import AutoTokenizer

from bot.core.errors import UserError
from bot.inference.models import load_model, load_tokenizer, model_folder
from bot.train.launch import launch
from bot.train.loop import train
from bot.train.loss import row_loss
from bot.train.methods.neurons.gates import write_gates
from bot.train.packing import Encoded, encode, pack
from bot.train.student import load_packed
from tests.helpers.one_row import apart, packed
from tests.helpers.tiny import CONVERSATIONS
from tests.helpers.training import job, last, on

SMALL = {"vocab_size": 49152, "hidden_size": 32, "num_attention_heads": 4}
USUAL = SMALL | {"intermediate_size": 48, "num_hidden_layers": 2, "num_key_value_heads": 2, "head_dim": 8}
DEEPSEEK = {name: size for name, size in USUAL.items() if name != "head_dim"} | {
    "first_k_dense_replace": 2,
    "q_lora_rank": 8,
    "kv_lora_rank": 8,
    "qk_rope_head_dim": 8,
    "qk_nope_head_dim": 8,
    "v_head_dim": 8,
}


def write(folder: Path, family: str, config: str = "", **stated: object) -> Path:
    told = getattr(transformers, f"{config or family}Config")(**stated)
    getattr(transformers, f"{family}ForCausalLM")(told).save_pretrained(folder)
    return folder


@pytest.mark.parametrize(
    ("family", "stated"),
    [
        ("Mixtral", USUAL | {"num_local_experts": 4}),
        ("GPTNeoX", SMALL | {"intermediate_size": 48, "num_hidden_layers": 2}),
        ("OPT", SMALL | {"ffn_dim": 48, "num_hidden_layers": 2}),
    ],
)
def test_other_families_with_plain_attention_are_packed_too(
    tmp_path: Path, samples: list[Encoded], family: str, stated: dict[str, object]
) -> None:
    folder = write(tmp_path, family, **stated)
    assert packed(folder, "fp32", samples)[0] == pytest.approx(apart(folder, "fp32", samples)[0], rel=1e-4)


@pytest.mark.parametrize(
    ("family", "config", "stated", "message"),
    [
        (
            "GPTJ",
            "",
            {"vocab_size": 49152, "n_embd": 32, "n_layer": 1, "n_head": 4, "rotary_dim": 4},
            "packed",
        ),
        ("Bloom", "", SMALL | {"n_layer": 1}, "custom layers"),
        ("Gemma2", "", USUAL, "cannot be packed"),
        ("GptOss", "", USUAL | {"num_local_experts": 4}, "cannot be packed"),
        ("DeepseekV3", "", DEEPSEEK, "cannot be packed"),
        (
            "Mistral",
            "",
            USUAL | {"sliding_window": 20},
            "has 50 tokens, but the model's sliding window is 20",
        ),
        ("Gemma3", "Gemma3Text", USUAL | {"sliding_window": 20}, "sliding window is 20"),
    ],
)
def test_attention_of_another_kind_is_one_line(
    tmp_path: Path,
    samples: list[Encoded],
    family: str,
    config: str,
    stated: dict[str, object],
    message: str,
) -> None:
    folder = write(tmp_path, family, config, **stated)
    with pytest.raises(UserError, match=f"{message}.*choose another student"):
        row_loss(load_packed(folder, "fp32", 49152)[0], pack(samples))


def test_a_sliding_window_that_no_sample_reaches_matters_not(tmp_path: Path, samples: list[Encoded]) -> None:
    folder = write(tmp_path, "Mistral", **USUAL, sliding_window=64)
    assert packed(folder, "fp32", samples)[0] == pytest.approx(apart(folder, "fp32", samples)[0], rel=1e-4)


def test_new_neurons_want_blocks_as_llama_has_them(tmp_path: Path) -> None:
    stated = SMALL | {"intermediate_size": 48, "num_hidden_layers": 2}
    start = write(tmp_path / "base", "GPTNeoX", **stated)
    load_tokenizer(model_folder("embedded")).save_pretrained(start)
    todo = job(start, tmp_path / "work", adds={"neurons": 8})
    message = r"train\.neurons: .* GPTNeoXForCausalLM is not a gated MLP"
    with pytest.raises(UserError, match=message):
        write_gates(todo, CONVERSATIONS)
    with pytest.raises(UserError, match=message):
        train(todo)


@pytest.mark.parametrize("profile", ["", "zero2"])
def test_a_sample_that_is_too_long_for_a_window_is_told_before_the_first_step(
    tmp_path: Path, profile: str, capfd: pytest.CaptureFixture[str]
) -> None:
    start = write(tmp_path / "base", "Mistral", **USUAL, sliding_window=40)
    load_tokenizer(model_folder("embedded")).save_pretrained(start)
    with pytest.raises(UserError) as raised:
        (launch if profile else train)(job(start, tmp_path / "work", **on(profile)))
    # With several processes it is theirs to say.
    said = f"{raised.value}\n{capfd.readouterr().err}"
    assert re.search(r"MistralForCausalLM: a sample has 50 tokens, .* sliding window is 40", said)
    assert not (tmp_path / "work" / "metrics.jsonl").exists()


def test_settings_that_contradict_each_other_keep_no_model_from_being_saved(
    tiny: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """As on the Hub with Llama 2: a temperature, and no sampling."""
    base = tmp_path / "base"
    shutil.copytree(tiny, base)
    told = json.loads((base / "generation_config.json").read_text())
    (base / "generation_config.json").write_text(
        json.dumps(told | {"do_sample": False, "temperature": 0.6, "eos_token_id": [1, 2]})
    )
    train(job(base, tmp_path / "work", base=base))
    assert "generation_config.json is invalid, so only its token IDs are kept" in capsys.readouterr().err
    written = load_model(last(tmp_path / "work"), "fp32").generation_config
    assert (written.temperature, written.eos_token_id) == (None, [1, 2])


@pytest.mark.parametrize(
    ("template", "message"),
    [
        (
            "{% if messages | length > 1 %}Q: {% endif %}{{ messages }}",
            "renders the prompt differently when the answer follows",
        ),
        ("{{ raise_exception('roles must alternate') }}", "rejects turns of user, assistant: roles must"),
    ],
)
def test_a_template_with_which_the_answer_cannot_be_told_is_one_line(
    tiny: Path, template: str, message: str
) -> None:
    tokenizer = AutoTokenizer.from_pretrained(tiny)
    tokenizer.chat_template = template
    with pytest.raises(UserError, match=message):
        encode(CONVERSATIONS[0], tokenizer)


def test_code_in_a_models_folder_is_not_run_and_nobody_is_asked_whether_to(
    tiny: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked: list[str] = []
    monkeypatch.setattr("builtins.input", lambda prompt="": asked.append(prompt) or "y")
    folder = tmp_path / "model"
    shutil.copytree(tiny, folder)
    told = json.loads((folder / "config.json").read_text())
    auto = {"AutoConfig": "own.OwnConfig", "AutoModelForCausalLM": "own.OwnModel"}
    (folder / "config.json").write_text(json.dumps(told | {"auto_map": auto, "model_type": "own"}))
    (folder / "own.py").write_text(f"open({str(tmp_path / 'ran')!r}, 'w')")
    with pytest.raises(UserError, match="cannot load a model: "):
        load_model(folder, "fp32")
    (folder / "tokenizer_config.json").write_text(
        json.dumps({"auto_map": {"AutoTokenizer": ["own.Own", None]}})
    )
    with pytest.raises(UserError, match="cannot load a tokenizer: "):
        load_tokenizer(folder)
    assert not asked
    assert not (tmp_path / "ran").exists()
