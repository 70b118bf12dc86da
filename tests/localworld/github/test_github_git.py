"""Files, objects and refs through the API, git over HTTP, releases, webhooks."""

import hashlib
import hmac
import json
import threading
from http.server import BaseHTTPRequestHandler, HTTPServer

import pytest
from github import InputGitTreeElement
from github.GithubException import GithubException, UnknownObjectException

from localworld.github.git import Git, Signature
from localworld.github.git_merge import rebase
from localworld.github.git_names import valid_path, valid_ref
from tests.helpers.local_github import TAXONOMY

BAD_PATHS = ["../x", "a//b", ".git/config", "a/../b", "a/.git/hooks/x", "./a"]


def test_files_are_written_read_and_deleted(lab):
    repository = lab.as_("maintainer")
    made = repository.create_file("a folder/leaf.yaml", "Add", "version: 3\n")
    assert repository.get_branch("main").commit.sha == made["commit"].sha
    file = repository.get_contents("a folder/leaf.yaml")
    assert (file.decoded_content, file.sha) == (b"version: 3\n", made["content"].sha)
    changed = repository.update_file(file.path, "Change", "version: 4\n", file.sha)
    assert repository.get_contents(file.path, ref=made["commit"].sha).decoded_content == b"version: 3\n"
    with pytest.raises(GithubException) as refused:
        repository.update_file(file.path, "Stale", "version: 5\n", file.sha)
    assert refused.value.status == 409
    assert [entry.path for entry in repository.get_contents("")] == ["README.md", "a folder"]
    assert [entry.path for entry in repository.get_contents("a folder")] == ["a folder/leaf.yaml"]
    repository.delete_file(file.path, "Gone", changed["content"].sha)
    with pytest.raises(UnknownObjectException):
        repository.get_contents(file.path)
    assert repository.get_readme().path == "README.md"
    assert [push.actor for push in lab.happened("push")] == ["maintainer"] * 3


@pytest.mark.parametrize("path", BAD_PATHS)
def test_no_path_leaves_the_tree(lab, path):
    assert not valid_path(path)
    repository = lab.as_("maintainer")
    base = repository.get_git_tree("main")
    with pytest.raises(GithubException) as refused:
        repository.create_git_tree([InputGitTreeElement(path, "100644", "blob", content="x")], base)
    assert refused.value.status == 422


@pytest.mark.parametrize(
    "name", ["refs/heads/a b", "refs/heads/../x", "refs/heads/a.lock", "heads", "refs/heads/-\x07"]
)
def test_no_ref_has_a_name_that_git_would_refuse(lab, name):
    assert not valid_ref(name)
    repository = lab.as_("maintainer")
    with pytest.raises(GithubException) as refused:
        repository.create_git_ref(
            name if name != "heads" else "refs/pull/1/head", repository.get_branch("main").commit.sha
        )
    assert refused.value.status == 422


def test_a_commit_is_made_of_blobs_and_trees(lab):
    repository = lab.as_("maintainer")
    main = repository.get_branch("main").commit
    blob = repository.create_git_blob("hello\n", "utf-8")
    assert blob.sha == hashlib.sha1(b"blob 6\0hello\n").hexdigest()
    tree = repository.create_git_tree(
        [InputGitTreeElement("deep/er/file", "100644", "blob", sha=blob.sha)], main.commit.tree
    )
    commit = repository.create_git_commit("By hand", tree, [repository.get_git_commit(main.sha)])
    ref = repository.create_git_ref("refs/heads/by-hand", commit.sha)
    assert repository.get_contents("deep/er/file", ref="by-hand").decoded_content == b"hello\n"
    assert repository.get_git_tree("by-hand", recursive=True).tree[-1].path == "deep/er/file"
    assert [ref.ref for ref in repository.get_git_matching_refs("heads/")] == [
        "refs/heads/by-hand",
        "refs/heads/main",
    ]
    with pytest.raises(GithubException):
        ref.edit(repository.create_git_commit("Unrelated", tree, []).sha)
    ref.delete()
    with pytest.raises(UnknownObjectException):
        repository.get_git_ref("heads/by-hand")
    tag = repository.create_git_tag("v1", "First", commit.sha, "commit")
    repository.create_git_ref("refs/tags/v1", tag.sha)
    assert repository.get_git_tag(tag.sha).object.sha == commit.sha
    assert [one.name for one in repository.get_tags()] == ["v1"]


def test_commits_are_listed_by_path_and_shown_with_their_files(lab):
    repository = lab.as_("maintainer")
    repository.create_file("leaf/qna.yaml", "Add a leaf", "version: 3\n")
    repository.create_file("other.txt", "Something else", "x\n")
    assert [one.commit.message for one in repository.get_commits(path="leaf")] == ["Add a leaf"]
    commit = repository.get_commit("main")
    assert [file.filename for file in commit.files] == ["other.txt"]
    assert commit.stats.additions == 1
    assert repository.compare("main", "main").status == "identical"


def test_a_commit_is_fetched_by_its_sha_alone(lab, clone, tmp_path):
    theirs = clone("maintainer")
    sha = theirs.commit("Second", second="x\n")
    theirs.git("push", "--quiet", "origin", "main")
    theirs.commit("Third", third="x\n")
    theirs.git("push", "--quiet", "--force", "origin", f"{sha}~1:refs/heads/main")
    fresh = clone("outsider")
    fresh.git("fetch", "--quiet", "--depth=1", "origin", sha)
    assert fresh.git("show", "FETCH_HEAD:second") == "x"
    assert lab.happened("push")[-1].payload["forced"] is True


def test_the_address_of_the_page_can_be_cloned_as_well(lab, clone):
    theirs = clone("outsider")
    for address in (f"{lab.url}/{TAXONOMY}", f"{lab.url}/{TAXONOMY}.git"):
        assert "refs/heads/main" in theirs.git("ls-remote", address)


def test_a_large_push_arrives(lab, clone):
    theirs = clone("maintainer")
    lines = "\n".join(hashlib.sha256(str(i).encode()).hexdigest() for i in range(60_000))
    sha = theirs.commit("Much", much=lines)
    theirs.git("push", "--quiet", "origin", "main")
    assert lab.as_("outsider").get_branch("main").commit.sha == sha


def test_a_new_branch_and_a_tag_are_told(lab, clone):
    theirs = clone("maintainer")
    theirs.git("tag", "v1")
    theirs.git("push", "--quiet", "origin", "HEAD:refs/heads/next", "v1")
    created = lab.happened("create")
    assert sorted(event.payload["ref_type"] for event in created) == ["branch", "tag"]
    push = next(event for event in lab.happened("push") if event.ref == "refs/heads/next")
    assert (push.payload["created"], push.payload["before"]) == (True, "0" * 40)
    theirs.git("push", "--quiet", "origin", ":refs/heads/next")
    (deleted,) = lab.happened("delete")
    assert deleted.payload["ref"] == "next"


def test_a_release_makes_its_tag(lab):
    repository = lab.as_("maintainer")
    release = repository.create_git_release("v1", name="First", message="Notes")
    assert repository.get_release("v1").id == release.id
    assert repository.get_latest_release().tag_name == "v1"
    assert repository.get_git_ref("tags/v1").object.sha == repository.get_branch("main").commit.sha
    assert [event.action for event in lab.events if event.name == "release"] == [
        "created",
        "published",
        "released",
    ]


def test_a_webhook_is_delivered_and_signed(lab):
    received, arrived = [], threading.Event()

    class Receiver(BaseHTTPRequestHandler):
        def do_POST(self):
            received.append((dict(self.headers), self.rfile.read(int(self.headers["Content-Length"]))))
            self.send_response(204)
            self.end_headers()
            if len(received) == 3:
                arrived.set()

        def log_message(self, *_):
            pass

    server = HTTPServer(("127.0.0.1", 0), Receiver)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    lab.github.add_collaborator(TAXONOMY, "maintainer", "admin")
    repository = lab.as_("maintainer")
    config = {"url": f"http://127.0.0.1:{server.server_port}/", "content_type": "json", "secret": "hush"}
    hook = repository.create_hook("web", config, events=["issues"])
    repository.create_issue("Told")
    hook.ping()
    assert arrived.wait(10)
    server.shutdown()
    server.server_close()
    headers, body = received[1]
    assert (received[0][0]["X-GitHub-Event"], headers["X-GitHub-Event"]) == ("ping", "issues")
    expected = hmac.new(b"hush", body, hashlib.sha256).hexdigest()
    assert headers["X-Hub-Signature-256"] == f"sha256={expected}"
    assert json.loads(body)["issue"]["title"] == "Told"
    assert "hush" not in json.dumps(hook.config)
    hook.edit("web", config, events=["push", "pull_request"], active=False)
    assert (hook.active, hook.events) == (False, ["push", "pull_request"])
    hook.delete()
    assert repository.get_hooks().totalCount == 0


def test_a_rebase_picks_commits_as_git_does_and_stops_at_a_conflict(tmp_path):
    git = Git(tmp_path / "bare.git")
    git.create("main")
    who = Signature("A", "a@localhost", "2026-01-01T00:00:00Z")

    def commit(message, parents, **files):
        tree = git.write_tree(
            git.tree_of(parents[0]) if parents else None,
            {name: ("100644", git.write_blob(text.encode())) for name, text in files.items()},
        )
        return git.write_commit(tree, parents, message, who)

    root = commit("root", [], a="1\n2\n3\n")
    base = commit("base", [root], b="base\n")
    one = commit("one", [root], a="1\n2\n3\n4\n")
    two = commit("two", [one], c="new\n")
    tip = rebase(git, base, two, who)
    assert [made.message for made in git.commits(tip)] == ["two", "one", "base", "root"]
    assert {entry.path: git.blob(entry.sha) for entry in git.entries(tip)} == {
        "a": b"1\n2\n3\n4\n",
        "b": b"base\n",
        "c": b"new\n",
    }
    assert rebase(git, tip, two, who) == tip  # everything is there already
    other = commit("other", [root], a="9\n")
    assert rebase(git, other, two, who) is None


def test_a_repository_made_under_the_name_of_a_deleted_one_knows_none_of_its_objects(lab):
    owner = lab.client("contributor").get_user()
    before = owner.create_repo("garden")
    main = before.create_file("a.txt", "First", "of the first\n")["commit"].sha
    blob = before.get_contents("a.txt").sha
    assert before.get_git_blob(blob).content
    assert before.get_git_commit(main).sha == main
    before.delete()
    after = owner.create_repo("garden")
    after.create_file("b.txt", "First", "of the second\n")
    for ask in (lambda: after.get_git_blob(blob), lambda: after.get_git_commit(main)):
        with pytest.raises(GithubException) as refused:
            ask()
        assert refused.value.status in {404, 422}
