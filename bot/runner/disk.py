"""The file system of a job's folders: new for each job, limited in size, gone with the last process."""

import os
import shutil
import subprocess
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from bot.core.errors import UserError

GIB = 2**30
MOUNT = 'mount -o loop,nosuid,nodev "$1" "$2" && rm "$1" && shift 2 && exec "$@"'
"""Mount a disk image where only this process and its children see it, and delete its name at once: the kernel
frees it when the last of them has ended, however that happens."""


@dataclass(frozen=True)
class Disk:
    """The file system at /home in the sandbox, which also holds /tmp.

    Attributes:
        size_gib: how much fits.
        folder: where to keep it on disk, which only root can; in memory if None.
    """

    size_gib: float
    folder: Path | None = None

    @property
    def size(self) -> int:
        """The size in bytes, a multiple of 4 KiB."""
        return int(self.size_gib * GIB) // 4096 * 4096

    def options(self) -> list[str]:
        """Return bubblewrap's options for it."""
        if self.folder is None:
            return ["--size", str(self.size), "--perms", "1777", "--tmpfs", "/home"]
        return ["--bind", str(self._place), "/home"]

    @property
    def _place(self) -> Path:
        assert self.folder is not None  # noqa: S101  the caller checks it
        return self.folder / "mounted"

    @contextmanager
    def mounted(self, user: int, group: int) -> Iterator[list[str]]:
        """Prepare it for one job of a user; returns the start of the command line that uses it.

        Raises:
            UserError: an image is to be mounted without being root, or the folder cannot hold it.
        """
        if self.folder is None:
            yield []
            return
        if os.getuid():
            raise UserError("--disk: only root can mount a disk image; leave it out to use memory")
        self._place.mkdir(parents=True, exist_ok=True)
        if self.size > shutil.disk_usage(self.folder).free:
            raise UserError(f"--disk {self.folder}: less than {self.size_gib:g} GiB (--space-gib) are free")
        handle, name = tempfile.mkstemp(prefix="job-", dir=self.folder)
        image = Path(name)
        try:
            os.truncate(handle, self.size)
            os.close(handle)
            options = f"root_owner={user}:{group},lazy_itable_init=1,nodiscard"
            format_it = ["mkfs.ext4", "-q", "-F", "-m", "0", "-O", "^has_journal", "-E", options, str(image)]
            done = subprocess.run(format_it, capture_output=True, text=True)
            if done.returncode:
                raise UserError(f"--disk {self.folder}: {done.stderr.strip().splitlines()[-1]}")
            private = ["unshare", "--mount", "--propagation", "private", "sh", "-c", MOUNT, "sh"]
            yield [*private, str(image), str(self._place)]
        finally:
            image.unlink(missing_ok=True)
