"""Which students can be taught: samples must not see each other in a row; the others get one line."""

import json
import shutil
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest
import transformers
from transformers import AutoTokenizer

from bot.config.load import load_recipe
from bot.core.errors import UserError
from bot.core.store import Store
from bot.inference.models import load_model, load_tokenizer, model_folder
from bot.pipeline.generate import generate_all
from bot.taxonomy.tree import load_tree
from bot.train.loop import train
from bot.train.methods.neurons.gates import write_gates
from bot.train.packing import Encoded, encode
from tests import ROOT
from tests.helpers.one_row import apart, packed
from tests.helpers.tiny import CONVERSATIONS
from tests.helpers.training import job, last

SMALL = {"vocab_size": 49152, "hidden_size": 32, "num_attention_heads": 4}
USUAL = SMALL | {"intermediate_size": 48, "num_hidden_layers": 2, "num_key_value_heads": 2, "head_dim": 8}


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
        ("{{ raise_exception('roles must alternate') }}", "rejects turns of user: roles must"),
    ],
)
def test_a_template_with_which_the_answer_cannot_be_told_is_one_line(
    tiny: Path, template: str, message: str
) -> None:
    tokenizer = AutoTokenizer.from_pretrained(tiny)
    tokenizer.chat_template = template
    with pytest.raises(UserError, match=message):
        encode(CONVERSATIONS[0], tokenizer)


def forbid(folder: Path) -> None:
    """Replace a chat template by one that rejects all conversations."""
    (folder / "chat_template.jinja").write_text("{{ raise_exception('no') }}")


@pytest.mark.parametrize(
    ("change_", "neurons", "message"),
    [
        (forbid, 0, "rejects turns of user: no"),
        (
            lambda folder: change(folder, quantization_config={"quant_method": "gptq"}),
            0,
            r"quantized \(gptq\)",
        ),
        (lambda folder: change(folder, model_type="vit", architectures=None), 0, "no causal language model"),
        (lambda folder: change(folder, mlp_bias=True), 8, "train.neurons: LlamaMLP of .* is not a gated MLP"),
    ],
    ids=["template", "quantized", "no language model", "new neurons"],
)
def test_a_student_that_cannot_be_trained_is_refused_before_anything_is_generated(
    tiny: Path, tmp_path: Path, change_: Callable[[Path], object], neurons: int, message: str
) -> None:
    student = tmp_path / "student"
    shutil.copytree(tiny, student)
    change_(student)
    known = load_recipe(ROOT / "arborist.yaml")
    recipe = replace(
        known,
        student=replace(known.student, model=str(student)),
        train=replace(known.train, neurons=neurons),
        teacher=replace(known.teacher, model=str(tmp_path / "no such teacher")),
    )
    leaves = load_tree(ROOT / "taxonomy")[:1]
    with pytest.raises(UserError, match=message):
        generate_all(leaves, recipe, Store(str(tmp_path / "store")))


def change(folder: Path, **fields: object) -> None:
    """Change fields of a model's config.json."""
    config = json.loads((folder / "config.json").read_text())
    (folder / "config.json").write_text(json.dumps(config | fields))


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
