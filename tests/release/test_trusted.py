"""When a release is published by an ID token. That it is: tests/localworld/test_trusted_publishing.py."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from bot.core.errors import UserError
from bot.release.hub import check_publishing, publish
from bot.release.hub_repository import HubRepository
from bot.release.trusted_publishing import available, refusal
from tests.helpers.local_hub import RunningHub, free_port, running

MODEL = "lab/model"
JOB = {
    "GITHUB_ACTIONS": "true",
    "ACTIONS_ID_TOKEN_REQUEST_URL": "http://127.0.0.1:1/idtoken?api-version=2.0",
    "ACTIONS_ID_TOKEN_REQUEST_TOKEN": "asked",
}


@pytest.fixture
def local_hub(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[RunningHub]:
    for name in ("HF_TOKEN", "HUGGING_FACE_HUB_TOKEN", "HF_OIDC_RESOURCE"):
        monkeypatch.delenv(name, raising=False)
    for name, value in JOB.items():
        monkeypatch.setenv(name, value)
    with running(tmp_path / "hub", free_port()) as serving:
        monkeypatch.setenv("HF_ENDPOINT", serving.url)
        monkeypatch.setenv("ACTIONS_ID_TOKEN_REQUEST_URL", f"{serving.url}/nobody/here?api-version=2.0")
        yield serving


def test_where_github_gives_no_id_token_the_line_says_so(local_hub: RunningHub) -> None:
    with pytest.raises(UserError) as refused:
        check_publishing([HubRepository(MODEL)])
    assert str(refused.value) == (
        f"publishing {MODEL}: GitHub did not issue an ID token to this job (status 401); run again, "
        "or set HF_TOKEN"
    )


@pytest.mark.parametrize("missing", JOB)
def test_without_a_job_that_may_ask_there_is_no_trusted_publishing(
    local_hub: RunningHub, monkeypatch: pytest.MonkeyPatch, missing: str
) -> None:
    assert available()
    monkeypatch.setenv(missing, "")
    assert not available()
    with pytest.raises(UserError) as refused:
        check_publishing([HubRepository(MODEL)])
    assert str(refused.value) == (f"publishing {MODEL} needs a token that may write to the Hub; set HF_TOKEN")
    monkeypatch.setenv("HF_TOKEN", "hf_maintainer")
    check_publishing([HubRepository(MODEL)])


@pytest.mark.parametrize("name", ["HF_TOKEN", "HUGGING_FACE_HUB_TOKEN"])
def test_a_token_that_is_given_is_used_though_an_id_token_could_be_had(
    local_hub: RunningHub, monkeypatch: pytest.MonkeyPatch, tmp_path: Path, name: str
) -> None:
    monkeypatch.setenv(name, "hf_maintainer")
    monkeypatch.setenv("ARBORIST_CACHE", str(tmp_path / "cache"))
    model = tmp_path / "model"
    model.mkdir()
    (model / "config.json").write_text("{}")
    assert publish(MODEL, model, {}, {"key": "a" * 64, "release": "v2024.11.01.1"}).tag == "v2024.11.01.1"
    assert local_hub.api().list_repo_commits(MODEL)[0].authors == ["mona"]


def test_a_called_workflow_of_another_name_is_named() -> None:
    claims = {
        "ref": "refs/heads/trunk",
        "repository": "lab/handbook",
        "workflow_ref": "lab/handbook/.github/workflows/retrain.yml@refs/heads/trunk",
        "job_workflow_ref": "lab/tools/.github/workflows/publish.yml@refs/tags/v1",
        "environment": "release",
    }
    line = refusal(MODEL, claims, "trunk")
    assert (
        "(invalid_grant): its workflow is publish.yml, not retrain.yml; release with retrain.yml on trunk"
        in line
    )
    assert "\n" not in line
