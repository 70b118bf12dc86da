"""The units of the bootable image, by systemd's list of settings and, where it is found, systemd-analyze."""

import re
import shutil
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests import ROOT

BOOTC = ROOT / "image/bootc"
UNITS = BOOTC / "usr/lib/systemd/system"
FILES = sorted(path for path in UNITS.rglob("*") if path.is_file())
SETTINGS = ROOT / "tests/data/systemd-252-settings.txt"
TARGETS = ("sysinit", "basic", "shutdown", "multi-user", "timers", "network-online")
BOOTC_OWN = {
    "bootc-fetch-apply-updates.service": "[Service]\nType=oneshot\nExecStart=/usr/bin/bootc upgrade\n",
    "bootc-fetch-apply-updates.timer": "[Timer]\nOnBootSec=1h\nOnUnitInactiveSec=8h\n",
}
"""Units of the base image, as bootc has them."""


def settings(text: str) -> Iterator[tuple[str, str, str]]:
    """Section, name and value of each setting of a unit."""
    section = ""
    for line in text.replace("\\\n", " ").splitlines():
        if found := re.fullmatch(r"\[(\w+)\]", line):
            section = found[1]
        elif line and not line.startswith(("#", ";")):
            name, _, value = line.partition("=")
            yield section, name, value


def unit(name: str) -> dict[str, list[str]]:
    """Section.Name -> its values, of a shipped unit."""
    found: dict[str, list[str]] = {}
    for section, setting, value in settings((UNITS / name).read_text()):
        found.setdefault(f"{section}.{setting}", []).append(value)
    return found


@pytest.fixture
def root(tmp_path: Path) -> Path:
    """The root of an image: the shipped files, what they need of the base, and programs that do nothing."""
    shutil.copytree(BOOTC / "usr", tmp_path / "usr")
    place = tmp_path / UNITS.relative_to(BOOTC)
    for name in TARGETS:
        (place / f"{name}.target").write_text(f"[Unit]\nDescription={name}\n")
    for name, text in BOOTC_OWN.items():
        (place / name).write_text(text)
    for file in FILES:
        for program in re.findall(r"^ExecStart=(/\S+)", file.read_text(), re.MULTILINE):
            (tmp_path / program[1:]).parent.mkdir(parents=True, exist_ok=True)
            (tmp_path / program[1:]).write_text("#!/bin/sh\n")
            (tmp_path / program[1:]).chmod(0o755)
    return tmp_path


def complaints(root: Path) -> str:
    """What is wrong with the units. For some of it systemd-analyze exits with 0, so its stderr counts."""
    known, section = set(), ""
    for line in SETTINGS.read_text().splitlines():
        section = line.strip("[]") if line.startswith("[") else section
        known.add((section, line))
    place = root / UNITS.relative_to(BOOTC)
    found = [
        f"{path.name}: there is no setting {name} in [{section}]"
        for path in sorted(place.rglob("*"))
        if path.is_file()
        for section, name, _ in settings(path.read_text())
        if (section, name) not in known
    ]
    if shutil.which("systemd-analyze"):
        names = sorted(path.name for path in place.iterdir() if path.suffix in (".service", ".timer"))
        command = ["systemd-analyze", "verify", "--man=no", f"--root={root}", *names]
        found.append(subprocess.run(command, capture_output=True, text=True).stderr)
    return "\n".join(filter(None, found))


def test_systemd_finds_nothing(root: Path) -> None:
    assert complaints(root) == ""


def test_a_mistake_would_be_found(root: Path) -> None:
    file = root / UNITS.relative_to(BOOTC) / "arborist-teacher.service"
    file.write_text(file.read_text().replace("RestartSec=", "RestartSeconds="))
    assert "RestartSeconds" in complaints(root)


def test_an_update_restarts_the_machine_only_after_the_job_that_runs() -> None:
    """systemd waits for the start of what comes `After`, and the start of a oneshot lasts until its end."""
    update = unit("bootc-fetch-apply-updates.service.d/arborist.conf")
    assert update["Service.ExecStart"] == ["", "/usr/bin/bootc upgrade --quiet"], "it is staged, not applied"
    assert update["Unit.OnSuccess"] == ["arborist-restart.service"]
    assert unit("arborist-runner.service")["Service.Type"] == ["oneshot"]
    assert unit("arborist-restart.service")["Unit.After"] == ["arborist-runner.service"]


def test_the_runner_is_started_again_after_a_job_and_later_if_none_can_be_taken() -> None:
    runner, timer = unit("arborist-runner.service"), unit("arborist-runner.timer")
    assert timer["Timer.OnUnitInactiveSec"] == ["10s"]
    assert (runner["Service.Restart"], runner["Service.RestartSec"]) == (["on-failure"], ["15min"])


@pytest.mark.parametrize("name", ["arborist-runner.service", "arborist-teacher.service"])
def test_secrets_are_credentials_and_no_process_gains_rights(name: str) -> None:
    found = unit(name)
    assert [value.partition(":")[2] for value in found["Service.LoadCredential"]]
    assert not [value for value in found["Service.Environment"] if "TOKEN=" in value]
    assert found["Service.NoNewPrivileges"] == ["yes"]
    assert found["Service.ProtectSystem"] == ["strict"]
    assert "Service.PrivateDevices" not in found, "it would hide the GPUs"


def test_the_runner_may_make_namespaces() -> None:
    forbidden = {
        "RestrictNamespaces",
        "ProtectKernelTunables",
        "ProtectKernelLogs",
        "ProtectProc",
        "ProtectHostname",
    }
    assert not {name.partition(".")[2] for name in unit("arborist-runner.service")} & forbidden


def test_what_is_enabled_is_shipped_or_of_the_base() -> None:
    [line] = re.findall(r"systemctl enable (.*?) \\", (BOOTC / "Containerfile").read_text())
    assert set(line.split()) <= {path.name for path in FILES} | BOOTC_OWN.keys()
