"""The Containerfiles: what can be checked of them where no image can be built."""

import re
import subprocess
import sys
from pathlib import Path

import pytest

from tests import ROOT

BIN = Path(sys.executable).parent
FIRST, BOOTABLE = ROOT / "image/Containerfile", ROOT / "image/bootc/Containerfile"
BOTH = pytest.mark.parametrize("file", [FIRST, BOOTABLE], ids=["image", "bootable image"])


def hadolint(*files: Path) -> subprocess.CompletedProcess[str]:
    return subprocess.run([BIN / "hadolint", *files], capture_output=True, text=True, cwd=ROOT)


@BOTH
def test_hadolint_finds_nothing(file: Path) -> None:
    done = hadolint(file)
    assert (done.returncode, done.stdout + done.stderr) == (0, "")


def test_hadolint_would_find_something(tmp_path: Path) -> None:
    careless = tmp_path / "Containerfile"
    careless.write_text("FROM almalinux\nRUN cd /tmp && sudo true\nRUN dnf install gcc\n")
    done = hadolint(careless)
    assert done.returncode == 1
    assert {"DL3004", "DL3006", "DL3041"} <= set(re.findall(r"DL\d{4}", done.stdout))


@BOTH
def test_every_base_of_others_is_pinned_by_its_digest(file: Path) -> None:
    bases = re.findall(r"^FROM (\S+)", file.read_text(), re.MULTILINE)
    others = [base for base in bases if base != "${ARBORIST}"]
    assert others
    assert all(re.search(r"@sha256:([0-9a-f]{64}|\$\{DIGEST\})$", base) for base in others), bases


def test_the_bootable_image_cannot_be_built_without_a_digest() -> None:
    assert re.findall(r"^ARG DIGEST(.*)$", BOOTABLE.read_text(), re.MULTILINE) == [""]


def test_the_image_does_not_run_as_root() -> None:
    assert re.findall(r"^USER (.*)$", FIRST.read_text(), re.MULTILINE)[-1:] == ["1001"]


@BOTH
def test_what_the_build_reads_is_there_and_not_ignored(file: Path) -> None:
    text = file.read_text()
    sources = re.findall(r"type=bind,source=([^,]+),", text) + re.findall(
        r"^COPY (?!--from)(\S+) ", text, re.MULTILINE
    )
    assert sources
    lines = (ROOT / ".containerignore").read_text().splitlines()
    ignored = {line.removeprefix("**/").rstrip("/") for line in lines if not line.startswith("#")}
    for source in sources:
        assert (ROOT / source).exists(), source
        assert not ignored & {*Path(source).parts}, source
    assert ".venv" in ignored
    assert ".git" not in ignored, "the version and the commit come from it"
