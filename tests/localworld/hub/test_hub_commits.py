"""Commits, tags, branches: what a release needs to be atomic."""

from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest
from huggingface_hub import CommitOperationAdd, CommitOperationCopy, CommitOperationDelete, HfApi
from huggingface_hub.errors import BadRequestError, HfHubHTTPError, RemoteEntryNotFoundError

from tests.helpers.local_hub import RunningHub, noise

REPO = "lab/model"


@pytest.fixture(autouse=True)
def repository(api: HfApi) -> None:
    api.create_repo(REPO)


def add(api: HfApi, path: str, content: bytes, **options: str) -> str:
    files = [CommitOperationAdd(path, content)]
    return api.create_commit(REPO, files, commit_message=f"Add {path}", **options).oid


def read(api: HfApi, path: str, revision: str = "main") -> bytes:
    return Path(api.hf_hub_download(REPO, path, revision=revision)).read_bytes()


def test_a_repository_is_made_once(api: HfApi) -> None:
    assert str(api.create_repo(REPO, exist_ok=True)).endswith("/lab/model")
    with pytest.raises(HfHubHTTPError, match="409"):
        api.create_repo(REPO)


def test_a_new_repository_has_a_head(api: HfApi) -> None:
    head = api.model_info(REPO).sha
    assert [commit.commit_id for commit in api.list_repo_commits(REPO)] == [head]
    assert api.list_repo_files(REPO) == [".gitattributes"]


def test_a_commit_adds_changes_and_deletes_at_once(api: HfApi) -> None:
    add(api, "old/one.txt", b"1")
    add(api, "old/two.txt", b"2")
    add(api, "note.txt", b"before")
    operations = [
        CommitOperationAdd("note.txt", b"after"),
        CommitOperationDelete("old/", is_folder=True),
        CommitOperationDelete(".gitattributes"),
    ]
    oid = api.create_commit(REPO, operations, commit_message="Tidy", commit_description="Why").oid
    assert api.list_repo_files(REPO) == ["note.txt"]
    assert read(api, "note.txt") == b"after"
    newest = api.list_repo_commits(REPO)[0]
    assert (newest.commit_id, newest.title, newest.message, newest.authors) == (oid, "Tidy", "Why", ["mona"])


def test_a_large_file_is_copied_without_sending_it(api: HfApi) -> None:
    add(api, "one.bin", noise(200_000))
    copy = [CommitOperationCopy(src_path_in_repo="one.bin", path_in_repo="two.bin")]
    api.create_commit(REPO, copy, commit_message="Copy")
    assert read(api, "two.bin") == noise(200_000)


def test_the_second_of_two_that_saw_the_same_head_is_refused(api: HfApi) -> None:
    seen = api.model_info(REPO).sha
    first = add(api, "a.txt", b"first", parent_commit=seen)
    with pytest.raises(HfHubHTTPError) as refused:
        add(api, "a.txt", b"second", parent_commit=seen)
    assert refused.value.response.status_code == 412
    assert api.model_info(REPO).sha == first
    assert read(api, "a.txt") == b"first"


def test_of_many_at_once_exactly_one_wins(hub: RunningHub, api: HfApi) -> None:
    seen = api.model_info(REPO).sha

    def attempt(number: int) -> int:
        try:
            add(hub.api(), "a.txt", str(number).encode(), parent_commit=seen)
        except HfHubHTTPError as error:
            return error.response.status_code
        return 200

    with ThreadPoolExecutor(6) as pool:
        assert sorted(pool.map(attempt, range(6))) == [200] + [412] * 5
    assert len(api.list_repo_commits(REPO)) == 2


def test_a_refused_commit_leaves_nothing(api: HfApi) -> None:
    head = api.model_info(REPO).sha
    operations = [CommitOperationAdd("new.txt", b"x"), CommitOperationDelete("nowhere.txt")]
    with pytest.raises(RemoteEntryNotFoundError):
        api.create_commit(REPO, operations, commit_message="Half wrong")
    assert api.model_info(REPO).sha == head


def test_unchanged_files_make_no_commit(api: HfApi) -> None:
    for path, content in (("small.txt", b"same"), ("large.bin", noise(100_000))):
        head = add(api, path, content)
        assert add(api, path, content) == head


def test_a_pull_request_is_refused_in_words(api: HfApi) -> None:
    with pytest.raises(BadRequestError, match="commit to a branch"):
        api.create_commit(REPO, [CommitOperationAdd("a", b"a")], commit_message="PR", create_pr=True)


def test_a_path_that_leads_elsewhere_is_refused(api: HfApi) -> None:
    for path in ("a/../b", ".git/config", "a//b", "line\nbreak"):
        operation = CommitOperationAdd("harmless", b"x")
        operation.path_in_repo = path  # past the client's own check
        with pytest.raises(BadRequestError):
            api.create_commit(REPO, [operation], commit_message="Hostile")


def test_a_file_cannot_become_a_folder(api: HfApi) -> None:
    add(api, "a", b"file")
    with pytest.raises(BadRequestError, match="file and a folder"):
        add(api, "a/b", b"below it")


def test_a_tag_stays_where_it_was_put(api: HfApi) -> None:
    first = add(api, "a.txt", b"1")
    api.create_tag(REPO, tag="v1", tag_message="First")
    second = add(api, "a.txt", b"2")
    with pytest.raises(HfHubHTTPError, match="409"):
        api.create_tag(REPO, tag="v1")
    api.create_tag(REPO, tag="v1", exist_ok=True)
    refs = api.list_repo_refs(REPO)
    assert [(tag.name, tag.ref, tag.target_commit) for tag in refs.tags] == [("v1", "refs/tags/v1", first)]
    assert [(branch.name, branch.target_commit) for branch in refs.branches] == [("main", second)]
    assert read(api, "a.txt", "v1") == b"1"
    assert read(api, "a.txt", "refs/tags/v1") == b"1"
    api.delete_tag(REPO, tag="v1")
    assert api.list_repo_refs(REPO).tags == []


def test_a_branch_with_a_slash_in_its_name(api: HfApi) -> None:
    start = add(api, "a.txt", b"1")
    api.create_branch(REPO, branch="trial/42", revision=start)
    add(api, "a.txt", b"2", revision="trial/42")
    assert read(api, "a.txt", "trial/42") == b"2"
    assert read(api, "a.txt") == b"1"
    with pytest.raises(HfHubHTTPError, match="409"):
        api.create_branch(REPO, branch="trial/42")
    api.delete_branch(REPO, branch="trial/42")
    assert [branch.name for branch in api.list_repo_refs(REPO).branches] == ["main"]


def test_upload_folder(api: HfApi, tmp_path: Path) -> None:
    folder = tmp_path / "model"
    (folder / "deep" / "er").mkdir(parents=True)
    (folder / "config.json").write_text("{}")
    (folder / "deep" / "er" / "weights.safetensors").write_bytes(noise(300_000))
    api.upload_folder(repo_id=REPO, folder_path=folder)
    assert read(api, "deep/er/weights.safetensors") == noise(300_000)
    assert read(api, "config.json") == b"{}"
