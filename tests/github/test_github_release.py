"""The GitHub release of a released model: found again, never doubled, with notes by contributor; labels."""

from collections.abc import Callable
from typing import Any

import pytest
from github import GithubException
from starlette.responses import JSONResponse
from starlette.types import ASGIApp, Receive, Scope, Send

from bot.core.errors import UserError
from bot.github.closing import Closing
from bot.github.github_release import is_announced, tell_releases
from bot.github.release_notes import LIMIT, MOST_LEAVES, notes_of, title_of
from bot.release.hub import Release
from tests.helpers.hostile_texts import HOSTILE
from tests.helpers.local_github import TAXONOMY
from tests.helpers.manifests import leaf_row, manifest

V1, V2 = "v2024.11.01.1", "v2024.11.01.2"
ANNOUNCING = {"contents": "write", "pull-requests": "write", "issues": "write"}
"""The permissions of the job that announces."""
MakeRelease = Callable[..., Release]


def made(tag: str, *rows: dict[str, Any], **changes: Any) -> Release:
    return Release("lab/model", tag, "c" * 40, manifest(*rows, release=tag, **changes))


@pytest.fixture
def release(lab: Any, proposal: Any, monkeypatch: pytest.MonkeyPatch) -> MakeRelease:
    """release(rows): of the taxonomy after the merge of pull request 1, which adds the leaf `leaf`."""
    monkeypatch.setenv("ARBORIST_SIGNING_KEY", "a secret")
    sha = lab.as_("maintainer").get_pull(1).merge().sha
    place = {"repository": TAXONOMY, "commit": sha, "tree": "", "folder": "taxonomy"}

    def make(*rows: dict[str, Any], **changes: Any) -> Release:
        return made(V1, *(rows or (leaf_row("leaf"),)), taxonomy=place, pulls=[1], **changes)

    return make


def labels(lab: Any) -> list[str]:
    return [label.name for label in lab.as_("outsider").get_pull(1).labels]


def test_a_release_has_a_title_notes_a_tag_at_the_taxonomys_commit_and_a_label(
    lab: Any, release: MakeRelease
) -> None:
    stated = release(companions=[{"kind": "samples", "repository": "lab/model-samples"}])
    bot = lab.workflow(ANNOUNCING)
    assert not is_announced(bot, stated)
    tell_releases(bot, stated)
    assert is_announced(bot, stated)
    (found,) = lab.as_("outsider").get_releases()
    assert (found.tag_name, found.name) == (V1, f"{V1}: 1 leaf new")
    assert bot.get_git_ref(f"tags/{V1}").object.sha == stated.manifest["taxonomy"]["commit"]
    assert "### petra\n" in found.body
    assert "| leaf | new | 5 held-out questions | 1 | **4** | #1 |" in found.body
    assert f"[lab/model {V1}]({stated.url})" in found.body
    assert "/datasets/lab/model-samples)" in found.body
    assert labels(lab) == [f"released: {V1}"]


def test_announced_again_nothing_changes_and_what_has_changed_is_updated(
    lab: Any, release: MakeRelease
) -> None:
    bot = lab.workflow(ANNOUNCING)
    for _ in range(2):
        tell_releases(bot, release())
    assert len(lab.happened("pull_request", "labeled")) == 1
    before = bot.get_release(V1)
    tell_releases(bot, release(leaf_row("leaf", created_by="paul")))
    (found,) = bot.get_releases()
    assert found.id == before.id
    assert "### paul\n" in found.body
    assert [label.name for label in bot.get_labels()].count(f"released: {V1}") == 1


def test_a_tag_that_is_there_is_not_moved(lab: Any, release: MakeRelease) -> None:
    first = lab.as_("maintainer").get_commits().reversed[0].sha
    lab.as_("maintainer").create_git_ref(f"refs/tags/{V1}", first)
    tell_releases(lab.workflow(ANNOUNCING), release())
    assert lab.as_("outsider").get_git_ref(f"tags/{V1}").object.sha == first
    assert lab.as_("outsider").get_release(V1).name == f"{V1}: 1 leaf new"


def test_where_workflow_files_have_changed_since_a_maintainer_is_asked_to_push_the_tag(
    lab: Any, release: MakeRelease
) -> None:
    """GitHub lets no workflow's token create a tag there; nothing is tagged elsewhere."""
    stated = release()
    commit = stated.manifest["taxonomy"]["commit"]
    lab.as_("maintainer").create_file(".github/workflows/ci.yml", "Add CI", "on: push\n")
    bot = lab.workflow(ANNOUNCING)
    with pytest.raises(UserError, match=rf"push the tag: git push origin {commit}:refs/tags/{V1}$"):
        tell_releases(bot, stated)
    assert not is_announced(bot, stated)
    lab.as_("maintainer").create_git_ref(f"refs/tags/{V1}", commit)
    tell_releases(bot, stated)
    assert bot.get_release(V1).name == f"{V1}: 1 leaf new"


def test_a_commit_that_is_not_on_github_is_not_tagged_elsewhere(lab: Any, release: MakeRelease) -> None:
    stated = release()
    stated.manifest["taxonomy"]["commit"] = "d" * 40
    with pytest.raises(GithubException, match="Object does not exist"):
        tell_releases(lab.workflow(ANNOUNCING), stated)
    assert lab.as_("outsider").get_releases().totalCount == 0


def test_a_release_that_somebody_else_wrote_stays(lab: Any, release: MakeRelease) -> None:
    lab.as_("maintainer").create_git_release(V1, "Mine", "My notes")
    tell_releases(lab.workflow(ANNOUNCING), release())
    (found,) = lab.as_("outsider").get_releases()
    assert (found.name, found.body) == ("Mine", "My notes")


class Behind:
    """Stands before the local GitHub: the first look for a release does not find it."""

    def __init__(self, app: ASGIApp) -> None:
        self.app, self.looked = app, False

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if "/releases/tags/" in scope.get("path", "") and not self.looked:
            self.looked = True
            await JSONResponse({"message": "Not Found"}, 404)(scope, receive, send)
        else:
            await self.app(scope, receive, send)


def test_of_two_runs_that_create_it_at_once_one_does(lab: Any, release: MakeRelease) -> None:
    bot = lab.workflow(ANNOUNCING)
    tell_releases(bot, release())
    lab.server.application = Behind(lab.server.application)
    tell_releases(bot, release())
    assert bot.get_releases().totalCount == 1


def test_a_job_that_may_not_push_cannot_announce(lab: Any, release: MakeRelease) -> None:
    with pytest.raises(UserError, match=r"cannot be created at \w{7}: GitHub answered 403"):
        tell_releases(lab.workflow({**ANNOUNCING, "contents": "read"}), release())


def test_a_pull_request_of_which_nothing_is_in_the_release_has_no_label(
    lab: Any, release: MakeRelease
) -> None:
    tell_releases(lab.workflow(ANNOUNCING), release(leaf_row("another")))
    assert labels(lab) == []
    assert "#1" not in lab.as_("outsider").get_release(V1).body


def test_notes_say_what_is_new_changed_and_removed_and_by_whom() -> None:
    before = made(V1, leaf_row("a"), leaf_row("b", 1, 3, key="b" * 64), leaf_row("c", created_by="otto"))
    rows = leaf_row("a"), leaf_row("b", 3, 5, key="d" * 64), leaf_row("d", 0, 5, created_by="otto")
    after = made(V2, *rows, previous=V1, pulls=[7, 9])
    text = notes_of(after, before, {7: Closing(learnt=(rows[1],)), 9: Closing((rows[2],), removed=("c",))})
    otto, petra = text.index("### otto"), text.index("### petra")
    new = text.index("| d | new | 5 held-out questions | 0 | **5** | #9 |")
    removed = text.index("| c | removed | 5 held-out questions | 4 | not in the model | #9 |")
    changed = text.index("| b | changed | 5 held-out questions | 3 | **5** | #7 |")
    assert otto < new < removed < petra < changed
    assert "1 leaf has the same samples as before." in text
    assert "of 71, 60 were right before and 59 are right now." in text
    assert title_of(after, before) == f"{V2}: 1 leaf new, 1 changed, 1 removed"
    assert title_of(after, after) == f"{V2}: no leaf changed"


def test_notes_say_who_overrode_the_gate() -> None:
    stated = made(V1, leaf_row("a"))
    stated.manifest["gate"] = {**stated.manifest["gate"], "override": {"by": "mona", "reason": "A <b> wish"}}
    assert "The gate refused this release, and mona released it all the same: A &#60;b&#62; wish" in notes_of(
        stated, None, {}
    )


@pytest.mark.parametrize("text", HOSTILE)
def test_what_contributors_wrote_is_shown_and_does_nothing(text: str) -> None:
    row = leaf_row(f"knowledge/{text}", created_by=text)
    quiet = notes_of(made(V1, leaf_row("knowledge/leaf", created_by="petra")), None, {})
    notes = notes_of(made(V1, row), None, {})
    assert notes.count("\n") == quiet.count("\n"), "it begins no line"
    assert notes.count("](http") == quiet.count("](http"), "it makes no link"
    assert not any(one in notes for one in ("@everyone", "<img", "<script", "<!--"))


def test_the_notes_of_a_large_taxonomy_fit() -> None:
    rows = [leaf_row(f"{'<' * 400}/{number}", created_by=f"{'&' * 400}{number}") for number in range(300)]
    text = notes_of(made(V1, *rows), None, {1: Closing(tuple(rows))})
    assert len(text) <= LIMIT + 100
    assert text.endswith("the model card lists everything.")
    text = notes_of(made(V1, *(leaf_row(f"leaf/{number}") for number in range(300))), None, {})
    assert f"and {300 - MOST_LEAVES} more leaves" in text
