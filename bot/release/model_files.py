"""The files of a released model: where they lie, and what older versions of transformers read in them.

A model that transformers 5 saved does not load, or computes something else, in transformers 4: there the
class of its tokenizer is unknown, a missing `rope_theta` is taken to be 10,000, and old versions read the
chat template in tokenizer_config.json only. The released files state the same facts in the old places, too.
"""

import json
from pathlib import Path
from typing import Any

OLDEST = "4.45"
"""The oldest version of transformers under which a release is loaded and compared; see `make test-compat`."""
FOLDER = "training"
"""The folder of the files that no user of the model needs."""
WEIGHTS = ".safetensors"
DATA = (WEIGHTS, ".json", ".jsonl", ".jinja", ".txt", ".model", ".tiktoken", ".png")
"""Endings of a model's files. A release has no others: a library may execute or unpickle them."""
RUNS = "runs/"
"""The folder of TensorBoard's events, whose names end otherwise."""
_OF_TRAINING = ("entry.json", "choice.json", "metrics.jsonl", "runs")
_TOKENIZER = "PreTrainedTokenizerFast"


def model_files(folder: Path) -> dict[str, Path]:
    """Return name in the model repository -> file, for all files in a model's folder."""
    names = {str(path.relative_to(folder)): path for path in sorted(folder.rglob("*")) if path.is_file()}
    return {
        f"{FOLDER}/{name}" if Path(name).parts[0] in _OF_TRAINING else name: path
        for name, path in names.items()
    }


def compatible_files(folder: Path) -> dict[str, bytes]:
    """Return name -> content of the files that state facts in the old places, too."""
    changed = {}
    for name, add in (("config.json", _model_facts), ("tokenizer_config.json", _tokenizer_facts)):
        file = folder / name
        if file.is_file():
            facts = json.loads(file.read_bytes())
            changed[name] = _json({**facts, **add(facts, folder)})
    return changed


def _model_facts(config: dict[str, Any], _: Path) -> dict[str, Any]:
    facts: dict[str, Any] = {}
    if "dtype" in config:
        facts["torch_dtype"] = config["dtype"]
    rope = config.get("rope_parameters") or {}
    # Models whose kinds of layers have different parameters state a dictionary for each kind.
    if "rope_theta" in rope:
        facts["rope_theta"] = rope["rope_theta"]
        if rope.get("rope_type", "default") != "default":
            facts["rope_scaling"] = {name: value for name, value in rope.items() if name != "rope_theta"}
    return facts


def _tokenizer_facts(config: dict[str, Any], folder: Path) -> dict[str, Any]:
    facts: dict[str, Any] = {}
    if config.get("tokenizer_class") == "TokenizersBackend":
        facts["tokenizer_class"] = _TOKENIZER
        # That class also returns token_type_ids by default, which decoders do not accept.
        facts["model_input_names"] = config.get("model_input_names", ["input_ids", "attention_mask"])
    template = folder / "chat_template.jinja"
    if template.is_file():
        facts["chat_template"] = template.read_text()
    return facts


def _json(value: Any) -> bytes:
    return f"{json.dumps(value, indent=2, sort_keys=True, ensure_ascii=False)}\n".encode()
