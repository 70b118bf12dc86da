"""What comes from outside cannot break the server, nor reach git as anything but a name."""

import json
from pathlib import Path
from urllib.parse import quote

import pytest
from starlette.testclient import TestClient

from localworld.github import GitHub, create_app
from localworld.github.routes import TABLES

HOSTILE = [
    "-x",
    "--output=stolen",
    "main^{tree}",
    "main:README.md",
    ":/First",
    "../../../../etc/passwd",
    "a\x00b",
    "\ufffd\u202e",
    "' OR 1=1 --",
    "x" * 3_000,
    "0" * 40,
    "main...--output=x",
]
BODIES = [
    {},
    [],
    7,
    {"title": "\ud800", "head": "--x", "base": "--y"},
    {
        "name": "a\x00b",
        "body": "a\x00b",
        "message": "a\x00b",
        "content": "!",
        "ref": "refs/heads/-x",
        "sha": "-x",
    },
    {
        "name": ["x"],
        "body": {"x": 1},
        "labels": [None],
        "comments": [7],
        "output": 3,
        "config": "x",
        "tree": [1],
    },
    {"tag_name": "--x", "tag": "a b", "object": "-x", "tree": "--x", "parents": ["-x"], "message": "m"},
    {"message": "m", "tree": "x", "author": {"name": "<>", "email": "\n", "date": "never"}, "state": "x"},
    {"message": "m", "content": "eA==", "committer": {"name": "<>", "email": "<>", "date": "now or never"}},
    {
        "name": "n",
        "head_sha": "-x",
        "output": {"summary": "s", "annotations": [{"path": 1}]},
        "branch": "--x",
    },
    {
        "ref": "refs/heads/x",
        "sha": "0" * 40,
        "force": "yes",
        "event": "APPROVE",
        "comments": [{"body": "b", "path": 7}],
    },
]


@pytest.fixture(scope="module")
def served(tmp_path_factory: pytest.TempPathFactory) -> TestClient:
    """A GitHub with a repository, an issue and a pull request, in this process."""
    github = GitHub(tmp_path_factory.mktemp("hostile"), "http://testserver")
    github.create_user("alice", token="alice")
    github.create_repository("alice", "taxonomy")
    github.create_user("robot[bot]", token="robot")
    github.add_collaborator("alice/taxonomy", "robot[bot]", "admin")
    client = TestClient(create_app(github), headers={"Authorization": "token robot"})
    for branch, content in (("main", "eA=="), ("next", "eQ==")):
        if branch == "next":
            sha = client.get("/api/v3/repos/alice/taxonomy/git/ref/heads/main").json()["object"]["sha"]
            client.post("/api/v3/repos/alice/taxonomy/git/refs", json={"ref": "refs/heads/next", "sha": sha})
        file = {"message": "First", "content": content, "branch": branch}
        assert client.put(f"/api/v3/repos/alice/taxonomy/contents/{branch}.txt", json=file).status_code == 201
    pull = {"title": "x", "head": "next", "base": "main"}
    assert client.post("/api/v3/repos/alice/taxonomy/pulls", json=pull).status_code == 201
    return client


ROUTES = [(method, path) for table in TABLES for method, path, _ in table]
READS = sorted({path for method, path in ROUTES if method == "GET" and path})
# To delete the repository takes no body, and would leave nothing to try the others on.
WRITES = sorted({route for route in ROUTES if route[0] != "GET"} - {("DELETE", "/repos/{owner}/{repo}")})


def filled(path: str, value: str) -> str:
    """A route's path with a value in place of every parameter but the repository's."""
    parts = path.replace("{owner}", "alice").replace("{repo}", "taxonomy").split("/")
    return "/api/v3" + "/".join(quote(value, safe="") if "{" in part else part for part in parts)


@pytest.mark.parametrize("path", READS)
def test_no_name_in_a_path_or_query_breaks_a_read(served: TestClient, path: str):
    for value in HOSTILE:
        query = dict.fromkeys(("path", "since", "author", "page", "per_page", "labels"), value)
        for address, more in (
            (filled(path, value), {"ref": value, "sha": value}),
            (filled(path, "main"), {}),
        ):
            assert served.get(address, params=query | more).status_code < 500, (path, value)
    assert not Path("stolen").exists()


@pytest.mark.parametrize(("method", "path"), WRITES)
def test_no_body_breaks_a_write(served: TestClient, method: str, path: str):
    for value in ("1", "heads/next"):
        for body in BODIES:
            answer = served.request(method, filled(path, value), content=json.dumps(body))
            assert answer.status_code < 500, (path, value, body, answer.text)


def test_no_push_of_nonsense_breaks_the_server(served: TestClient):
    for body in (b"", b"0000", b"zzzz", b"0009hello", b"ffff" + b"\0" * 70_000):
        answer = served.post("/alice/taxonomy.git/git-receive-pack", content=body)
        assert answer.status_code < 600
        assert served.get("/alice/taxonomy.git/info/refs?service=git-upload-pack").status_code == 200
    for value in HOSTILE:
        assert served.get(f"/alice/taxonomy.git/info/refs?service={quote(value)}").status_code < 500
        assert served.get(f"/alice/taxonomy/blob/{quote(value)}/{quote(value)}").status_code == 404


def test_a_push_cannot_pass_for_a_fetch(served: TestClient):
    for query in ("", "?service=git-upload-pack", "?service="):
        answer = served.post(
            f"/alice/taxonomy.git/git-receive-pack{query}", content=b"0000", headers={"Authorization": ""}
        )
        assert answer.status_code == 401
