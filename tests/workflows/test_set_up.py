"""The set-up step: what it installs where, when it uses that again, and that nothing planted is run."""

import json
import os
import shutil
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from importlib import import_module
from pathlib import Path

import pytest

from localworld.actions.machines import inherited
from localworld.seed import commit_tree
from tests import ROOT

BASE = f"{sys.base_prefix}/bin/python{sys.version_info.major}.{sys.version_info.minor}"
SITE = f"lib/python{sys.version_info.major}.{sys.version_info.minor}/site-packages"


@dataclass(frozen=True)
class Runner:
    """A self-hosted runner: a home folder, a tool cache and a work folder with a checkout of the bot."""

    folder: Path
    kind: str = "lint"
    environment: dict[str, str] = field(default_factory=dict)
    places: tuple[str, ...] = ()

    @property
    def home(self) -> Path:
        return self.folder / "home"

    @property
    def work(self) -> Path:
        return self.folder / "work"

    @property
    def kept(self) -> Path:
        return self.folder / "tools" / "arborist"

    def command(self) -> tuple[list[str], dict[str, str]]:
        action = self.work / ".bot/.github/actions/setup"
        environment = {
            **inherited(),
            "UV_CACHE_DIR": str(Path.home() / ".cache/uv"),
            "HOME": str(self.home),
            "PATH": os.pathsep.join([*self.places, str(self.folder / "bin"), "/usr/bin", "/bin"]),
            "RUNNER_TEMP": str(self.folder),
            "RUNNER_TOOL_CACHE": str(self.folder / "tools"),
            "GITHUB_ACTIONS": "true",
            "GITHUB_ACTION_PATH": str(action),
            "GITHUB_PATH": str(self.folder / "path"),
            "GITHUB_WORKSPACE": str(self.work),
            "JOB": self.kind,
            "ARBORIST_STORE": "",
            **self.environment,
        }
        return ["bash", str(action / "setup.sh")], environment

    def set_up(self) -> tuple[Path, str]:
        """Run the step; returns the environment that it put on PATH, and what it printed."""
        command, environment = self.command()
        done = subprocess.run(command, cwd=self.work, env=environment, capture_output=True, text=True)
        assert done.returncode == 0, done.stdout + done.stderr
        return Path((self.folder / "path").read_text().splitlines()[-1]).parent, done.stdout

    def refused(self) -> str:
        """Run the step, which fails; returns what it said."""
        command, environment = self.command()
        done = subprocess.run(command, cwd=self.work, env=environment, capture_output=True, text=True)
        assert done.returncode != 0, done.stdout
        assert "Traceback" not in done.stderr
        return done.stderr

    def commit(self, message: str) -> None:
        git = ["git", "-C", str(self.work / ".bot"), "-c", "user.name=x", "-c", "user.email=x@localhost"]
        subprocess.run([*git, "commit", "--quiet", "--all", "--allow-empty", "-m", message], check=True)


@pytest.fixture(scope="module")
def machine(tmp_path_factory: pytest.TempPathFactory, project: Path) -> Runner:
    """One on which the core was installed."""
    runner = Runner(tmp_path_factory.mktemp("runner"))
    for folder in (runner.home, runner.folder / "bin", runner.work):
        folder.mkdir()
    (runner.folder / "bin" / "python3").symlink_to(BASE)
    bare = runner.folder / "arborist.git"
    subprocess.run(["git", "init", "-q", "--bare", "-b", "main", bare], check=True)
    commit_tree(project, bare)
    subprocess.run(["git", "clone", "-q", "--depth=1", bare.as_uri(), runner.work / ".bot"], check=True)
    shutil.copy(ROOT / "arborist.yaml", runner.work)
    runner.set_up()
    return runner


@pytest.fixture
def runner(machine: Runner) -> Iterator[Runner]:
    """The machine; a test's commits and its recipe are taken back."""
    git = ["git", "-C", str(machine.work / ".bot")]
    head = subprocess.run([*git, "rev-parse", "HEAD"], check=True, capture_output=True, text=True).stdout
    yield machine
    subprocess.run([*git, "reset", "--quiet", "--hard", head.strip()], check=True)
    shutil.copy(ROOT / "arborist.yaml", machine.work)


def put(file: Path, text: str) -> None:
    """Write a file in place of another, whose bytes uv's cache may share."""
    file.unlink(missing_ok=True)
    file.parent.mkdir(parents=True, exist_ok=True)
    file.write_text(text)
    file.chmod(0o755)


def test_what_is_whole_is_used_again(runner: Runner) -> None:
    environment, said = runner.set_up()
    assert said == f"set-up: using the environment {environment}\n"
    commit = subprocess.run(
        ["git", "-C", runner.work / ".bot", "rev-parse", "HEAD"], check=True, capture_output=True, text=True
    ).stdout
    version = subprocess.run([environment / "bin/arborist", "version"], capture_output=True, text=True)
    assert version.stdout.strip().endswith(f"commit {commit.strip()}")


def test_another_commit_lock_file_or_need_is_another_environment(runner: Runner) -> None:
    first, _ = runner.set_up()
    runner.commit("The same version, another commit")
    second, said = runner.set_up()
    assert second.name.partition("-")[2] == first.name.partition("-")[2]
    assert "installing it again" not in said
    lock = runner.work / ".bot/constraints.txt"
    lock.write_text(lock.read_text() + "# another\n")
    runner.commit("Another lock file")
    third, _ = runner.set_up()
    assert third.name.split("-")[1] != second.name.split("-")[1]
    fourth, _ = replace(runner, kind="report", environment={"ARBORIST_STORE": "s3://bucket/store"}).set_up()
    assert fourth.name == third.name.replace("-core", "-s3")
    bytecode = "/site-packages/github/__pycache__/"
    assert bytecode in (fourth.parent / f"{fourth.name}.json").read_text(), "jobs need not compile it"
    assert subprocess.run([fourth / "bin/python", "-c", "import s3fs, bot"]).returncode == 0
    assert subprocess.run([third / "bin/python", "-c", "import s3fs"], capture_output=True).returncode == 1


def test_changes_in_the_checkout_that_are_not_committed_are_not_installed(runner: Runner) -> None:
    (runner.work / ".bot/bot/cli/__init__.py").write_text("raise SystemExit('planted')\n")
    runner.commit("Planted")
    (runner.work / ".bot/bot/cli/__init__.py").write_text((ROOT / "bot/cli/__init__.py").read_text())
    environment, _ = runner.set_up()
    assert (
        subprocess.run([environment / "bin/arborist", "version"], capture_output=True).stderr == b"planted\n"
    )


def test_an_environment_that_was_altered_is_made_anew(runner: Runner) -> None:
    environment, _ = runner.set_up()
    name = f"{SITE}/yaml/__init__.py"
    before = (environment / name).read_text()
    put(environment / name, "raise SystemExit('planted')\n")
    again, said = runner.set_up()
    assert again == environment
    assert f"{name} was modified after installation; installing it again" in said
    assert (environment / name).read_text() == before


def test_bytecode_that_a_job_wrote_is_deleted_and_no_alteration(runner: Runner) -> None:
    environment, _ = runner.set_up()
    planted = environment / SITE / "bot/__pycache__/planted.cpython-311.pyc"
    put(planted, "planted")
    assert "installing it again" not in runner.set_up()[1]
    assert not planted.exists()


class Kept:
    """A folder of environments, each a copy of a whole one, since an installation takes 15 seconds."""

    def __init__(self, folder: Path, whole: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.syspath_prepend(ROOT / ".github/actions/setup")
        self.folder, self.whole, self.module = folder, whole, import_module("environments")

    def get(self) -> Path:
        with self.module.Environments(self.folder) as kept:
            folder: Path = kept.get("core", self.copy)
        return folder

    def copy(self, folder: Path, fresh: bool) -> None:
        shutil.copytree(self.whole, folder, symlinks=True, copy_function=os.link)


@pytest.fixture
def kept(runner: Runner, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Kept:
    return Kept(tmp_path, runner.set_up()[0], monkeypatch)


@pytest.mark.parametrize(
    "name",
    [f"{SITE}/yaml/__init__.py", f"{SITE}/sitecustomize.py", f"{SITE}/bot/cli/__init__.py", "bin/arborist"],
)
def test_a_planted_file_is_found(kept: Kept, capsys: pytest.CaptureFixture[str], name: str) -> None:
    environment = kept.get()
    put(environment / name, "planted")
    assert kept.get() == environment
    assert f"{name} was modified after installation; installing it again" in capsys.readouterr().out
    assert (environment / name).exists() == (kept.whole / name).exists()
    assert not (environment / name).exists() or (environment / name).read_text() != "planted"


def test_a_planted_link_is_found(kept: Kept, capsys: pytest.CaptureFixture[str]) -> None:
    python = kept.get() / "bin/python"
    before = python.readlink()
    python.unlink()
    python.symlink_to("/bin/true")
    kept.get()
    assert "bin/python was modified after installation" in capsys.readouterr().out
    assert python.readlink() == before


def test_a_planted_pipe_makes_nobody_wait(kept: Kept, capsys: pytest.CaptureFixture[str]) -> None:
    os.mkfifo(kept.get() / "bin/planted")
    kept.get()
    assert "bin/planted was modified after installation" in capsys.readouterr().out


def test_a_missing_file_is_found(kept: Kept, capsys: pytest.CaptureFixture[str]) -> None:
    program = kept.get() / "bin/arborist"
    program.unlink()
    kept.get()
    assert "bin/arborist was modified after installation" in capsys.readouterr().out
    assert program.exists()


def test_a_half_made_environment_is_made_anew(kept: Kept, capsys: pytest.CaptureFixture[str]) -> None:
    environment = kept.get()
    environment.with_name(f"{environment.name}.json").unlink()
    (environment / "bin/arborist").unlink()
    kept.get()
    assert f"{environment}: the environment is incomplete; installing it again" in capsys.readouterr().out
    assert (environment / "bin/arborist").exists()


def test_two_at_once_make_one_environment(runner: Runner) -> None:
    runner.commit("Two at once")
    command, environment = runner.command()
    both = [
        subprocess.Popen(command, cwd=runner.work, env=environment, stdout=subprocess.PIPE, text=True)
        for _ in range(2)
    ]
    said = [process.communicate()[0] for process in both]
    assert [process.returncode for process in both] == [0, 0], said
    assert said[0].splitlines()[-1] == said[1].splitlines()[-1]
    assert "installing it again" not in "".join(said)
    assert "waiting for the set-up of another job" in "".join(said)


def test_old_environments_go_but_not_one_that_a_process_runs_from(runner: Runner) -> None:
    for number in range(8):
        folder = runner.kept / f"old-{number}"
        (folder / "bin").mkdir(parents=True)
        manifest = runner.kept / f"old-{number}.json"
        manifest.write_text(json.dumps({}))
        os.utime(manifest, (number, number))
    program = runner.kept / "old-0/bin/program"
    shutil.copy("/bin/sleep", program)
    with subprocess.Popen([program, "60"]) as process:
        runner.set_up()
        process.kill()
    left = sorted(
        path.name for path in runner.kept.iterdir() if path.is_dir() and path.name.startswith("old")
    )
    assert "old-0" in left
    assert "old-1" not in left
    assert len(list(runner.kept.glob("*.json"))) <= 7
    for name in left:
        shutil.rmtree(runner.kept / name)
        (runner.kept / f"{name}.json").unlink()


def test_nothing_that_lies_in_the_home_folder_runs(runner: Runner) -> None:
    home, mark = runner.home, runner.folder / "planted"
    programs = home / ".local/bin"
    for name in ("arborist", "uv", "pip", "pip3", "git", "python3", "python"):
        put(programs / name, f"#!/bin/sh\ntouch {mark}\nexit 1\n")
    python = f"open({str(mark)!r}, 'w')\n"
    put(home / "modules/sitecustomize.py", python)
    put(home / f".local/{SITE}/usercustomize.py", python)
    put(home / f".local/{SITE}/pip/__init__.py", python)
    nowhere = "http://127.0.0.1:9/simple"
    put(home / ".config/pip/pip.conf", f"[global]\nindex-url = {nowhere}\n")
    put(home / ".pip/pip.conf", f"[global]\nindex-url = {nowhere}\n")
    put(home / ".config/uv/uv.toml", f'[[index]]\nurl = "{nowhere}"\ndefault = true\n')
    put(home / ".gitconfig", f"[core]\n\tfsmonitor = touch {mark}\n\thooksPath = {programs}\n")
    runner.commit("Something to install")
    hostile = {"PYTHONPATH": str(home / "modules"), "PYTHONSTARTUP": str(home / "modules/sitecustomize.py")}
    attacked = replace(runner, places=(str(programs),), environment=hostile)
    environment, _ = attacked.set_up()
    assert not mark.exists()
    assert environment.parent == runner.kept
    shutil.rmtree(home)
    home.mkdir()


def test_from_nothing_it_says_what_it_downloads_and_an_altered_cache_is_not_used(
    runner: Runner, tmp_path: Path
) -> None:
    own = {"RUNNER_TOOL_CACHE": str(tmp_path), "UV_CACHE_DIR": ""}
    bare = replace(runner, environment=own)
    environment, said = bare.set_up()
    uv, packages, *_ = said.splitlines()
    assert uv == "set-up: downloading uv 0.9.30 (about 25 MB)"
    assert packages.startswith("set-up: downloading up to ")
    assert " MB (cached packages are skipped); the largest is " in packages
    assert bare.set_up()[1] == f"set-up: using the environment {environment}\n"
    # The bytes that the cache shares with the environment.
    file = environment / SITE / "yaml/__init__.py"
    before = file.read_text()
    file.write_text("raise SystemExit('planted')\n")
    said = bare.set_up()[1]
    assert "yaml/__init__.py differs from the RECORD of pyyaml-" in said
    assert "a cache on this machine was modified; downloading again" in said
    assert file.read_text() == before


def test_a_recipe_that_cannot_be_read_is_one_line_but_to_jobs_that_need_none(runner: Runner) -> None:
    (runner.work / "arborist.yaml").write_text("version: 1\nteacher: [\n")
    [line] = replace(runner, kind="report").refused().splitlines()
    assert line.startswith("::error::set-up: arborist.yaml: not YAML: ")
    runner.set_up()
    replace(runner, kind="reap").set_up()
    [line] = replace(runner, kind="cook").refused().splitlines()
    assert line.startswith("::error::set-up: unknown kind of job 'cook'; use one of lint, reap, propose")
