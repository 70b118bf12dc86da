"""What a job finds on its machine: GitHub's are bare each time, the lab's own keeps what jobs leave."""

import os
import sys
from pathlib import Path

import pytest
from github.Repository import Repository

from tests.helpers.local_actions import CHECKOUT, Lab, only, steps

OWN = "[self-hosted, gpu]"


def on_push(*jobs: str) -> str:
    return "on: push\njobs:\n" + "".join(jobs)


def push(lab: Lab, repository: Repository, path: str = "a") -> None:
    """Start the workflows once more."""
    repository.create_file(path, "Push", "x")
    lab.idle()


@pytest.mark.parametrize("runs_on", ["ubuntu-latest", OWN])
def test_nothing_of_the_local_worlds_environment_is_there(
    lab: Lab, monkeypatch: pytest.MonkeyPatch, runs_on: str
) -> None:
    monkeypatch.setenv("DEVELOPER", "hers")
    monkeypatch.setenv("PIP_TIMEOUT", "77")
    look = (
        "command -v act arborist uv pytest || true; python3 -c 'import typer' || true; "
        "echo $DEVELOPER; echo pip $PIP_TIMEOUT"
    )
    repository = lab.repository(look=on_push(steps(f"{look}; echo $PATH; env", runs_on=runs_on)))
    push(lab, repository)
    said = lab.log(only(repository.get_workflow_runs()))
    assert "No module named 'typer'" in said
    assert str(Path(sys.executable).parent) not in said
    assert f"HOME={os.environ['HOME']}\n" not in f"{said}\n"
    assert "hers" not in said
    assert "pip 77" in said


def test_python3_and_git_are_there(lab: Lab) -> None:
    command = (
        "python3 -c 'import sys; print(sys.prefix == sys.base_prefix, sys.version_info[0])'; git --version"
    )
    repository = lab.repository(look=on_push(steps(command)))
    push(lab, repository)
    assert "True 3\ngit version" in lab.log(only(repository.get_workflow_runs()))


LEAVE = (
    "ls -A $HOME; echo left > $HOME/left; mkdir -p $HOME/.local/bin; cp /bin/true $HOME/.local/bin/planted"
)


def test_a_job_on_githubs_machine_starts_with_an_empty_home_folder(lab: Lab) -> None:
    repository = lab.repository(first=on_push(steps(f"{LEAVE}; command -v planted || echo bare")))
    push(lab, repository, "a")
    push(lab, repository, "b")
    for run in repository.get_workflow_runs():
        said = lab.log(run).splitlines()
        assert "left" not in said
        assert "bare" in said


def test_the_labs_own_machine_keeps_what_a_job_left_even_a_strangers(lab: Lab) -> None:
    leave = f"{LEAVE}; echo left > $RUNNER_TOOL_CACHE/tool; echo left > work"
    own = steps(leave, runs_on=OWN)
    find = "cat $HOME/left $RUNNER_TOOL_CACHE/tool work; command -v planted"
    repository = lab.repository(find=on_push(steps(find, runs_on=OWN)))
    lab.fork_pull(repository, {".github/workflows/plant.yml": f"name: plant\non: pull_request\njobs:\n{own}"})
    lab.idle()
    push(lab, repository)
    said = lab.log(next(run for run in repository.get_workflow_runs() if run.name == "find"))
    assert said.splitlines().count("left") == 3
    assert "/.local/bin/planted" in said


def test_a_checkout_clears_the_work_folder_that_was_kept(lab: Lab) -> None:
    # The log shows scripts, too; they hold the word in two pieces.
    job = (
        f"  work:\n    runs-on: {OWN}\n    steps:\n"
        "      - run: ls -A\n"
        f"      - uses: {CHECKOUT}\n"
        f"      - uses: {CHECKOUT}\n        with: {{path: .bot}}\n"
        "      - run: cat README.md; ls -1A . .bot; touch 'left'over .bot/'left'over; rm README.md\n"
    )
    repository = lab.repository(work=on_push(job))
    push(lab, repository, "a")
    push(lab, repository, "b")
    second, first = repository.get_workflow_runs()
    assert "leftover" not in lab.log(first)
    before, after = lab.log(second).split("Run cat")
    assert "leftover" in before
    assert "leftover" not in after
    assert ".github\nREADME.md\na\nb" in after


def test_two_jobs_at_once_have_work_folders_of_their_own(lab: Lab) -> None:
    command = "touch $GITHUB_JOB; sleep 1; ls"
    jobs = (steps(command, job=name, runs_on=OWN) for name in ("one", "two"))
    repository = lab.repository(work=on_push(*jobs))
    push(lab, repository)
    run = only(repository.get_workflow_runs())
    assert lab.results(run) == {"one": "success", "two": "success"}
    listed = [line for line in lab.log(run).splitlines() if line in ("one", "two")]
    assert sorted(listed) == ["one", "two"]
