"""The pull request with a draft: what of the unprivileged job's files becomes one, and what is answered."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from bot.config.load import load_recipe
from bot.core.errors import UserError
from bot.github import draft_pull
from bot.github.draft_pull import draft_of, propose_draft, read_draft
from bot.github.draft_request import DraftRequest
from tests.helpers.draft_form import form_body

LEAF = "knowledge/science/birds/swift"
FILES = {"qna.yaml": b"version: 3\n", "attribution.txt": b"Title of work: x\n", "swift.md": b"# Swift\n"}


def write(folder: Path, files: dict[str, bytes], leaf: str = LEAF) -> Path:
    for name, content in files.items():
        path = folder / leaf / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(content)
    return folder


@pytest.fixture
def request_(lab: Any) -> DraftRequest:
    made = lab.as_("contributor").create_issue(
        title="Teach: swifts", body=form_body("Text.", title="*Swifts* @lab")
    )
    return DraftRequest.read(made.raw_data)


@pytest.fixture
def linted() -> list[tuple[int, str]]:
    """The pull requests for which lint was started, and the prefix of the workflow's file."""
    return []


@pytest.fixture
def propose(
    lab: Any, request_: DraftRequest, linted: list[tuple[int, str]], monkeypatch: pytest.MonkeyPatch
) -> Callable[..., str]:
    """propose(folder): what the job `propose` answers."""
    monkeypatch.setenv("ARBORIST_SIGNING_KEY", "a secret")
    # Here are no workflows that could be started; tests/loop/test_draft.py starts the real one.
    monkeypatch.setattr(
        draft_pull, "start_lint", lambda _, pull, prefix: linted.append((pull.number, prefix))
    )

    def run(folder: Path) -> str:
        return propose_draft(
            lab.as_("arborist[bot]"), request_, folder, load_recipe(Path("arborist.yaml")), "1"
        )

    return run


def answers(lab: Any, number: int) -> list[str]:
    return [one.body.partition("\n")[2] for one in lab.as_("outsider").get_issue(number).get_comments()]


def test_a_draft_becomes_a_pull_request_in_its_authors_name(
    lab: Any,
    request_: DraftRequest,
    propose: Callable[..., str],
    linted: list[tuple[int, str]],
    tmp_path: Path,
) -> None:
    answer = propose(write(tmp_path / "draft", FILES))
    (pull,) = lab.as_("outsider").get_pulls()
    assert pull.head.ref == f"arborist/draft-{request_.number}"
    assert {file.filename: file.status for file in pull.get_files()} == {
        f"taxonomy/{LEAF}/{name}": "added" for name in FILES
    }
    (commit,) = pull.get_commits()
    assert commit.author.login == "contributor"
    assert "@lab" not in pull.title
    assert f"Closes #{request_.number}" in pull.body
    assert answers(lab, request_.number) == [answer]
    assert f"#{pull.number}" in answer
    assert linted == [(pull.number, "")]


def test_again_it_finds_its_pull_request_and_answers_once(
    lab: Any, request_: DraftRequest, propose: Callable[..., str], tmp_path: Path
) -> None:
    folder = write(tmp_path / "draft", FILES)
    assert propose(folder) == propose(folder)
    assert len(list(lab.as_("outsider").get_pulls())) == 1
    assert len(answers(lab, request_.number)) == 1
    assert draft_of(lab.as_("arborist[bot]"), request_) is not None


def test_a_run_that_was_stopped_after_the_push_is_completed(
    lab: Any, request_: DraftRequest, propose: Callable[..., str], tmp_path: Path
) -> None:
    main = lab.as_("maintainer").get_branch("main").commit.sha
    lab.as_("maintainer").create_git_ref(f"refs/heads/{request_.branch}", main)
    lab.as_("maintainer").create_file("taxonomy/a/b.md", "x", "x", branch=request_.branch)
    propose(write(tmp_path / "draft", FILES))
    (pull,) = lab.as_("outsider").get_pulls()
    assert [file.filename for file in pull.get_files()] == ["taxonomy/a/b.md"], "somebody may have edited it"


def test_where_workflows_may_open_no_pull_request_a_link_opens_it(
    lab: Any, request_: DraftRequest, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("ARBORIST_SIGNING_KEY", "a secret")
    maintainer = lab.as_("maintainer")
    maintainer.create_git_ref(f"refs/heads/{request_.branch}", maintainer.get_branch("main").commit.sha)
    folder = write(tmp_path / "draft", FILES)
    # GitHub answers 403 to both: to a workflow that may open none, and to somebody who may only read.
    answer = propose_draft(lab.as_("outsider"), request_, folder, load_recipe(Path("arborist.yaml")), "1")
    assert f"compare/main...{request_.branch}?quick_pull=1" in answer
    assert "Allow GitHub Actions to create and approve pull requests" in answer


def test_what_the_unprivileged_job_refuses_is_answered_escaped(
    lab: Any, request_: DraftRequest, propose: Callable[..., str], tmp_path: Path
) -> None:
    folder = write(tmp_path / "draft", {"refused.txt": b"no text @lab ![x](http://x)\n" + b"y" * 10_000}, ".")
    answer = propose(folder)
    assert answer.startswith("No draft could be made: no text")
    assert "@lab" not in answer and "![" not in answer and len(answer) < 1_200
    assert list(lab.as_("outsider").get_pulls()) == []


@pytest.mark.parametrize(
    ("change", "wanted"),
    [
        (lambda folder: write(folder, {"run.sh": b"x"}), "one document"),
        (lambda folder: write(folder, {"x.md": b"x"}), "one document"),
        (lambda folder: write(folder, {"x.md": b"x"}, "knowledge/other/leaf"), "files in 2 folders"),
        (lambda folder: (folder / LEAF / "qna.yaml").unlink(), "are not qna.yaml"),
        (lambda folder: (folder / LEAF / "link.md").symlink_to("/etc/passwd"), "holds a link"),
        (lambda folder: (folder / LEAF / "swift.md").rename(folder / LEAF / "a b.md"), "has the name"),
        (lambda folder: (folder / LEAF / "swift.md").rename(folder / LEAF / "swift.exe"), "has the name"),
        (lambda folder: write(folder, {"qna.yaml": b"x" * 1_000_001}), "1,000,001 bytes"),
        (lambda folder: (folder / "knowledge").rename(folder / ".github"), "lowercase letters"),
    ],
)
def test_files_that_no_draft_has_are_refused(
    change: Callable[[Path], object], wanted: str, tmp_path: Path
) -> None:
    folder = write(tmp_path / "draft", FILES)
    change(folder)
    with pytest.raises(UserError, match=wanted):
        read_draft(folder, load_recipe(Path("arborist.yaml")))


def test_a_leaf_that_exists_is_not_replaced(tmp_path: Path) -> None:
    folder = write(tmp_path / "draft", FILES, "knowledge/science/minerals/tessarite")
    with pytest.raises(UserError, match="already exists"):
        read_draft(folder, load_recipe(Path("arborist.yaml")))


def test_an_empty_artifact_is_refused(tmp_path: Path) -> None:
    with pytest.raises(UserError, match="files in 0 folders"):
        read_draft(tmp_path, load_recipe(Path("arborist.yaml")))
