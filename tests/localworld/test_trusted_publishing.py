"""A merge is released with no HF_TOKEN anywhere in the local world; a refusal names the claim."""

import re
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import requests
from github import Auth, Github
from github.Repository import Repository
from github.WorkflowRun import WorkflowRun
from huggingface_hub import HfApi

from bot.release.manifest import MANIFEST
from localworld.github import environments
from localworld.github.git import Signature
from localworld.world import LOGINS, MODEL, REPOSITORY, World
from tests import ROOT
from tests.contract.plugin import Watch

SMALL, SMALL_MODEL, SMALL_SAMPLES = "lab/small", "lab/small-model", "lab/small-samples"
PUBLISH = f"""\
import hashlib, pathlib, sys
sys.path.insert(0, {str(Path(__file__).parents[2])!r})
from bot.core.errors import UserError
from bot.core.store import Store
from bot.core.stored_file import StoredFile
from bot.release.companions import Companion
from bot.release.hub import check_publishing, latest_release, publish
from bot.release.hub_repository import HubRepository
folder = pathlib.Path("model")
folder.mkdir(exist_ok=True)
(folder / "config.json").write_text("{{}}")
(folder / "model.safetensors").write_bytes(b"weights" * 10_000)
rows = sys.argv[1].encode() * 1_000
digest = hashlib.sha256(rows).hexdigest()
entry = Store("store").put("samples", digest, {{}}, {{"skills.parquet": rows}})
files = {{"skills.parquet": digest}}
stated = {{"kind": "samples", "repository": "{SMALL_SAMPLES}", "files": files, "facts": {{"rows": {{}}}}}}
samples = Companion(stated, {{"skills.parquet": StoredFile(entry, "skills.parquet")}}, "# Samples")
manifest = {{"key": sys.argv[1][-1] * 64, "release": sys.argv[1], "repository": "{SMALL_MODEL}"}}
try:
    newest = latest_release("{SMALL_MODEL}")
    print("newest", newest and newest.tag)
    check_publishing([HubRepository("{SMALL_MODEL}"), samples.repository])
    print(publish("{SMALL_MODEL}", folder, {{}}, manifest, companions=[samples]).url)
except UserError as error:
    sys.exit(f"arborist: {{error}}")
"""
WORKFLOW = f"""\
name: retrain
on:
  push: {{branches: [main]}}
  workflow_dispatch: {{inputs: {{environment: {{default: release}}}}}}
permissions: {{}}
jobs:
  retrain:
    runs-on: [self-hosted, gpu]
    environment: "${{{{ inputs.environment || 'release' }}}}"
    permissions: {{contents: read, id-token: write}}
    steps:
      - env:
          HF_ENDPOINT: "${{{{ vars.HF_ENDPOINT }}}}"
          HF_TOKEN: "${{{{ secrets.HF_TOKEN }}}}"
          RELEASE: v2024.11.01.${{{{ github.run_number }}}}
        shell: bash
        run: |
          cat >publish.py <<'END'
{"".join(f"          {line}" for line in PUBLISH.splitlines(keepends=True))}
          END
          {sys.executable} publish.py "$RELEASE"
"""


@pytest.fixture(scope="module")
def world(tmp_path_factory: pytest.TempPathFactory, contract: Watch) -> Iterator[World]:
    """A world with a small repository, whose workflow publishes a small model."""
    with pytest.MonkeyPatch.context() as patch:
        for name in ("HF_TOKEN", "HUGGING_FACE_HUB_TOKEN", "HF_OIDC_RESOURCE"):
            patch.delenv(name, raising=False)
        served = World(tmp_path_factory.mktemp("world"), ROOT, middleware=contract.middleware)
        github = contract.watch(served.github)
        github.create_repository("lab", "small")
        github.add_collaborator(SMALL, "maintainer", "admin")
        git = github.git(SMALL)
        names = {"retrain": "retrain", "other": "other"}
        files = {
            f".github/workflows/{name}.yml": WORKFLOW.replace("name: retrain", f"name: {name}", 1).replace(
                "push:", "push:" if name == "retrain" else "release:", 1
            )
            for name in names
        }
        blobs = {path: ("100644", git.write_blob(text.encode())) for path, text in files.items()}
        who = Signature("maintainer", "maintainer@localhost", "2026-01-01T00:00:00Z")
        git.set_ref("refs/heads/main", git.write_commit(git.write_tree(None, blobs), [], "First", who))
        environments.protect(github, SMALL, "release", "main")
        served.actions.set_variable(SMALL, "HF_ENDPOINT", served.hub)
        served.trust(SMALL_MODEL, SMALL)
        served.trust(f"datasets/{SMALL_SAMPLES}", SMALL)
        served.start()
        yield served
        served.stop()


def client(world: World, role: str = "maintainer") -> Github:
    return Github(base_url=world.github.api_url, auth=Auth.Token(world.tokens[role]), retry=None)


@pytest.fixture
def small(world: World) -> Repository:
    return client(world).get_repo(SMALL)


def ended(world: World, repository: Repository) -> tuple[WorkflowRun, str]:
    """The newest run once all have ended, and its log."""
    world.actions.wait_idle(120)
    run = repository.get_workflow_runs()[0]
    (job,) = run.jobs()
    return run, requests.get(job.logs_url(), timeout=10).text


def refused(world: World, repository: Repository, workflow: str, ref: str, **inputs: str) -> str:
    """The one line by which a run says why the Hub does not trust it."""
    assert repository.get_workflow(f"{workflow}.yml").create_dispatch(ref, inputs)
    run, log = ended(world, repository)
    assert run.conclusion == "failure"
    assert "Traceback" not in log
    (line,) = re.findall(r"arborist: (.*)", log)
    return str(line)


def released(world: World, model: str = SMALL_MODEL) -> list[str]:
    return [tag.name for tag in HfApi(endpoint=world.hub, token=False).list_repo_refs(model).tags]


def test_nowhere_is_a_token_for_the_hub(world: World) -> None:
    repository = client(world).get_repo(REPOSITORY)
    world.github.add_collaborator(REPOSITORY, LOGINS["maintainer"], "admin")
    secrets = {secret.name for secret in repository.get_secrets()}
    environment = repository.get_environment("release")
    assert secrets == {"ARBORIST_SIGNING_KEY"}
    assert {secret.name for secret in environment.get_secrets()} == {"ARBORIST_RELEASE_KEY"}


def test_the_worlds_own_environment_is_for_main_alone(world: World) -> None:
    environment = client(world).get_repo(REPOSITORY).get_environment("release")
    assert environment.deployment_branch_policy.custom_branch_policies
    url = f"{environment.url}/deployment-branch-policies"
    found: dict[str, Any] = environment.requester.requestJsonAndCheck("GET", url)[1]
    assert [one["name"] for one in found["branch_policies"]] == ["main"]
    assert released(world, MODEL) == []


def test_a_merge_is_released_by_trusted_publishing(world: World, small: Repository) -> None:
    small.create_git_ref("refs/heads/change", small.get_branch("main").commit.sha)
    small.create_file("leaf.txt", "Add a leaf", "A leaf", branch="change")
    assert small.create_pull(base="main", head="change", title="A leaf").merge().merged
    run, log = ended(world, small)
    assert run.conclusion == "success", log
    assert (run.event, run.name) == ("push", "retrain")
    assert f"the Hub trusts this job: it may publish {SMALL_MODEL} without HF_TOKEN" in log
    assert f"{world.hub}/{SMALL_MODEL}/tree/v2024.11.01.1" in log
    assert released(world) == ["v2024.11.01.1"]
    api = HfApi(endpoint=world.hub, token=False)
    assert MANIFEST in api.list_repo_files(SMALL_MODEL, revision="v2024.11.01.1")
    assert api.list_repo_commits(SMALL_MODEL)[0].authors == ["[OIDC]"]
    assert f"it may publish datasets/{SMALL_SAMPLES} without HF_TOKEN" in log
    assert api.list_repo_commits(SMALL_SAMPLES, repo_type="dataset")[0].authors == ["[OIDC]"]
    assert [tag.name for tag in api.list_repo_refs(SMALL_SAMPLES, repo_type="dataset").tags] == [
        "v2024.11.01.1"
    ]
    assert "the release is complete, but the collection small-model was not updated: the Hub at" in log
    assert list(api.list_collections(owner="lab")) == []


def test_a_private_models_releases_are_read_by_the_same_token(world: World, small: Repository) -> None:
    owner = HfApi(endpoint=world.hub, token=world.tokens["bot"])
    owner.update_repo_settings(SMALL_MODEL, private=True)
    assert small.get_workflow("retrain.yml").create_dispatch("main")
    run, log = ended(world, small)
    owner.update_repo_settings(SMALL_MODEL, private=False)
    assert run.conclusion == "success", log
    assert "newest v2024.11.01.1" in log
    assert released(world) == ["v2024.11.01.1", "v2024.11.01.2"]


def test_another_workflow_is_refused_by_name(world: World, small: Repository) -> None:
    line = refused(world, small, "other", "main")
    assert line == (
        f"publishing {SMALL_MODEL}: the Hub refuses this job's ID token (invalid_grant): its workflow is"
        f" other.yml, not retrain.yml; release with retrain.yml on main, or register the workflow at"
        f" {world.hub}/{SMALL_MODEL}/settings"
    )


def test_another_environment_and_another_branch_are_refused_by_name(world: World, small: Repository) -> None:
    small.create_git_ref("refs/heads/elsewhere", small.get_branch("main").commit.sha)
    line = refused(world, small, "retrain", "elsewhere", environment="test")
    assert (
        "(invalid_grant): its branch is elsewhere, not main, its environment is test, not release; " in line
    )
    line = refused(world, small, "retrain", "main", environment="test")
    assert "(invalid_grant): its environment is test, not release; " in line
    # The environment `release` itself does not even let the branch in.
    assert small.get_workflow("retrain.yml").create_dispatch("elsewhere")
    _, log = ended(world, small)
    assert 'Branch "elsewhere" is not allowed to deploy to release' in log
    assert len(released(world)) == 2


def test_a_data_set_that_is_not_there_is_one_line_and_nothing_is_published(
    world: World, small: Repository
) -> None:
    before = released(world)
    other = HfApi(endpoint=world.hub, token=world.tokens["bot"])
    other.delete_repo(SMALL_SAMPLES, repo_type="dataset")
    line = refused(world, small, "retrain", "main")
    assert line == (
        f"publishing datasets/{SMALL_SAMPLES}: the Hub at {world.hub} refuses this job's ID token and shows"
        f" no data set {SMALL_SAMPLES} to the public: an ID token cannot create it. Create it, and register"
        " the workflow there as a trusted publisher; if it is private, check its trusted publishers"
    )
    assert released(world) == before


def test_where_the_hub_trusts_other_claims_the_line_says_which_ones_to_register(
    world: World, small: Repository
) -> None:
    other = HfApi(endpoint=world.hub, token=world.tokens["bot"])
    other.delete_repo(SMALL_MODEL)
    other.create_repo(SMALL_MODEL)
    line = refused(world, small, "retrain", "main")
    assert line == (
        f"publishing {SMALL_MODEL}: the Hub refuses this job's ID token (invalid_grant): its claims are"
        f" repository={SMALL}, branch=main, workflow=retrain.yml, environment=release; register a trusted"
        f" publisher with exactly these at {world.hub}/{SMALL_MODEL}/settings"
    )


def test_a_token_that_is_given_is_used_instead(world: World, small: Repository) -> None:
    assert released(world) == []
    small.get_environment("release").create_secret("HF_TOKEN", world.tokens["bot"])
    assert small.get_workflow("retrain.yml").create_dispatch("main")
    run, log = ended(world, small)
    assert run.conclusion == "success", log
    api = HfApi(endpoint=world.hub, token=False)
    assert api.list_repo_commits(SMALL_MODEL)[0].authors == ["arborist"]
    [collection] = api.list_collections(owner="lab")
    assert [item.item_id for item in collection.items] == [SMALL_MODEL, SMALL_SAMPLES]
