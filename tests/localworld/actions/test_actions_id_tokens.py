"""ID tokens: who may ask for one, what it says, and by which keys it is checked."""

import json
import re
import time
from pathlib import Path
from typing import Any

import jwt
import pytest
import requests
from github.Repository import Repository
from github.WorkflowRun import WorkflowRun

from tests.helpers.local_actions import Lab, only, steps

ON = "on: {workflow_dispatch: {}, workflow_call: {}}\n"
MAY = "permissions: {id-token: write}\n"
ASK = """\
python3 - <<'END'
import base64, json, os, urllib.request
url = os.environ.get("ACTIONS_ID_TOKEN_REQUEST_URL", "")
token = os.environ.get("ACTIONS_ID_TOKEN_REQUEST_TOKEN", "")
print("may ask:", bool(url), bool(token))
if url:
    for more in ("", "&audience=https://huggingface.co"):
        request = urllib.request.Request(url + more, headers={"Authorization": "Bearer " + token})
        value = json.load(urllib.request.urlopen(request))["value"]
        print("minted", value)
END
"""


def job(name: str = "work", **settings: str) -> str:
    """A job that asks for ID tokens and prints them."""
    return steps(ASK.replace("\n", "\n          "), job=name, **settings)


def dispatched(lab: Lab, repository: Repository, name: str = "work", ref: str = "main") -> WorkflowRun:
    assert repository.get_workflow(f"{name}.yml").create_dispatch(ref)
    lab.idle()
    return repository.get_workflow_runs()[0]


def minted(lab: Lab, run: WorkflowRun) -> list[str]:
    return re.findall(r"^minted (\S+)$", lab.log(run), re.MULTILINE)


def claims(lab: Lab, run: WorkflowRun, audience: str = "https://huggingface.co") -> dict[str, Any]:
    """What the run's last token says, checked by the keys that the issuer serves."""
    issuer = f"{lab.github.base_url}/_services/token"
    described = requests.get(f"{issuer}/.well-known/openid-configuration", timeout=10).json()
    assert described["issuer"] == issuer
    token = minted(lab, run)[-1]
    key = jwt.PyJWKClient(described["jwks_uri"]).get_signing_key_from_jwt(token)
    said: dict[str, Any] = jwt.decode(token, key, algorithms=["RS256"], audience=audience, issuer=issuer)
    return said


def test_a_job_with_the_permission_mints_tokens_with_githubs_claims(lab: Lab) -> None:
    repository = lab.repository(work=f"{ON}{MAY}jobs:\n{job()}")
    run = dispatched(lab, repository)
    said = claims(lab, run)
    name, sha, path = repository.full_name, run.head_sha, ".github/workflows/work.yml"
    (own,) = run.jobs()
    owner, user = lab.github.user("lab"), lab.github.user("maintainer")
    assert owner
    assert user
    times = {claim: said.pop(claim) for claim in ("iat", "nbf", "exp")}
    assert times["nbf"] <= times["iat"] < times["exp"] <= time.time() + 300
    assert said.pop("jti")
    assert said == {
        "iss": f"{lab.github.base_url}/_services/token",
        "aud": "https://huggingface.co",
        "sub": f"repo:lab@{owner['id']}/{repository.name}@{repository.id}:ref:refs/heads/main",
        "ref": "refs/heads/main",
        "ref_type": "branch",
        "sha": sha,
        "repository": name,
        "repository_id": str(repository.id),
        "repository_owner": "lab",
        "repository_owner_id": str(owner["id"]),
        "repository_visibility": "public",
        "actor": "maintainer",
        "actor_id": str(user["id"]),
        "run_id": str(run.id),
        "run_number": "1",
        "run_attempt": "1",
        "check_run_id": str(own.id),
        "event_name": "workflow_dispatch",
        "head_ref": "",
        "base_ref": "",
        "workflow": "work",
        "workflow_ref": f"{name}/{path}@refs/heads/main",
        "workflow_sha": sha,
        "job_workflow_ref": f"{name}/{path}@refs/heads/main",
        "job_workflow_sha": sha,
        "runner_environment": "github-hosted",
    }
    default = jwt.decode(minted(lab, run)[0], options={"verify_signature": False})
    assert default["aud"] == f"{lab.github.base_url}/lab"


def test_subjects_of_repositories_from_before_july_2026_have_no_ids(lab: Lab) -> None:
    repository = lab.repository(work=f"{ON}{MAY}jobs:\n{job(environment='Live:one')}")
    lab.github.db.update("repositories", repository.id, created_at="2026-07-15T12:00:00Z")
    said = claims(lab, dispatched(lab, repository))
    assert said["sub"] == f"repo:{repository.full_name}:environment:Live%3Aone"
    assert said["environment"] == "Live:one"


def test_a_pull_requests_token_says_so(lab: Lab) -> None:
    repository = lab.repository(work=f"on: [pull_request]\n{MAY}jobs:\n{job()}")
    lab.pull(repository, {"new.txt": "new"})
    lab.idle()
    said = claims(lab, only(repository.get_workflow_runs()))
    assert said["sub"].endswith(f"/{repository.name}@{repository.id}:pull_request")
    assert (said["ref"], said["head_ref"], said["base_ref"]) == ("refs/pull/1/merge", "change", "main")


def test_a_called_workflows_token_names_both_workflows(lab: Lab) -> None:
    called = f"{ON}jobs:\n{job(environment='release', runs_on='[self-hosted, gpu]')}"
    tools = lab.repository(called=called)
    commit = tools.get_branch("main").commit.sha
    use = f"{tools.full_name}/.github/workflows/called.yml@"
    refs = {commit: commit, "main": "refs/heads/main"}
    for ref, full in refs.items():
        calls = f"{ON}{MAY}jobs:\n  call:\n    uses: {use}{ref}\n"
        repository = lab.repository(work=calls)
        said = claims(lab, dispatched(lab, repository))
        assert said["workflow_ref"] == f"{repository.full_name}/.github/workflows/work.yml@refs/heads/main"
        assert (said["job_workflow_ref"], said["job_workflow_sha"]) == (f"{use}{full}", commit)
        assert said["sub"].endswith(":environment:release")
        assert said["runner_environment"] == "self-hosted"


@pytest.mark.parametrize(
    ("stated", "called"),
    [
        ("permissions: {contents: write}\n", ""),
        ("", ""),
        ("permissions: read-all\n", ""),
        ("permissions: {contents: read}\n", MAY),
    ],
    ids=["another", "none", "read-all", "called"],
)
def test_a_job_without_the_permission_gets_neither_address_nor_token(
    lab: Lab, stated: str, called: str
) -> None:
    work = f"{ON}{stated}jobs:\n{job()}"
    if called:
        work = f"{ON}{stated}jobs:\n  call:\n    uses: ./.github/workflows/called.yml\n"
    repository = lab.repository(work=work, called=f"{ON}{called}jobs:\n{job()}")
    run = dispatched(lab, repository)
    assert "may ask: False False" in lab.log(run)


def test_only_the_jobs_that_have_the_permission_may_ask(lab: Lab) -> None:
    jobs = job("may", permissions="{id-token: write}") + job("may_not", permissions="{contents: read}")
    run = dispatched(lab, lab.repository(work=f"{ON}jobs:\n{jobs}"))
    assert len(minted(lab, run)) == 2
    assert "may ask: False False" in lab.log(run)


def test_a_fork_gets_no_id_token(lab: Lab) -> None:
    repository = lab.repository(work=f"on: [pull_request]\n{MAY}jobs:\n{job()}")
    lab.fork_pull(repository, {"new.txt": "new"})
    lab.idle()
    assert "may ask: False False" in lab.log(only(repository.get_workflow_runs()))


STOLEN = """\
  {job}:
    runs-on: ubuntu-latest
    {needs}
    steps:
      - shell: python3 {{0}}
        run: |
          import json, os, urllib.error, urllib.request
          found = "{kept}"
          own = [os.environ["ACTIONS_ID_TOKEN_REQUEST_URL"], os.environ["ACTIONS_ID_TOKEN_REQUEST_TOKEN"]]
          if "{job}" == "thief":
              other = json.load(open(found))
              for url, token in ((own[0], other[1]), (other[0], own[1]), other, own):
                  request = urllib.request.Request(url, headers={{"Authorization": "Bearer " + token}})
                  try:
                      print("answered", urllib.request.urlopen(request).status)
                  except urllib.error.HTTPError as error:
                      print("answered", error.code)
          else:
              json.dump(own, open(found, "w"))
              print("token", own[1])
"""


def test_a_request_token_is_worth_nothing_to_another_job_nor_after_its_own(lab: Lab, tmp_path: Path) -> None:
    kept = tmp_path / "kept"
    jobs = STOLEN.format(job="robbed", needs="", kept=kept)
    jobs += STOLEN.format(job="thief", needs="needs: robbed", kept=kept)
    run = dispatched(lab, lab.repository(work=f"{ON}{MAY}jobs:\n{jobs}"))
    assert re.findall(r"answered (\d+)", lab.log(run)) == ["401", "401", "401", "200"]
    for url, token in [json.loads(kept.read_text())]:
        answer = requests.get(url, headers={"Authorization": f"Bearer {token}"}, timeout=10)
        assert (answer.status_code, answer.json()) == (401, {"message": "Unauthorized"})
        assert token not in lab.log(run)
    assert "token ***" in lab.log(run)
