"""`arborist runner` registers, takes one job, and is gone; the next job sees nothing of the one before."""

import os
from collections.abc import Callable

from tests.helpers.job_runner import Workplace, processes_with, workflow

NOBODY = 65534
DAEMONS = "echo daemons: $(cat /proc/[0-9]*/cmdline | tr '\\0' '\\n' | grep -c '^/home/job/secret-daemon')"
LOOK = workflow(
    "echo home: $(find /home -name 'secret*' | wc -l)",
    "echo temporary: $(find /tmp/ /var/tmp/ /dev/shm -name 'secret*' | wc -l)",
    "echo work: $(ls -A | wc -l)",
    DAEMONS,
)
LEAVE = workflow(
    "touch secret-work ~/secret-home /tmp/secret-tmp /var/tmp/secret-tmp /dev/shm/secret-shm",
    "cp /bin/sleep ~/secret-daemon && setsid ~/secret-daemon 600 >/dev/null 2>&1 & sleep 0.3",
    DAEMONS,
    "mkdir -p 'odd '$'\\n'name/-rf && touch 'odd '$'\\n'name/-rf/x && chmod 000 odd*/-rf && chmod 000 odd*",
)
"""A job that leaves files everywhere, a daemon, and a folder that cannot be entered."""


def test_a_runner_registers_takes_one_job_and_is_gone(workplace: Callable[..., Workplace]) -> None:
    place = workplace(work=workflow("echo it is $((6 * 7))"))
    done = place.job("work")
    assert (done.code, done.run.conclusion) == (0, "success"), done.said
    assert "it is 42" in done.log
    [job] = done.run.jobs()
    assert job.runner_name.startswith("arborist-")
    assert place.runners() == {}, "GitHub lists no runner of ours any more"
    assert "waits for a job (one-job)" in done.said
    assert "The job has ended; nothing of it is left" in done.said


def test_the_second_job_sees_nothing_of_the_first(workplace: Callable[..., Workplace]) -> None:
    place = workplace(leave=LEAVE, look=LOOK)
    first = place.job("leave")
    assert (first.code, first.run.conclusion) == (0, "success"), first.said + first.log
    assert "daemons: 1" in first.log
    assert processes_with("secret-daemon") == []
    second = place.job("look")
    assert second.run.conclusion == "success", second.log
    for seen in ("home: 0", "temporary: 0", "work: 0", "daemons: 0"):
        assert seen in second.log


def test_a_job_sees_neither_the_operators_token_nor_the_machines_files(
    workplace: Callable[..., Workplace],
) -> None:
    place = workplace(
        look=workflow(
            "cat /proc/[0-9]*/environ /proc/[0-9]*/cmdline 2>/dev/null | grep -a -c 'token-o[f]' || true",
            "echo as $(id -u), rights $(grep CapBnd /proc/self/status | tr -d '\\t')",
            "ls -d /root /etc/shadow /var/log /home/job || true",
            "touch /usr/bin/x ~/runner/x /var/lib/dpkg/x || true",
            "head -c 8 /var/lib/dpkg/status",
        )
    )
    done = place.job("look", "--read-only", "/var/lib/dpkg")
    lines = done.log.splitlines()
    assert "0" in lines, "no process and no command line has the token"
    assert f"as {os.getuid() or NOBODY}, rights CapBnd:0000000000000000" in lines
    assert "/home/job" in lines
    for hidden in ("/root", "/etc/shadow", "/var/log"):
        assert f"ls: cannot access '{hidden}': No such file or directory" in lines
    unwritable = [line for line in lines if line.endswith("Read-only file system")]
    assert [line.split("'")[1] for line in unwritable] == ["/usr/bin/x", "/var/lib/dpkg/x"]
    assert "Package:" in lines
