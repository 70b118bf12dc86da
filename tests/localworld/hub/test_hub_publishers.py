"""Trusted publishers: which ID tokens the Hub exchanges, and what the exchanged token may do."""

import socket
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import httpx
import jwt
import pytest
import uvicorn
from cryptography.hazmat.primitives.asymmetric import rsa
from huggingface_hub import CommitOperationAdd, HfApi
from huggingface_hub.errors import HfHubHTTPError, RepositoryNotFoundError
from starlette.applications import Starlette

from localworld.actions.oidc import ISSUER, IdTokens
from localworld.hub import HubUser, create_hub, trust
from tests.helpers.local_hub import USERS, noise

MODEL = "lab/model"
REGISTERED = {
    "repository": "lab/taxonomy",
    "branch": "main",
    "workflow": "retrain.yml",
    "environment": "release",
}
PATH = "lab/taxonomy/.github/workflows/retrain.yml"
SAID = {
    "sub": "repo:lab/taxonomy:environment:release",
    "repository": "lab/taxonomy",
    "repository_owner": "lab",
    "ref": "refs/heads/main",
    "workflow": "retrain",
    "workflow_ref": f"{PATH}@refs/heads/main",
    "job_workflow_ref": f"{PATH}@refs/heads/main",
    "environment": "release",
}
Exchange = Callable[..., httpx.Response]


@pytest.fixture
def serve() -> Iterator[Callable[[Callable[[str], Starlette]], str]]:
    """Serves an application until the test is over; it is made for the address, which is returned."""
    servers: list[tuple[uvicorn.Server, threading.Thread]] = []

    def start(make: Callable[[str], Starlette]) -> str:
        listening = socket.create_server(("127.0.0.1", 0))
        url = f"http://127.0.0.1:{listening.getsockname()[1]}"
        server = uvicorn.Server(uvicorn.Config(make(url), log_level="warning"))
        thread = threading.Thread(target=server.run, kwargs={"sockets": [listening]}, daemon=True)
        thread.start()
        servers.append((server, thread))
        while not server.started:
            time.sleep(0.01)
        return url

    yield start
    for server, thread in servers:
        server.should_exit = True
        thread.join(10)


class Places:
    """A Hub that trusts a workflow, and the GitHub whose ID tokens it checks."""

    def __init__(self, root: Path, serve: Callable[[Callable[[str], Starlette]], str]) -> None:
        def github(url: str) -> Starlette:
            self.tokens = IdTokens(root, url)
            return Starlette(routes=self.tokens.routes())

        def hub(url: str) -> Starlette:
            self.application = create_hub(root / "hub", url, {**USERS, "hf_none": HubUser("nina")})
            return self.application

        self.github, self.hub = serve(github), serve(hub)
        trust(self.application, MODEL, f"{self.github}{ISSUER}", REGISTERED)

    def id_token(self, audience: str = "", **claims: str) -> str:
        """An ID token of a job that releases, but for some claims."""
        asked = self.tokens.open("job", lambda: {**SAID, **claims})
        url = f"{asked['ACTIONS_ID_TOKEN_REQUEST_URL']}&audience={audience or self.hub}"
        headers = {"Authorization": f"Bearer {asked['ACTIONS_ID_TOKEN_REQUEST_TOKEN']}"}
        return str(httpx.get(url, headers=headers).json()["value"])

    def exchange(self, token: str, resource: str = MODEL, **more: Any) -> httpx.Response:
        """Ask for an access token, as huggingface_hub does."""
        body = {
            "grant_type": "urn:ietf:params:oauth:grant-type:token-exchange",
            "subject_token_type": "urn:ietf:params:oauth:token-type:id_token",
            "subject_token": token,
            "resource": resource,
            **more,
        }
        return httpx.post(f"{self.hub}/oauth/token", json=body)

    def api(self, token: str) -> HfApi:
        return HfApi(endpoint=self.hub, token=token)

    def publisher(self) -> HfApi:
        """The client of a job that was trusted."""
        return self.api(self.exchange(self.id_token()).json()["access_token"])


@pytest.fixture
def places(tmp_path: Path, serve: Callable[[Callable[[str], Starlette]], str]) -> Places:
    return Places(tmp_path, serve)


def test_the_registered_workflow_gets_a_token_of_an_hour(places: Places) -> None:
    answer = places.exchange(places.id_token())
    assert answer.status_code == 200
    found = answer.json()
    assert found.pop("access_token").startswith("hf_jwt_")
    assert found == {
        "token_type": "bearer",
        "expires_in": 3600,
        "issued_token_type": "urn:ietf:params:oauth:token-type:access_token",
    }


@pytest.mark.parametrize(
    "claims",
    [
        {"repository": "lab/taxonomy2"},
        {"ref": "refs/heads/main2"},
        {"ref": "refs/tags/main"},
        {"workflow_ref": "lab/taxonomy/.github/workflows/other.yml@refs/heads/main"},
        {"job_workflow_ref": "lab/tools/.github/workflows/other.yml@refs/heads/main"},
        {"environment": "test"},
    ],
    ids=lambda claims: " ".join(claims.values()),
)
def test_every_claim_must_match_exactly_and_the_refusal_does_not_say_which_did_not(
    places: Places, claims: dict[str, str]
) -> None:
    answer = places.exchange(places.id_token(**claims))
    assert answer.status_code == 400
    assert answer.json() == {
        "error": "invalid_grant",
        "error_description": "The ID token does not match any trusted publisher of this resource",
    }


def test_a_called_workflow_of_the_same_name_is_trusted(places: Places) -> None:
    called = "lab/tools/.github/workflows/retrain.yml@3d3c42e5aac5ba805825da76410c181273ba90b1"
    assert places.exchange(places.id_token(job_workflow_ref=called)).status_code == 200


def test_a_token_for_another_audience_or_resource_or_issuer_is_refused(
    places: Places, tmp_path: Path
) -> None:
    places.api("hf_maintainer").create_repo("lab/other")
    assert places.exchange(places.id_token(audience="https://huggingface.co")).status_code == 400
    for resource in ("lab/other", "lab/none", "datasets/lab/model"):
        assert places.exchange(places.id_token(), resource).json()["error"] == "invalid_grant"
    forged = jwt.decode(places.id_token(), options={"verify_signature": False})
    key = rsa.generate_private_key(65537, 2048)
    known = jwt.get_unverified_header(places.id_token())["kid"]
    signed = [
        jwt.encode(forged, key, algorithm="RS256", headers={"kid": known}),
        jwt.encode({**forged, "iss": "http://127.0.0.1:1"}, key, algorithm="RS256"),
        jwt.encode(forged, "", algorithm="none"),
        "none",
    ]
    for token in signed:
        assert places.exchange(token).json()["error"] == "invalid_grant"


def test_an_expired_token_is_refused(places: Places, monkeypatch: pytest.MonkeyPatch) -> None:
    past = time.time() - 400
    with monkeypatch.context() as then:
        then.setattr("localworld.actions.oidc.time.time", lambda: past)
        token = places.id_token()
    assert places.exchange(token).json()["error"] == "invalid_grant"


@pytest.mark.parametrize(
    ("more", "error"),
    [
        ({"grant_type": "password"}, "unsupported_grant_type"),
        ({"subject_token_type": "urn:ietf:params:oauth:token-type:jwt"}, "invalid_request"),
        ({"resource": ""}, "invalid_request"),
        ({"resource": "a/b/c/d"}, "invalid_request"),
    ],
)
def test_a_request_of_another_form_is_refused(places: Places, more: dict[str, str], error: str) -> None:
    answer = places.exchange(places.id_token(), **more)
    assert (answer.status_code, answer.json()["error"]) == (400, error)


def test_the_token_writes_content_to_its_repository_and_nothing_else(places: Places) -> None:
    owner, api = places.api("hf_maintainer"), places.publisher()
    owner.update_repo_settings(MODEL, private=True)
    owner.create_repo("lab/private", private=True)
    owner.create_repo("lab/other")
    api.create_commit(
        MODEL, [CommitOperationAdd("weights.bin", noise(20 << 10))], commit_message="By the workflow"
    )
    api.create_tag(MODEL, tag="v1")
    assert api.list_repo_commits(MODEL)[0].authors == ["[OIDC]"]
    with pytest.raises(RepositoryNotFoundError):
        api.model_info("lab/private")
    refused: list[Callable[[], object]] = [
        lambda: api.upload_file(repo_id="lab/other", path_or_fileobj=b"x", path_in_repo="x"),
        lambda: api.create_tag("lab/other", tag="v1"),
        lambda: api.create_repo("lab/new"),
        lambda: api.delete_repo(MODEL),
        lambda: api.move_repo(MODEL, "lab/moved"),
        lambda: api.update_repo_settings(MODEL, private=False),
    ]
    for write in refused:
        with pytest.raises(HfHubHTTPError) as answer:
            write()
        assert answer.value.response.status_code == 403


def test_the_token_ends_after_an_hour(places: Places, monkeypatch: pytest.MonkeyPatch) -> None:
    api = places.publisher()
    later = time.time() + 3601
    monkeypatch.setattr("localworld.hub.auth.time.time", lambda: later)
    with pytest.raises(HfHubHTTPError) as answer:
        api.model_info(MODEL)
    assert answer.value.response.status_code == 401
