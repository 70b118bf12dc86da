"""InstructLab's layout, with the leaves in the repository's root: from adoption and a mistake to a release.

The tree has leaves of all versions, leaves that cannot be read, and one whose document cannot be fetched. The
teacher is an endpoint that never says anything of use, so all samples come from the leaves themselves, and
the student is tiny: what is told here is the way, and which leaves come through.
"""

import html
import json
import subprocess
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from github.EnvironmentDeploymentBranchPolicy import EnvironmentDeploymentBranchPolicyParams
from github.EnvironmentProtectionRuleReviewer import ReviewerParams
from github.PullRequest import PullRequest
from github.WorkflowRun import WorkflowRun
from huggingface_hub import HfApi, hf_hub_download

from tests.helpers.faulty_endpoint import Call, endpoint
from tests.helpers.instructlab_tree import (
    ATTRIBUTED,
    ATTRIBUTION,
    CREATOR,
    FEW,
    FOUNDATIONAL,
    LEAVES,
    OLD_KNOWLEDGE,
    SECOND,
    THIRD,
    files,
    knowledge,
    skill,
)
from tests.helpers.loop import (
    ARBORIST,
    HANDBOOK_MODEL,
    check_is,
    clean,
    comment_that,
    fork,
    git,
    push,
    repository,
    succeeded,
    until,
)
from tests.helpers.tiny import ask_few, write_tiny

OWL = "compositional_skills/writing/rhymes/owl"
LOST = "knowledge/history/lost"
AWAY = {"repo": "https://nowhere.invalid/lost.git", "commit": "a" * 40, "patterns": ["*.md"]}


@pytest.fixture(scope="module")
def teacher() -> Iterator[str]:
    def shrug(call: Call) -> None:
        call.answer("Well.")

    with endpoint(shrug) as served:
        yield served.url


@pytest.fixture(scope="module")
def owners(handbook: dict[str, Any], tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The owners' clone, with InstructLab's layout on main."""
    folder = tmp_path_factory.mktemp("owners")
    token = handbook["tokens"]["maintainer"]
    git(folder, "clone", "--quiet", handbook["github"]["git"].replace("://", f"://maintainer:{token}@"), ".")
    git(folder, "checkout", "--quiet", "-B", "main")
    written = {
        **files(),
        f"{LOST}/qna.yaml": json.dumps({**json.loads(knowledge()), "document": AWAY}),
        f"{LOST}/attribution.txt": ATTRIBUTION.format("Lost") + CREATOR,
    }
    for name, text in written.items():
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_text(text)
    push(folder, "Our taxonomy")
    return folder


def arborist(folder: Path, *arguments: str, codes: tuple[int, ...] = (0,)) -> str:
    done = subprocess.run([ARBORIST, *arguments], cwd=folder, env=clean(), capture_output=True, text=True)
    assert done.returncode in codes, done.stdout + done.stderr
    assert "Traceback" not in done.stderr
    return done.stdout + done.stderr


@pytest.fixture(scope="module")
def adopted(
    owners: Path, init: Callable[..., str], teacher: str, tmp_path_factory: pytest.TempPathFactory
) -> Path:
    """The same after `init` and `adopt`, with a recipe for this machine."""
    init("--prefix", "arborist-")
    tiny = write_tiny(tmp_path_factory.mktemp("tiny"))
    recipe = owners / "arborist.yaml"
    text = recipe.read_text()
    changes = {
        "  engine: transformers\n  model: embedded": f"  engine: openai\n  model: any\n  url: {teacher}\n  #",
        "student:\n  model: embedded": f"student:\n  model: {tiny}",
        "samples: 350 ": "samples: 3 ",
        "epochs: 3": "epochs: 1",
        "ensemble: 2 ": "ensemble: 1 ",
        "new: 0.3 ": "new: 0 ",
        "  margin: 0.3 ": "  margin: 1 ",
        "leaf_margin: 0.5 ": "leaf_margin: 1 ",
        "retention_margin: 0.4 ": "retention_margin: 1 ",
        "near_miss_margin: 0.5 ": "near_miss_margin: 1 ",
    }
    for old, new in changes.items():
        assert old in text, old
        text = text.replace(old, new)
    recipe.write_text(text)
    ask_few(recipe)
    assert "\ntaxonomy: ." in text, "init has found the layout"
    assert (owners / ".github/workflows/arborist-lint.yml").exists(), "lint.yml is their own"
    arborist(owners, "adopt", "--write", codes=(0, 1))
    push(owners, "Set up arborist [skip ci]")
    return owners


@pytest.fixture(scope="module")
def clone(handbook: dict[str, Any], adopted: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("clone")
    fork(handbook, folder, "owl")
    (folder / OWL).mkdir(parents=True)
    wrong = skill(5, 3, "hoot").replace("answer: The hoot is newt-hoot.", "answer: 1911")
    (folder / OWL / "qna.yaml").write_text(wrong)
    (folder / OWL / "attribution.txt").write_text(ATTRIBUTION.format("Owls") + CREATOR)
    push(folder, "Owls")
    return folder


@pytest.fixture(scope="module")
def pull(handbook: dict[str, Any], clone: Path) -> PullRequest:
    here = repository(handbook, "contributor")
    return here.create_pull(base="main", head="contributor:owl", title="Owls", body="")


def test_lint_reads_the_leaves_in_the_root(adopted: Path) -> None:
    # What was wrong before is accepted by the baseline that `adopt` wrote.
    assert f"{LEAVES + 1} leaves, nothing to fix" in arborist(adopted, "lint")


def test_its_owners_plan_generate_five_leaves_and_ask_doctor(adopted: Path, handbook: dict[str, Any]) -> None:
    planned = arborist(adopted, "plan", "--device", "h100")
    assert "Estimate of the training" in planned and "by formula and not measured" in planned
    assert f"left out: {LOST}/qna.yaml" in planned
    for leaf in (ATTRIBUTED, SECOND, FEW, THIRD, FOUNDATIONAL):
        made = arborist(adopted, "sample", leaf, "-n", "2", "--format", "json")
        samples = [json.loads(line) for line in made.splitlines() if line.startswith("{")]
        assert samples and all(sample["leaf"] == leaf for sample in samples), made
    told = arborist(adopted, "doctor", codes=(0, 2))
    assert "✔ taxonomy:" in told and "✔ workflows:" in told, told
    assert not [line for line in told.splitlines() if line.startswith("✘ recipe")], told


def test_a_mistake_is_named_by_its_path_in_the_repository(
    handbook: dict[str, Any], pull: PullRequest
) -> None:
    assert f"{OWL}/qna.yaml" in html.unescape(comment_that(pull, "1911", "qna.yaml"))
    check_is(handbook, pull, "failure")


def test_corrected_it_turns_green(handbook: dict[str, Any], clone: Path, pull: PullRequest) -> None:
    (clone / OWL / "qna.yaml").write_text(skill(5, 3, "hoot"))
    push(clone, "An answer in words")
    check_is(handbook, pull, "success")
    comment_that(pull, "Plan", "owl")


def test_a_merge_is_released_without_the_leaves_that_cannot_be_read(
    handbook: dict[str, Any], clone: Path, pull: PullRequest, tmp_path: Path
) -> None:
    maintainer = repository(handbook, "maintainer")
    maintainer.get_pull(pull.number).merge()
    comment_that(pull, "Released as", "owl")
    file = hf_hub_download(HANDBOOK_MODEL, "manifest.json", endpoint=handbook["hub"], cache_dir=tmp_path)
    manifest = json.loads(Path(file).read_text())
    assert manifest["taxonomy"]["folder"] == "."
    released = {leaf["path"] for leaf in manifest["leaves"]}
    assert {OWL, THIRD} <= released
    left_out = {leaf["path"]: leaf["reason"] for leaf in manifest["quarantined"]}
    assert {LOST, OLD_KNOWLEDGE} <= left_out.keys()
    assert released.isdisjoint(left_out)
    assert "nowhere.invalid" in left_out[LOST]
    (issue,) = until(lambda: list(maintainer.get_issues(labels=["quarantine"])), "the issue")
    assert LOST in html.unescape(issue.body) and OLD_KNOWLEDGE in html.unescape(issue.body)


def test_if_the_approval_is_refused_nothing_is_published_and_later_nothing_is_trained_again(
    handbook: dict[str, Any], adopted: Path
) -> None:
    maintainer = repository(handbook, "maintainer")
    own = maintainer.create_environment(
        "release",
        reviewers=[ReviewerParams("User", maintainer.owner.id)],
        deployment_branch_policy=EnvironmentDeploymentBranchPolicyParams(False, True),
    )
    git(adopted, "pull", "--quiet", "--rebase")
    git(adopted, "rm", "-rq", THIRD)
    push(adopted, "Without one leaf")
    taken = Path(handbook["data"]) / "store" / "took"
    first = waiting_for_approval(handbook)
    trained = sorted(taken.iterdir())
    assert {job.name: job.conclusion for job in first.jobs()}["retrain / train"] == "success"

    review(first, own.id, "rejected")
    assert first.conclusion == "failure"
    assert len(tags(handbook)) == 1

    maintainer.get_workflow("retrain.yml").create_dispatch("main")
    second = waiting_for_approval(handbook)
    review(second, own.id, "approved")
    succeeded(second)
    assert len(tags(handbook)) == 2
    assert sorted(taken.iterdir()) == trained, "no step was run again"


def waiting_for_approval(handbook: dict[str, Any]) -> WorkflowRun:
    """The retraining that waits for somebody to approve its release."""
    workflow = repository(handbook, "maintainer").get_workflow("retrain.yml")
    return until(lambda: next(iter(workflow.get_runs(status="waiting")), None), "a run that waits")


def review(run: WorkflowRun, environment: int, state: str) -> None:
    """Approve or reject the release, and wait for the run's end."""
    given = {"environment_ids": [environment], "state": state, "comment": "I have read the results."}
    run.requester.requestJsonAndCheck("POST", f"{run.url}/pending_deployments", input=given)

    def ended() -> bool:
        run.update()
        return run.status == "completed"

    until(ended, f"the end of the run that was {state}")


def tags(handbook: dict[str, Any]) -> list[str]:
    refs = HfApi(endpoint=handbook["hub"]).list_repo_refs(HANDBOOK_MODEL)
    return sorted(tag.name for tag in refs.tags)
