"""What jobs of a run are shown to do, and what they may do."""

import hashlib
import io
import zipfile

import pytest
import requests
from github.WorkflowRun import WorkflowRun

from tests.helpers.local_actions import CHECKOUT, DOWNLOAD, ON, PYTHON, UPLOAD, Lab, run, steps


def work(lab: Lab, jobs: str, top: str = "") -> WorkflowRun:
    """The run of a workflow with these jobs, in a repository of its own."""
    return run(lab, lab.repository(work=f"{ON}{top}jobs:\n{jobs}"))


def test_steps_logs_and_annotations_are_githubs(lab: Lab) -> None:
    jobs = """\
  look:
    name: Look well
    runs-on: [self-hosted, gpu]
    steps:
      - name: Prepare
        run: echo "# Found" >>"$GITHUB_STEP_SUMMARY"
      - run: echo one; echo two
      - if: false
        run: echo never
      - run: |
          echo "::error file=taxonomy/a/qna.yaml,line=3,col=2,endColumn=9,title=bad::Short%0AMend it"
          for n in $(seq 12); do echo "::notice::number $n"; done
          exit 1
"""
    done = work(lab, jobs)
    assert done.conclusion == "failure"
    (job,) = done.jobs()
    assert (job.name, job.conclusion) == ("Look well", "failure")
    assert job.raw_data["labels"] == ["self-hosted", "gpu"]
    assert [(step.name, step.conclusion) for step in job.steps] == [
        ("Set up job", "success"),
        ("Prepare", "success"),
        ("Run echo one; echo two", "success"),
        ("Run echo never", "skipped"),
        (
            'Run echo "::error file=taxonomy/a/qna.yaml,line=3,col=2,endColumn=9,title=bad::Short%0AMend it"',
            "failure",
        ),
        ("Complete job", "success"),
    ]
    assert "one\ntwo" in lab.log(done)
    assert "##[error]Short" in lab.log(done)
    assert "# Found" in lab.page(done)
    (check,) = (
        lab.client("maintainer").get_repo(done.repository.full_name).get_commit("main").get_check_runs()
    )
    first, *others = check.get_annotations()
    assert (first.path, first.start_line, first.start_column, first.end_column) == (
        "taxonomy/a/qna.yaml",
        3,
        2,
        9,
    )
    assert (first.annotation_level, first.title, first.message) == ("failure", "bad", "Short\nMend it")
    assert [other.message for other in others] == [f"number {n}" for n in range(1, 11)]


def test_all_logs_of_a_run_come_as_a_zip(lab: Lab) -> None:
    done = work(lab, steps("echo from one", job="one") + steps("echo from two", job="two", needs="one"))
    content = requests.get(
        done.logs_url, headers={"Authorization": "Bearer token-of-maintainer"}, timeout=10
    ).content
    with zipfile.ZipFile(io.BytesIO(content)) as archive:
        assert archive.namelist() == ["0_one.txt", "1_two.txt"]
        assert b"from two" in archive.read("1_two.txt")


def test_a_matrix_outputs_and_jobs_that_are_skipped(lab: Lab) -> None:
    jobs = """\
  first:
    runs-on: ubuntu-latest
    outputs: {found: "${{ steps.look.outputs.found }}"}
    steps: [{id: look, run: 'echo "found=it" >>"$GITHUB_OUTPUT"'}]
  many:
    needs: first
    runs-on: ubuntu-latest
    strategy: {matrix: {python: ['3.11', '3.12'], os: [linux]}}
    steps: [{run: 'echo "${{ matrix.python }} ${{ needs.first.outputs.found }}"'}]
  never:
    if: needs.first.outputs.found == 'nothing'
    needs: first
    runs-on: ubuntu-latest
    steps: [{run: exit 1}]
"""
    done = work(lab, jobs)
    assert done.conclusion == "success"
    assert lab.results(done) == {
        "first": "success",
        "many (3.11, linux)": "success",
        "many (3.12, linux)": "success",
        "never": "skipped",
    }
    assert {"3.11 it", "3.12 it"} <= set(lab.log(done).splitlines())


CALLEE = """\
on:
  workflow_call:
    inputs: {pull: {type: string, required: true}}
    outputs: {told: {value: "${{ jobs.inner.outputs.told }}"}}
jobs:
  inner:
    name: Inner
    runs-on: ubuntu-latest
    outputs: {told: "${{ steps.tell.outputs.told }}"}
    steps:
      - uses: CHECKOUT
      - uses: ./.github/actions/tell
        id: tell
        with: {what: "${{ inputs.pull }}"}
""".replace("CHECKOUT", CHECKOUT)
TELL = """\
name: tell
description: Tells.
inputs: {what: {required: true}}
outputs: {told: {value: "${{ steps.it.outputs.told }}"}}
runs:
  using: composite
  steps:
    - uses: PYTHON
    - id: it
      shell: bash
      run: echo "told=told ${{ inputs.what }}" >>"$GITHUB_OUTPUT"
""".replace("PYTHON", PYTHON)


def test_a_workflow_calls_another_that_uses_an_action_of_the_repository(lab: Lab) -> None:
    jobs = """\
  before: {runs-on: ubuntu-latest, outputs: {pull: '7'}, steps: [{run: 'true'}]}
  call:
    needs: before
    uses: ./.github/workflows/callee.yml
    with: {pull: "${{ needs.before.outputs.pull }}"}
  after: {needs: call, runs-on: ubuntu-latest, steps: [{run: 'echo "${{ needs.call.outputs.told }}"'}]}
"""
    repository = lab.repository(
        {".github/actions/tell/action.yml": TELL}, work=f"{ON}jobs:\n{jobs}", callee=CALLEE
    )
    done = run(lab, repository)
    assert lab.results(done) == {"before": "success", "call / Inner": "success", "after": "success"}
    assert "told 7" in lab.log(done)


def test_a_workflow_calls_one_of_another_repository_that_calls_one_beside_it(lab: Lab) -> None:
    inner = """\
  inner: {runs-on: ubuntu-latest, steps: [{run: 'echo "inner of ${{ github.repository }}"'}]}
  never: {if: 'false', runs-on: ubuntu-latest, steps: [{run: 'true'}]}
"""
    outer = """\
  first: {runs-on: ubuntu-latest, env: {KEY: '${{ secrets.KEY }}'}, steps: [{run: 'echo "key ${#KEY}"'}]}
  call: {needs: first, uses: ./.github/workflows/inner.yml}
  skipped: {needs: first, if: 'false', uses: ./.github/workflows/inner.yml}
"""
    accepts = "on: {workflow_call: {secrets: {KEY: {required: false}}}}\n"
    tools = lab.repository(outer=f"{accepts}jobs:\n{outer}", inner=f"{ON}jobs:\n{inner}")
    commit = tools.get_branch("main").commit.sha
    uses = f"{tools.full_name}/.github/workflows/outer.yml@{commit}"
    jobs = f"  outer:\n    uses: {uses}\n    secrets: {{KEY: '${{{{ secrets.KEY }}}}'}}\n"
    theirs = lab.repository(work=f"{ON}jobs:\n{jobs}")
    lab.actions.set_secret(theirs.full_name, "KEY", "k-e-y")
    done = run(lab, theirs)
    assert lab.results(done) == {
        "outer / first": "success",
        "outer / call / inner": "success",
        "outer / call / never": "skipped",
        "outer / skipped": "skipped",
    }
    assert len(list(done.jobs())) == 4
    assert f"inner of {theirs.full_name}" in lab.log(done)
    assert "key 5" in lab.log(done)


@pytest.mark.parametrize("ref", ["0" * 40, "no-such-branch"])
def test_a_workflow_of_another_repository_that_is_not_there_fails_and_says_so(lab: Lab, ref: str) -> None:
    tools = lab.repository(outer=f"{ON}jobs:\n{steps('true')}")
    uses = f"{tools.full_name}/.github/workflows/outer.yml@{ref}"
    theirs = lab.repository(work=f"{ON}jobs:\n  outer: {{uses: '{uses}'}}\n")
    done = run(lab, theirs)
    assert done.conclusion == "failure"
    assert f"{uses}: no public repository with this name, or no such commit in it" in lab.page(done)


ASK = (
    'curl -s -o /dev/null -w "$1 %{http_code}\\n" -H "Authorization: Bearer $TOKEN" -d \'{"body": "x"}\' '
    '"$GITHUB_API_URL/repos/$GITHUB_REPOSITORY/issues/1/comments"'
)


def test_the_token_may_do_what_the_job_that_goes_states_and_no_more(lab: Lab) -> None:
    def job(name: str, permissions: str, needs: str) -> str:
        command = ASK.replace("$1", name)
        return steps(command, job=name, needs=needs, permissions=permissions)

    jobs = (
        job("none", "{}", "[]")
        + job("writes", "{issues: write}", "none")
        + job("reads", "read-all", "writes")
    )
    called = """\
  called:
    needs: reads
    permissions: {issues: write}
    uses: ./.github/workflows/callee.yml
"""
    capped = (
        called.replace("called:", "capped:")
        .replace("issues: write", "issues: read")
        .replace("reads", "called")
        .replace("callee", "other")
    )
    env = "env: {TOKEN: '${{ github.token }}'}\n"
    callee = f"{ON}{env}jobs:\n{job('inner', '{issues: write}', '[]')}"
    repository = lab.repository(work=f"{ON}{env}jobs:\n{jobs}{called}{capped}", callee=callee, other=callee)
    repository.create_issue("An issue")
    done = run(lab, repository)
    answers = [line for line in lab.log(done).splitlines() if line.split()[-1:] in (["201"], ["403"])]
    assert answers == ["none 403", "writes 201", "reads 403", "inner 201", "inner 403"]


def test_a_token_is_worth_nothing_after_its_run(lab: Lab) -> None:
    done = work(lab, steps('echo "${TOKEN#ghs_}" | rev'), top="env: {TOKEN: '${{ github.token }}'}\n")
    reversed_token = next(line for line in lab.log(done).splitlines() if len(line) == 36 and line.isalnum())
    answer = requests.get(
        f"{lab.github.api_url}/rate_limit",
        headers={"Authorization": f"Bearer ghs_{reversed_token[::-1]}"},
        timeout=10,
    )
    assert answer.status_code == 401


def test_secrets_are_hidden_line_by_line_and_arrive_as_they_are(lab: Lab) -> None:
    value = 'first $HOME "quoted"\nsecond \\n line'
    settings = "env: {SECRET: '${{ secrets.KEY }}', PLAIN: '${{ vars.PLAIN }}'}\n"
    shown = 'echo "$SECRET"; echo "$PLAIN"; printf %s "$SECRET" | sha256sum'
    repository = lab.repository(work=f"{ON}{settings}jobs:\n{steps(shown, 'true ${{ secrets.WORD }}')}")
    repository.create_secret("KEY", value)
    repository.create_secret("WORD", "quoted-word")
    lab.actions.set_variable(repository.full_name, "PLAIN", "$HOME 'it'")
    done = run(lab, repository)
    everything = lab.log(done) + lab.page(done) + str([job.raw_data for job in done.jobs()])
    assert "first" not in everything
    assert "second" not in everything
    assert "quoted-word" not in everything
    assert "***" in everything
    assert "$HOME 'it'" in lab.log(done)
    assert hashlib.sha256(value.encode()).hexdigest() in lab.log(done)


@pytest.mark.parametrize(
    ("job", "reason"),
    [
        (steps("true", runs_on="windows-latest"), "no local runner has the label windows-latest"),
        (
            steps("true", runs_on="'${{ github.event.none || ''nowhere'' }}'"),
            "no local runner has the label nowhere",
        ),
        (steps("true", runs_on="[self-hosted, a100]"), "no local runner has the label a100"),
        (steps("true", container="debian"), "container needs Docker"),
        (
            "  work:\n    runs-on: ubuntu-latest\n    steps: [{uses: 'someone/thing@v1'}]\n",
            "the local world has no stub for the action someone/thing@v1",
        ),
    ],
)
def test_what_cannot_run_here_fails_and_says_why_and_the_others_run(lab: Lab, job: str, reason: str) -> None:
    done = work(lab, job + steps("true", job="other") + steps("true", job="after", needs="work"))
    assert done.conclusion == "failure"
    assert lab.results(done) == {"work": "failure", "other": "success", "after": "skipped"}
    assert f"##[error]{reason}" in lab.log(done)


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("on: push\njobs:\n  a: {runs-on: ubuntu-latest, stpes: []}", "Unknown Property stpes"),
        ("on: push\njobs: [", "is not YAML"),
        ("on: push\njobs:\n  a: {needs: b, runs-on: ubuntu-latest, steps: [{run: x}]}", "the job a needs b"),
        ("on: push\nconcurrency: '${{ secrets.X }}'\njobs:\n" + steps("true"), "secrets.X"),
        ("on: push\njobs:\n  a: {uses: ./.github/workflows/none.yml}", "none.yml does not exist"),
    ],
)
def test_an_invalid_workflow_is_a_failed_run_that_says_why(lab: Lab, text: str, reason: str) -> None:
    repository = lab.repository(broken=text, good=f"on: push\njobs:\n{steps('true')}")
    repository.create_file("a.txt", "Go", "x\n")
    lab.idle()
    runs = {run.path: run for run in repository.get_workflow_runs()}
    assert runs[".github/workflows/good.yml"].conclusion == "success"
    broken = runs[".github/workflows/broken.yml"]
    assert broken.conclusion == "failure"
    assert reason in lab.page(broken)


def test_artifacts_of_patterns_and_all_of_a_run(lab: Lab) -> None:
    make = "mkdir -p out/deep .hidden; echo 1 >out/a.txt; echo 2 >out/deep/b.log; echo 3 >.hidden/c.txt"
    jobs = f"""\
  make:
    runs-on: ubuntu-latest
    permissions: {{}}
    steps:
      - run: {make}
      - uses: {UPLOAD}
        with: {{name: both, path: "out/**/*\\n.hidden\\n!out/**/*.log"}}
      - uses: {UPLOAD}
        with: {{name: one, path: out/deep/b.log}}
      - uses: {UPLOAD}
        with: {{name: none, path: nowhere}}
      - uses: {UPLOAD}
        continue-on-error: true
        with: {{name: one, path: out/a.txt}}
  take:
    needs: make
    runs-on: ubuntu-latest
    permissions: {{}}
    steps:
      - uses: {DOWNLOAD}
        with: {{path: all}}
      - run: find all -type f | sort
"""
    done = work(lab, jobs)
    assert {one.name for one in done.get_artifacts()} == {"both", "one"}
    log = lab.log(done)
    assert "all/both/a.txt\nall/one/b.log" in log
    assert "No files were found with the provided path: nowhere" in log
    assert "an artifact named one exists already" in log
    (both,) = lab.client("maintainer").get_repo(done.repository.full_name).get_artifacts(name="both")
    archive = requests.get(
        both.archive_download_url, headers={"Authorization": "Bearer token-of-maintainer"}, timeout=10
    )
    with zipfile.ZipFile(io.BytesIO(archive.content)) as content:
        assert content.namelist() == ["a.txt"]


def test_checkout_takes_the_ref_the_depth_and_the_folder_that_it_is_told(lab: Lab) -> None:
    jobs = f"""\
  look:
    runs-on: ubuntu-latest
    steps:
      - uses: {CHECKOUT}
      - run: echo "here $(git branch --show-current) $(git rev-list --count HEAD) $(git status -s | wc -l)"
      - uses: {CHECKOUT}
        with: {{ref: side, path: other, fetch-depth: 0, persist-credentials: false}}
      - working-directory: other
        run: |
          echo "there $(git branch --show-current) $(git rev-list --count HEAD) $(ls b.txt)"
          git config --get-regexp extraheader || echo no credentials
"""
    repository = lab.repository(work=f"{ON}jobs:\n{jobs}")
    lab.change(repository, "side", {"b.txt": "x\n"})
    log = lab.log(run(lab, repository))
    assert "here main 1 0" in log, log
    assert "there side 2 b.txt\nno credentials" in log, log
