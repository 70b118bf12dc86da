"""A taxonomy that exists already, in InstructLab's layout: init, adopt, lint, plan, doctor."""

import json
import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
import yaml

from bot.config.load import load_layout
from tests import ROOT
from tests.helpers.instructlab_tree import (
    ATTRIBUTED,
    CREATOR,
    FEW,
    FOUNDATIONAL,
    LEAVES,
    OLD_KNOWLEDGE,
    SECOND,
    THIRD,
    UNATTRIBUTED,
    commit,
    instructlab_tree,
)
from tests.helpers.repository import git_in

ARBORIST = Path(sys.executable).with_name("arborist")
TOWNS = ("Aldern", "Briskow", "Corvane", "Dunmore", "Elsinor", "Fenwick")
INIT = ("init", "--model", "lab/model", "--arborist", "lab/arborist", "--commit", "0" * 40)


@pytest.fixture
def tree(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("ARBORIST_CACHE", str(tmp_path / "cache"))
    for name in ("GITHUB_REPOSITORY", "GITHUB_TOKEN", "ARBORIST_STORE", "HF_TOKEN"):
        monkeypatch.delenv(name, raising=False)
    (tmp_path / "tree").mkdir()
    return instructlab_tree(tmp_path / "tree")


def arborist(tree: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
    done = subprocess.run([ARBORIST, *arguments], cwd=tree, capture_output=True, text=True)
    assert "Traceback" not in done.stderr
    return done


def test_without_a_recipe_lint_finds_the_leaves_in_the_root_and_nothing_else(tree: Path) -> None:
    report = json.loads(arborist(tree, "lint", "--format", "json").stdout)
    assert report["root"] == ""
    assert len(report["leaves"]) == LEAVES
    assert {leaf["path"] for leaf in report["leaves"]} >= {THIRD, FEW, FOUNDATIONAL}
    assert not [finding for finding in report["findings"] if finding["path"].startswith(("docs", "README"))]


def test_init_writes_a_recipe_and_triggers_for_this_layout(tree: Path) -> None:
    done = arborist(tree, *INIT, "--prefix", "arborist-")
    assert done.returncode == 0, done.stdout
    assert load_layout(tree / "arborist.yaml", tree).folder == ""
    files = sorted(file.name for file in (tree / ".github/workflows").iterdir())
    assert files == [
        *("arborist-commands.yml", "arborist-draft.yml", "arborist-lint.yml", "arborist-reap.yml"),
        "arborist-report.yml",
        *("lint.yml", "retrain.yml", "rollback.yml"),
    ]
    assert (tree / ".github/workflows/lint.yml").read_text().startswith("name: lint\non: push")
    read = {
        name: yaml.load((tree / ".github/workflows" / name).read_text(), Loader=yaml.BaseLoader)
        for name in files
    }
    assert read["arborist-lint.yml"]["name"] == "arborist-lint"
    assert read["arborist-report.yml"]["on"]["workflow_run"]["workflows"] == ["arborist-lint"]
    assert read["retrain.yml"]["on"]["push"]["paths"] == [
        *("knowledge/**", "foundational_skills/**", "compositional_skills/**", "arborist.yaml")
    ]
    assert not re.search(r"✘|taxonomy/\*\*", done.stdout)
    assert not (tree / "taxonomy").exists()


def test_init_again_keeps_the_prefix_and_changes_nothing(tree: Path) -> None:
    arborist(tree, *INIT, "--prefix", "arborist-")
    before = {file: file.read_text() for file in tree.rglob("*.y*ml")}
    done = arborist(tree, *INIT)
    assert done.returncode == 0, done.stdout
    assert {file: file.read_text() for file in tree.rglob("*.y*ml")} == before


def test_init_without_a_prefix_says_where_names_collide(tree: Path) -> None:
    done = arborist(tree, *INIT)
    assert done.returncode == 2
    hint = "was not written by `arborist init`; rename it, or run again with --prefix arborist-"
    assert f"✘ .github/workflows/lint.yml: {hint}" in done.stdout
    later = arborist(tree, *INIT, "--prefix", "arborist-")
    assert "workflows: arborist-\n" in (tree / "arborist.yaml").read_text()
    for name in ("report", "commands", "reap"):
        assert f"✘ .github/workflows/{name}.yml: `arborist init` wrote it without a prefix" in later.stdout


@pytest.mark.parametrize("prefix", ["Arborist-", "a b-", "arborist", "../x-", "-"])
def test_a_prefix_is_checked(tree: Path, prefix: str) -> None:
    done = arborist(tree, *INIT, f"--prefix={prefix}")
    assert (done.returncode, "--prefix" in done.stderr) == (2, True)
    assert not (tree / "arborist.yaml").exists()


def test_adopt_reports_and_changes_nothing_by_itself(tree: Path) -> None:
    arborist(tree, *INIT, "--prefix", "arborist-")
    commit(tree)
    said = arborist(tree, "adopt").stdout
    assert f"✔ taxonomy: {LEAVES} leaves in ." in said
    assert f"2 leaves of an older version: {SECOND}, {ATTRIBUTED}; with --write they become version 3" in said
    assert f"{FEW}/qna.yaml: too few seed examples: found 3, need at least 5" in said
    assert f"{UNATTRIBUTED}/qna.yaml: version 3 needs an attribution.txt" in said
    assert f"{OLD_KNOWLEDGE}/qna.yaml: version 3 of knowledge needs a document" in said
    assert f"1 file without creators: {ATTRIBUTED}; with --write created_by is written" in said
    assert "3 leaves have none" in said and "licence" in said
    assert git_in(tree, "status", "--porcelain") == ""


def test_adopt_makes_the_mechanical_changes_and_lint_is_silent_then(tree: Path) -> None:
    arborist(tree, *INIT, "--prefix", "arborist-")
    before = (tree / SECOND / "qna.yaml").read_text()
    commit(tree)
    done = arborist(tree, "adopt", "--write")
    assert done.returncode == 0, done.stdout
    assert (tree / SECOND / "qna.yaml").read_text() == before.replace("version: 2", "version: 3")
    assert (tree / ATTRIBUTED / "qna.yaml").read_text().startswith("version: 3\ncreated_by: petra\n")
    assert (tree / ATTRIBUTED / "attribution.txt").read_text().endswith("Creator names: petra\n")
    assert (tree / SECOND / "attribution.txt").read_text().count(CREATOR) == 1
    changed = set(git_in(tree, "status", "--porcelain", "--untracked-files=all").split()) - {"M", "??"}
    assert changed == {
        f"{SECOND}/qna.yaml",
        f"{ATTRIBUTED}/qna.yaml",
        f"{ATTRIBUTED}/attribution.txt",
        ".arborist/baseline.json",
        ".arborist/.gitignore",
    }
    assert (tree / ".arborist/.gitignore").read_text() == "/store/\n"
    after = arborist(tree, "lint")
    assert (after.returncode, f"{LEAVES} leaves, nothing to fix" in after.stdout) == (0, True), after.stdout
    assert re.search(r"\d+ findings? accepted: \d+ by the baseline", after.stdout)
    again = arborist(tree, "adopt", "--write").stdout
    assert re.search(r"✔ baseline: \d+ accepted, 0 new; 0 gone", again)


def test_adopt_commits_each_kind_of_change_and_drafts_exams(tree: Path) -> None:
    arborist(tree, *INIT, "--prefix", "arborist-")
    leaf = knowledge_leaf(tree)
    commit(tree)
    done = arborist(tree, "adopt", "--commit", "--exams")
    assert done.returncode == 0, done.stdout + done.stderr
    assert git_in(tree, "status", "--porcelain") == ""
    assert git_in(tree, "log", "--format=%s", "--reverse").splitlines()[-4:] == [
        "Bring leaves to version 3",
        "Name the creators in attribution.txt",
        "Draft exams by rule",
        "Accept today's findings in .arborist/baseline.json",
    ]
    assert "an exam is drafted by rule; a person has to read it" in done.stdout
    questions = yaml.safe_load((tree / leaf / "exam.yaml").read_text())["questions"]
    assert len(questions) >= 5
    taught = (tree / leaf / "qna.yaml").read_text().partition("seed_examples")[2]
    answers = [word for one in questions for word in one["must_contain"]]
    assert not [word for word in answers if f"answer: {word}" in taught]
    findings = json.loads(arborist(tree, "lint", "--format", "json").stdout)["findings"]
    assert [one for one in findings if one["path"].endswith("exam.yaml")] == []


def test_adopt_commits_nothing_over_changes_of_ones_own(tree: Path) -> None:
    arborist(tree, *INIT, "--prefix", "arborist-")
    commit(tree)
    (tree / "arborist.yaml").write_text((tree / "arborist.yaml").read_text() + "# mine\n")
    done = arborist(tree, "adopt", "--commit")
    assert (done.returncode, "not committed; commit or stash them first" in done.stderr) == (2, True)
    assert git_in(tree, "status", "--porcelain").strip() == "M arborist.yaml"


def knowledge_leaf(tree: Path) -> str:
    """Add a leaf with a document and without an exam; returns its path."""
    leaf = "knowledge/sports/skarrow"
    shutil.copytree(ROOT / "tests/data/leaves/skarrow", tree / leaf)
    (tree / leaf / "exam.yaml").unlink()
    with (tree / leaf / "skarrow.md").open("a") as document:
        document.write(
            "\n"
            + " ".join(
                f"The {town} Cup was founded in {1950 + 7 * number}." for number, town in enumerate(TOWNS)
            )
        )
    return leaf


def test_a_new_mistake_is_reported_and_one_that_is_gone_falls_out(tree: Path) -> None:
    arborist(tree, *INIT, "--prefix", "arborist-")
    arborist(tree, "adopt", "--write")
    baseline = tree / ".arborist/baseline.json"
    before = json.loads(baseline.read_text())["findings"]
    assert [one["rule"] for one in before if one["path"] == f"{OLD_KNOWLEDGE}/qna.yaml"]
    git_in(tree, "rm", "-rqf", OLD_KNOWLEDGE)
    (tree / FEW / "qna.yaml").write_text((tree / FEW / "qna.yaml").read_text() + "odd_key: 1\n")
    done = arborist(tree, "lint")
    assert done.returncode == 1
    assert "error[unknown-key]" in done.stdout and "1 error, 0 warnings" in done.stdout
    assert "gone and removed" in arborist(tree, "adopt", "--write").stdout
    after = json.loads(baseline.read_text())["findings"]
    assert not [one for one in after if one["path"].startswith(OLD_KNOWLEDGE)]
    assert not [one for one in after if one["rule"] == "unknown-key"], "what is new is not accepted"
    assert arborist(tree, "lint").returncode == 1


def test_lines_may_move_without_making_accepted_findings_new(tree: Path) -> None:
    arborist(tree, *INIT, "--prefix", "arborist-")
    arborist(tree, "adopt", "--write")
    for file in tree.rglob("qna.yaml"):
        if not file.read_text().startswith("{"):
            file.write_text(f"# a comment\n\n{file.read_text()}")
    assert arborist(tree, "lint").returncode == 0


def test_what_can_do_harm_is_never_accepted(tree: Path) -> None:
    file = tree / SECOND / "qna.yaml"
    file.write_text(file.read_text().replace("carp-plural", f"ghp_{'a1' * 18}"))
    arborist(tree, *INIT, "--prefix", "arborist-")
    said = arborist(tree, "adopt", "--write")
    assert said.returncode == 2
    assert re.search(rf"✘ secret: {SECOND}/qna.yaml:\d+:\d+: .*; it cannot be accepted", said.stdout)
    assert "secret" not in (tree / ".arborist/baseline.json").read_text()
    done = arborist(tree, "lint")
    assert (done.returncode, "error[secret]" in done.stdout) == (1, True)


def test_a_baseline_that_is_written_by_hand_is_checked(tree: Path) -> None:
    (tree / ".arborist").mkdir()
    for text in ("{", "[]", '{"version": 2, "findings": []}', '{"version": 1, "findings": [{"path": "x"}]}'):
        (tree / ".arborist/baseline.json").write_text(text)
        done = arborist(tree, "lint")
        assert done.returncode != 0
        assert done.stderr.startswith("arborist: .arborist/baseline.json: "), done.stderr


def test_a_pull_request_is_planned_and_linted_against_the_baseline_of_the_base(
    tree: Path, tmp_path: Path
) -> None:
    """As lint.yml does it: the recipe and the baseline are the base's, the proposal is data."""
    arborist(tree, *INIT, "--prefix", "arborist-")
    arborist(tree, "adopt", "--write")
    base = commit(tree)
    proposal = tmp_path / "proposal"
    git_in(tmp_path, "clone", "--quiet", str(tree), str(proposal))
    (proposal / FEW / "qna.yaml").write_text((tree / FEW / "qna.yaml").read_text() + "odd_key: 1\n")
    (proposal / ".arborist/baseline.json").write_text('{"version": 1, "findings": []}')
    (proposal / OLD_KNOWLEDGE / "qna.yaml").write_text("{")
    (proposal / UNATTRIBUTED / "qna.yaml").write_text(
        (tree / UNATTRIBUTED / "qna.yaml").read_text().replace("carp", "eel")
    )
    head = commit(proposal)
    against = ("--repository", str(proposal), "--base", base, "--head", head)
    plan = json.loads(arborist(tree, "plan", *against).stdout)
    assert [(leaf["path"], leaf["change"]) for leaf in plan["leaves"]] == [(UNATTRIBUTED, "changed")]
    assert [leaf["path"] for leaf in plan["broken"]] == [FEW, OLD_KNOWLEDGE]
    assert plan["broken"][1]["reason"].startswith(f"{OLD_KNOWLEDGE}/qna.yaml:2:1: ")
    assert plan["same"] == LEAVES - 3
    linted = arborist(tree, "lint", *against, "--format", "json")
    found = {(one["path"], one["rule"]) for one in json.loads(linted.stdout)["findings"]}
    assert (f"{FEW}/qna.yaml", "unknown-key") in found
    assert (".arborist/baseline.json", "outside-taxonomy") in found


def test_new_writes_into_the_root(tree: Path) -> None:
    arborist(tree, *INIT, "--prefix", "arborist-")
    done = arborist(tree, "new", "skill", "writing/notices")
    assert done.returncode == 0, done.stderr
    assert (tree / "compositional_skills/writing/notices/qna.yaml").exists()


def test_doctor_looks_into_the_repository_that_it_is_given(tree: Path, tmp_path: Path) -> None:
    arborist(tree, *INIT, "--prefix", "arborist-")
    said = arborist(tmp_path, "doctor", "--repository", str(tree)).stdout
    assert f"✔ taxonomy: {LEAVES} leaves in the repository's root" in said
    assert "✔ workflows: all exist" in said
    assert f"✔ store: {tree}/.arborist/store is writable" in said
    assert "✔ recipe:" in said and "lab/model" in said
    assert not (tmp_path / ".arborist").exists()
