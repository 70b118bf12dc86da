"""A job's sandbox, made by bubblewrap: own processes, own view of the files, an unprivileged user.

The job sees the system's programs, a few files of /etc, and what the operator names, all read-only. Its home,
work and temporary folders are one new file system with a size limit (disk.py). It does not see other
processes, users' homes, or this process's environment. The network is the machine's.
"""

import contextlib
import json
import os
import pwd
import select
import shutil
import signal
import subprocess
import sys
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from bot.core.errors import UserError
from bot.runner.disk import Disk
from bot.runner.gpus import devices

SYSTEM = ("/usr", "/bin", "/sbin", "/lib", "/lib32", "/lib64", "/libx32")
ETC = (
    *("alternatives", "ca-certificates", "crypto-policies", "group", "host.conf", "hosts", "ld.so.cache"),
    *("ld.so.conf", "ld.so.conf.d", "localtime", "nsswitch.conf", "os-release", "passwd", "pki", "protocols"),
    *("resolv.conf", "services", "ssl", "timezone"),
)
"""What programs need of /etc to find libraries, users and hosts; nothing that may hold a password."""
RESOLVERS = ("/run/systemd/resolve", "/run/NetworkManager/resolv.conf", "/run/resolvconf")
"""Where /etc/resolv.conf may point."""
HINT = (
    "; run as root, or allow user namespaces, on Ubuntu by "
    "`sysctl kernel.apparmor_restrict_unprivileged_userns=0`"
)
OWN = ("/tmp", "/var/tmp")  # noqa: S108
"""Folders of the job that are links into its file system, where nothing can be mounted."""
HOME = "/home/job"
SOFTWARE = "/runner"
PATH = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"
BEGIN = (
    f"read -r go || exit 1; umask 077; mkdir -p {HOME} /home/tmp && cp -R {SOFTWARE} {HOME}/runner"
    f' && cd {HOME}/runner && exec "$@" </dev/null'
)
"""Begin when told to: from then on the sandbox ends with this process. If it has died, do not begin.
GitHub's runner writes into its own folder, so each job gets a copy."""
END_S = 30.0
"""How long the kernel may take to end a killed job's processes."""


@dataclass(frozen=True)
class Sandbox:
    """What a job may see and use.

    Attributes:
        software: the folder of the runner's program, with run.sh.
        disk: the file system of the job's folders.
        shared: files and folders that the job may read, at the same path.
        store: a folder that the job may also write, at the same path: the only one that outlives the job.
        user: the user of the job's processes if this process is root's; otherwise they have this process's.
    """

    software: Path
    disk: Disk
    shared: Sequence[Path] = ()
    store: Path | None = None
    user: str = "nobody"

    def check(self) -> None:
        """Check that the machine can make this sandbox.

        Raises:
            UserError: the software, a shared path, bubblewrap or the user is missing, or the kernel refuses.
        """
        if not (self.software / "run.sh").is_file():
            raise UserError(
                f"--software {self.software}: no run.sh there; unpack GitHub's runner "
                "(github.com/actions/runner/releases) into this folder"
            )
        self._check_places()
        with self.disk.mounted(*self._ids()) as mounted:
            tried = subprocess.run(
                [*mounted, *self._command(["true"])], capture_output=True, text=True, env={"PATH": PATH}
            )
        if tried.returncode:
            reason = (tried.stderr.strip().splitlines() or [f"exit code {tried.returncode}"])[-1]
            raise UserError(f"no job can be isolated here: {reason}{HINT if os.getuid() else ''}")

    def _check_places(self) -> None:
        for option, path in self._places():
            if not path.exists():
                raise UserError(f"{option} {path}: no such file or folder")
            if any(path.absolute().is_relative_to(own) for own in OWN):
                raise UserError(f"{option} {path}: a job has its own {' and '.join(OWN)}; move it elsewhere")
        user, _ = self._ids()
        if self.store is not None and self.store.stat().st_uid != user:
            raise UserError(f"--store {self.store}: jobs cannot write there; `chown {user} {self.store}`")

    def _places(self) -> list[tuple[str, Path]]:
        """Return the folders and files that the job sees besides the system's, each with its option."""
        store = [("--store", self.store)] if self.store is not None else []
        return [*(("--read-only", path) for path in self.shared), *store]

    @contextmanager
    def run(self, command: Sequence[str]) -> "Iterator[Job]":
        """Run a command in a copy of the runner's folder; at the context's end, all its processes have ended.

        Raises:
            UserError: the sandbox could not be made, or the kernel cannot end its processes.
        """
        read, write = os.pipe()
        with self.disk.mounted(*self._ids()) as mounted:
            process = subprocess.Popen(
                [*mounted, *self._command(["sh", "-c", BEGIN, "sh", *command], info=write)],
                env={"PATH": PATH},
                stdin=subprocess.PIPE,
                stdout=sys.stderr,
                pass_fds=[write],
            )
            os.close(write)
            with os.fdopen(read) as told:
                text = told.read()
            try:
                job = Job(process, int(json.loads(text)["child-pid"]))
            except (ValueError, KeyError, ProcessLookupError):
                process.kill()
                raise UserError(
                    f"the sandbox ended with code {process.wait()} before the job began"
                ) from None
            try:
                job.begin()
                yield job
            finally:
                job.end()

    def _ids(self) -> tuple[int, int]:
        """Return the user and group of the job's processes."""
        if os.getuid():
            return os.getuid(), os.getgid()
        try:
            found = pwd.getpwnam(self.user)
        except KeyError:
            raise UserError(f"--user {self.user}: no such user; create it with `useradd --system`") from None
        if found.pw_uid == 0:
            raise UserError(f"--user {self.user}: this is the administrator; name another user")
        return found.pw_uid, found.pw_gid

    def _command(self, program: Sequence[str], info: int | None = None) -> list[str]:
        """Return bubblewrap's command line for a program."""
        bubblewrap = shutil.which("bwrap")
        if bubblewrap is None:
            raise UserError("bwrap is not installed: install the package `bubblewrap`")
        command = [bubblewrap, "--die-with-parent", "--new-session", "--unshare-pid", "--unshare-ipc"]
        command += ["--unshare-uts", "--unshare-cgroup-try", "--hostname", "job", "--clearenv"]
        command += [] if info is None else ["--info-fd", str(info)]
        for name, value in self._environment().items():
            command += ["--setenv", name, value]
        return [*command, *self._files(), *self._drop(), *program]

    def _files(self) -> list[str]:
        """Return bubblewrap's options for the files that the job sees."""
        size = ["--size", str(self.disk.size), "--perms", "1777"]
        command = ["--proc", "/proc", "--ro-bind-try", "/sys", "/sys", "--dev", "/dev"]
        for device in devices():
            command += ["--dev-bind", device, device]
        command += ["--remount-ro", "/dev", *size, "--tmpfs", "/dev/shm"]  # noqa: S108
        for place in (*SYSTEM, *(f"/etc/{name}" for name in ETC), *RESOLVERS):
            command += _read_only(place)
        command += [*self.disk.options(), "--dir", "/var"]
        for own in OWN:
            command += ["--symlink", "/home/tmp", own]
        command += ["--ro-bind", str(self.software.resolve()), SOFTWARE]
        for option, path in self._places():
            bind = "--bind" if option == "--store" else "--ro-bind"
            command += [*_folders(path.absolute()), bind, str(path.resolve()), str(path.absolute())]
        return [*command, "--remount-ro", "/"]

    def _drop(self) -> list[str]:
        """Return the options and the command that take all rights from the job."""
        if os.getuid():
            return ["--unshare-user", "--cap-drop", "ALL", "--"]
        user, group = self._ids()
        setpriv = ["setpriv", f"--reuid={user}", f"--regid={group}", "--clear-groups", "--no-new-privs"]
        return ["--", *setpriv, "--bounding-set=-all", "--inh-caps=-all", "--"]

    def _environment(self) -> Mapping[str, str]:
        kept = {name: value for name, value in os.environ.items() if name in ("LANG", "TZ")}
        user = self.user if os.getuid() == 0 else pwd.getpwuid(os.getuid()).pw_name
        return {**kept, "PATH": PATH, "HOME": HOME, "USER": user, "LOGNAME": user}


def _read_only(place: str) -> list[str]:
    """Return the options that show a path of the system; a link, such as /bin, stays a link."""
    path = Path(place)
    if path.is_symlink() and path.parent == Path("/"):
        return ["--symlink", str(path.readlink()), place]
    return [*_folders(path), "--ro-bind-try", place, place]


def _folders(path: Path) -> list[str]:
    """Return the options that create the folders above a path; those that bubblewrap creates are its own."""
    return [word for folder in reversed(path.parents[:-1]) for word in ("--dir", str(folder))]


class Job:
    """A command in its sandbox.

    Args:
        process: bubblewrap, outside the sandbox.
        first: the id of the sandbox's first process, without which the kernel ends all others.
    """

    def __init__(self, process: "subprocess.Popen[bytes]", first: int) -> None:
        self._process, self._first = process, os.pidfd_open(first)

    def begin(self) -> None:
        """Tell the sandbox to begin; one that has ended already is not told."""
        told = self._process.stdin
        if told is not None:
            with contextlib.suppress(BrokenPipeError), told:
                told.write(b"go\n")

    def wait(self, seconds: float) -> bool:
        """Wait until the command has ended, at most so many seconds; return whether it has."""
        try:
            self._process.wait(max(0.0, seconds))
        except subprocess.TimeoutExpired:
            return False
        return True

    @property
    def code(self) -> int | None:
        """The exit code of the command; None while it runs."""
        return self._process.poll()

    def end(self) -> None:
        """Kill all processes of the sandbox.

        Raises:
            UserError: the kernel has not ended them after END_S seconds.
        """
        with contextlib.suppress(ProcessLookupError):
            signal.pidfd_send_signal(self._first, signal.SIGKILL)
        # The kernel ends the first process last, so when it is gone all are.
        gone, _, _ = select.select([self._first], [], [], END_S)
        os.close(self._first)
        self._process.kill()
        self._process.wait()
        if not gone:
            raise UserError(
                f"processes of the job have not ended {END_S:g} s after they were killed, and may hold "
                "memory of a GPU; restart the machine"
            )
