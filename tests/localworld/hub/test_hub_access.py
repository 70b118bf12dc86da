"""Who may see and change what, as the client's own exceptions tell it."""

from collections.abc import Callable

import httpx
import pytest
from huggingface_hub import CommitOperationAdd, HfApi
from huggingface_hub.errors import (
    HfHubHTTPError,
    RemoteEntryNotFoundError,
    RepositoryNotFoundError,
    RevisionNotFoundError,
)

from tests.helpers.local_hub import RunningHub, noise

READS: list[Callable[[HfApi], object]] = [
    lambda api: api.model_info("lab/model"),
    lambda api: api.list_repo_refs("lab/model"),
    lambda api: api.list_repo_files("lab/model"),
    lambda api: api.get_hf_file_metadata(url=f"{api.endpoint}/lab/model/resolve/main/weights.bin"),
    lambda api: api.auth_check("lab/model"),
]
WRITES: list[Callable[[HfApi], object]] = [
    lambda api: api.create_repo("lab/other"),
    lambda api: api.upload_file(repo_id="lab/model", path_or_fileobj=b"x", path_in_repo="x.txt"),
    lambda api: api.create_tag("lab/model", tag="v1"),
    lambda api: api.create_branch("lab/model", branch="b"),
    lambda api: api.update_repo_settings("lab/model", private=False),
    lambda api: api.move_repo("lab/model", "lab/moved"),
    lambda api: api.delete_repo("lab/model"),
]


@pytest.fixture(autouse=True)
def repository(api: HfApi) -> None:
    api.create_repo("lab/model")
    api.create_commit("lab/model", [CommitOperationAdd("weights.bin", noise(1000))], commit_message="One")


def status(call: Callable[[HfApi], object], api: HfApi) -> int:
    with pytest.raises(HfHubHTTPError) as refused:
        call(api)
    return refused.value.response.status_code


def test_whoami(hub: RunningHub) -> None:
    me = hub.api().whoami()
    assert (me["name"], [org["name"] for org in me["orgs"]]) == ("mona", ["lab"])
    assert hub.api("hf_reader").whoami()["auth"]["accessToken"]["role"] == "read"


def test_everybody_reads_what_is_public(hub: RunningHub) -> None:
    for token in (False, "hf_outsider", "hf_reader"):
        assert hub.api(token).list_repo_files("lab/model")
        for read in READS:
            read(hub.api(token))


def test_only_members_see_what_is_private(hub: RunningHub, api: HfApi) -> None:
    api.update_repo_settings("lab/model", private=True)
    assert api.model_info("lab/model").private
    for read in READS:
        read(api)
        read(hub.api("hf_reader"))
        for token in (False, "hf_outsider"):
            with pytest.raises(RepositoryNotFoundError):
                read(hub.api(token))


def test_writing_takes_the_right_token(hub: RunningHub) -> None:
    for write in WRITES:
        assert status(write, hub.api("hf_reader")) == 403
        assert status(write, hub.api("hf_outsider")) == 403
        assert status(write, hub.api(False)) == 401
        assert status(write, hub.api("hf_nobody")) == 401


def test_a_wrong_token_does_not_even_read(hub: RunningHub) -> None:
    assert status(lambda api: api.model_info("lab/model"), hub.api("hf_nobody")) == 401
    assert status(lambda api: api.whoami(), hub.api("hf_nobody")) == 401


def test_what_is_not_there(api: HfApi) -> None:
    with pytest.raises(RepositoryNotFoundError):
        api.model_info("lab/nothing")
    with pytest.raises(RepositoryNotFoundError):
        api.dataset_info("lab/model")
    with pytest.raises(RevisionNotFoundError):
        api.model_info("lab/model", revision="v9")
    with pytest.raises(RevisionNotFoundError):
        api.hf_hub_download("lab/model", "weights.bin", revision="v9")
    with pytest.raises(RevisionNotFoundError):
        api.delete_tag("lab/model", tag="v9")
    with pytest.raises(RemoteEntryNotFoundError):
        api.hf_hub_download("lab/model", "nothing.bin")
    with pytest.raises(RemoteEntryNotFoundError):
        list(api.list_repo_tree("lab/model", "nowhere"))
    assert not api.file_exists("lab/model", "nothing.bin")
    assert not api.revision_exists("lab/model", "v9")
    assert not api.repo_exists("lab/nothing")


def test_a_xet_token_is_good_for_one_repository_and_one_purpose(hub: RunningHub, api: HfApi) -> None:
    api.create_repo("lab/secret", private=True)
    api.create_commit("lab/secret", [CommitOperationAdd("w.bin", noise(5000, 1))], commit_message="One")
    (listed,) = api.get_paths_info("lab/secret", "w.bin")

    def reads(repository: str) -> int:
        url = f"{hub.url}/api/models/{repository}/xet-read-token/main"
        given = httpx.get(url, headers={"Authorization": "Bearer hf_maintainer"}).json()
        bearer = {"Authorization": f"Bearer {given['accessToken']}"}
        denied = httpx.post(f"{given['casUrl']}/v1/shards", content=b"", headers=bearer)
        assert denied.status_code == 403
        return httpx.get(
            f"{given['casUrl']}/v1/reconstructions/{listed.xet_hash}", headers=bearer
        ).status_code

    assert reads("lab/secret") == 200
    assert reads("lab/model") == 404


def test_a_moved_repository_keeps_what_is_in_it(api: HfApi) -> None:
    head = api.model_info("lab/model").sha
    api.move_repo("lab/model", "mona/model")
    assert api.model_info("mona/model").sha == head
    assert not api.repo_exists("lab/model")


def test_a_deleted_repository_is_gone(api: HfApi) -> None:
    api.delete_repo("lab/model")
    api.delete_repo("lab/model", missing_ok=True)
    assert not api.repo_exists("lab/model")
    api.create_repo("lab/model")
    assert api.list_repo_files("lab/model") == [".gitattributes"]


def test_names_that_no_repository_has(hub: RunningHub) -> None:
    for name in ("..", ".hidden", "a--b", "a b", "model.git", "x" * 97, "a/b"):
        answer = httpx.post(
            f"{hub.url}/api/repos/create",
            json={"organization": "lab", "name": name, "type": "model"},
            headers={"Authorization": "Bearer hf_maintainer"},
        )
        assert answer.status_code == 400, name
