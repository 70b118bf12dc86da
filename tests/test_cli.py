"""The command line: exit codes, one line for every error, and a quick start."""

import json
import os
import resource
import shutil
import subprocess
import sys
from pathlib import Path

import pyarrow.parquet
import pytest

from bot.core.store import Store
from tests import ROOT

ARBORIST = str(Path(sys.executable).with_name("arborist"))


def arborist(*arguments: str, cwd: Path = ROOT, **environment: str) -> subprocess.CompletedProcess[str]:
    kept = {name: value for name, value in os.environ.items() if not name.startswith(("GITHUB_", "HF_"))}
    return subprocess.run(
        [ARBORIST, *arguments], cwd=cwd, capture_output=True, text=True, env={**kept, **environment}
    )


def test_the_version_names_the_commit_that_is_checked_out() -> None:
    head = subprocess.run(
        ["git", "rev-parse", "HEAD"], cwd=ROOT, capture_output=True, text=True
    ).stdout.strip()
    said = arborist("version").stdout
    assert said.endswith(f"+g{head[:10]}, commit {head}\n")
    assert said.startswith("arborist 0.1.dev")


def test_this_taxonomy_is_clean() -> None:
    done = arborist("lint")
    assert (done.returncode, done.stdout) == (0, "5 leaves, nothing to fix\n")


def test_a_mistake_is_exit_1_on_its_line(tmp_path: Path) -> None:
    leaf = tmp_path / "taxonomy" / "compositional_skills" / "x"
    leaf.mkdir(parents=True)
    (leaf / "qna.yaml").write_text("version: 2\ncreated_by: a\ntask_description: 1\nseed_examples: []\n")
    done = arborist("lint", "--repository", str(tmp_path))
    assert done.returncode == 1
    assert "qna.yaml:3:19" in done.stdout


def test_a_report_for_machines_is_alone_on_stdout() -> None:
    done = arborist("lint", "--format", "json")
    assert json.loads(done.stdout)["counts"]["error"] == 0


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (
            ["lint", "--format", "xml"],
            "--format xml: unknown format; use one of terminal, github, json, sarif, markdown",
        ),
        (["lint", "--repository", "nowhere"], "nowhere"),
        (["lint", "--base", "nonsense"], "nonsense"),
        (["retrain", "--recipe", "nowhere.yaml"], "nowhere.yaml: file not found"),
        (["explain", "ffffffff"], "no entry of the store has a key that begins with ffffffff"),
        (["work", "--pull", "1", "--sha", "x"], "GITHUB_REPOSITORY and GITHUB_TOKEN not set"),
        (["command"], "not set"),
        (["generate", "knowledge/nothing"], "no such leaf: knowledge/nothing"),
        (["samples", "knowledge/geography/islands/velmora"], "run `arborist generate knowledge/"),
        (["sample", "knowledge/nothing"], "no such leaf: knowledge/nothing"),
    ],
)
def test_wrong_use_is_exit_2_and_one_line(arguments: list[str], message: str) -> None:
    done = arborist(*arguments, ARBORIST_STORE="memory://")
    assert done.returncode == 2, done
    assert done.stderr.startswith("arborist: ")
    assert done.stderr.count("\n") == 1
    assert message in done.stderr


def test_a_full_disk_is_exit_2_and_one_line() -> None:
    done = arborist("plan", "--output", "/dev/full")
    assert done.returncode == 2
    said = "No space left on device; free disk space and run again to resume"
    assert done.stderr.splitlines() == [f"arborist: [Errno 28] {said}"]


def test_an_unknown_option_is_exit_2() -> None:
    assert arborist("lint", "--nonsense").returncode == 2


def test_lint_starts_without_what_trains() -> None:
    program = (
        "import sys; sys.argv = ['arborist', 'lint']\n"
        "from bot.cli import main\n"
        "try:\n    main()\nexcept SystemExit:\n    pass\n"
        "heavy = {'torch', 'transformers', 'deepspeed', 'huggingface_hub', 'github', 'starlette', 'numpy'}\n"
        "print(sorted(heavy & set(sys.modules)), file=sys.stderr)"
    )
    done = subprocess.run([sys.executable, "-c", program], cwd=ROOT, capture_output=True, text=True)
    assert done.stderr.splitlines()[-1] == "[]"


SMALLEST = """
import typer
app = typer.Typer()
@app.command()
def hello(name: str = "x") -> None:
    print(name)
app()
"""


def test_the_start_is_quick() -> None:
    """Against the smallest program with the same command-line library, so that no machine is too slow."""

    def cpu(*command: str) -> float:
        """The seconds that a start takes of the CPU: a busy machine makes them hardly more."""
        before = resource.getrusage(resource.RUSAGE_CHILDREN)
        subprocess.run(command, cwd=ROOT, check=True, capture_output=True)
        after = resource.getrusage(resource.RUSAGE_CHILDREN)
        return after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime

    program = str(Path(sys.executable).with_name("arborist"))
    smallest = min(cpu(sys.executable, "-c", SMALLEST) for _ in range(5))
    assert min(cpu(program, "rule", "not-text") for _ in range(5)) < 8 * smallest


def test_a_repository_may_be_a_taxonomy_itself(tmp_path: Path) -> None:
    def git(*arguments: str) -> None:
        who = ["-c", "user.name=Wrenna", "-c", "user.email=wrenna@localhost"]
        subprocess.run(["git", *who, *arguments], cwd=tmp_path, check=True, capture_output=True)

    shutil.copytree(ROOT / "taxonomy/knowledge", tmp_path / "knowledge")
    (tmp_path / "CONTRIBUTING.md").write_text("How to help")
    git("init", "--quiet", "--initial-branch", "main")
    git("add", "--all")
    git("commit", "--quiet", "--message", "first")
    assert arborist("lint", ".", cwd=tmp_path).stdout == "2 leaves, nothing to fix\n"
    [qna, *_] = sorted(tmp_path.rglob("qna.yaml"))
    qna.write_text(qna.read_text().replace("version: 3", "version: 9"))
    (tmp_path / "CONTRIBUTING.md").write_text("Send money")
    git("commit", "--quiet", "--all", "--message", "second")
    done = arborist("lint", ".", "--base", "HEAD~1", "--format", "json", cwd=tmp_path)
    report = json.loads(done.stdout)
    found = [(finding["rule"], finding["path"]) for finding in report["findings"]]
    name = str(qna.relative_to(tmp_path))
    assert found == [("outside-taxonomy", "CONTRIBUTING.md"), ("wrong-version", name)]
    assert report["counts"]["leaves"] == 1


def test_with_a_base_the_folder_must_be_in_the_repository() -> None:
    done = arborist("lint", "/", "--base", "HEAD")
    assert (done.returncode, done.stderr.count("\n")) == (2, 1)
    assert "with --base, the taxonomy's folder must be inside" in done.stderr


def test_samples_are_made_read_and_written(tmp_path: Path) -> None:
    leaf = "foundational_skills/reasoning/temporal_reasoning/days_of_the_week"
    store = {"ARBORIST_STORE": str(tmp_path / "store")}
    shutil.copytree(ROOT / "taxonomy" / leaf, tmp_path / "taxonomy" / leaf)
    shipped = (ROOT / "arborist.yaml").read_text()
    (tmp_path / "arborist.yaml").write_text(shipped.replace("samples: 40 ", "samples: 8 "))
    made = arborist("sample", leaf, "-n", "3", cwd=tmp_path, **store)
    assert made.returncode == 0, made.stderr
    assert "3. Today is" in made.stdout and "4. " not in made.stdout
    assert "rephrased, from seed" in made.stdout
    assert "candidates passed" in made.stdout

    read = arborist("samples", leaf, "--format", "json", cwd=tmp_path, **store)
    lines = [json.loads(line) for line in read.stdout.splitlines()]
    assert len(lines) > 3
    assert [turn["role"] for turn in lines[0]["messages"]] == ["user", "assistant"]
    assert lines[0]["messages"][0]["content"] in made.stdout

    file = tmp_path / "out/samples.parquet"
    written = arborist("generate", leaf, "--output", str(file), cwd=tmp_path, **store)
    assert written.returncode == 0, written.stderr
    rows = pyarrow.parquet.read_table(file).to_pylist()
    assert len(rows) >= len(lines)
    assert {row["leaf"] for row in rows} == {leaf}
    assert (
        arborist("generate", leaf, "--output", str(tmp_path / "x.csv"), cwd=tmp_path, **store).returncode == 2
    )


@pytest.fixture
def kept(tmp_path: Path) -> tuple[Store, list[str]]:
    """A store with three entries, two of whose keys begin alike."""
    store, keys = Store(str(tmp_path / "store")), ["abcdef01" + 56 * "2", "abcdef01" + 56 * "3", "f" * 64]
    for key in keys:
        store.put("samples", key, {}, {"f": b"x"})
    shipped = (ROOT / "arborist.yaml").read_text()
    (tmp_path / "arborist.yaml").write_text(f"{shipped}\nstore: {tmp_path / 'store'}\n")
    return store, keys


@pytest.mark.parametrize(
    ("key", "told"),
    [
        ("", "'' is too short: give at least the first 8 characters of a key"),
        ("abcdef0", "give at least the first 8 characters of a key"),
        ("abcdef01", "2 entries have this prefix, and none was removed; give more characters"),
        ("*" * 8, "is not a key or the beginning of one"),
        ("../../../..", "is not a key or the beginning of one"),
        ("00000000", "no entry of the store has a key that begins with 00000000"),
    ],
)
def test_forgetting_what_is_not_one_entry_removes_nothing(
    kept: tuple[Store, list[str]], tmp_path: Path, key: str, told: str
) -> None:
    done = arborist("forget", key, cwd=tmp_path)
    assert done.returncode == 2
    assert told in done.stderr and done.stderr.count("\n") == 1
    store, keys = kept
    assert all(store.get("samples", one) for one in keys)
    assert done.stdout.splitlines() == ([f"samples/{one}" for one in keys[:2]] if "2 entries" in told else [])


def test_one_entry_is_forgotten_by_the_beginning_of_its_key(
    kept: tuple[Store, list[str]], tmp_path: Path
) -> None:
    store, keys = kept
    done = arborist("forget", "abcdef012", cwd=tmp_path)
    assert done.stdout == f"samples/{keys[0]}\nforgot samples/{keys[0]}\n"
    assert [bool(store.get("samples", key)) for key in keys] == [False, True, True]


def leaf_with(tmp_path: Path, document: str, *, commit: str = "HEAD") -> Path:
    """A repository with a leaf whose qna.yaml is not finished, and this document."""
    leaf = tmp_path / "taxonomy/knowledge/islands/oru"
    leaf.mkdir(parents=True)
    source = f"document: {{repo: ., commit: {commit}, patterns: ['*.md']}}"
    (leaf / "qna.yaml").write_text(f"version: 3\n{source}\nseed_examples: []\n")
    (leaf / "oru.md").write_text(document)
    shutil.copy(ROOT / "arborist.yaml", tmp_path)
    return tmp_path


def test_document_prints_the_text_as_it_is_taught_and_cut(tmp_path: Path) -> None:
    text = "# Oru\n\n[Oru](x) is an **island**.[^1] It is $a = b$ long.\n\n[^1]: It is old.\n"
    done = arborist("document", "knowledge/islands/oru", cwd=leaf_with(tmp_path, text))
    assert done.stdout == (
        "----- oru.md: passage 1 of 2 -----\nOru is an island. It is $a = b$ long.\n\n"
        "----- oru.md: passage 2 of 2 -----\nIt is old.\n\n"
    )
    assert done.stderr.startswith("warning: oru.md:3: has an equation")
    assert done.returncode == 0


def test_document_finds_a_leaf_of_a_taxonomy_in_the_root(tmp_path: Path) -> None:
    place = leaf_with(tmp_path, "Oru is an island.\n")
    (place / "taxonomy/knowledge").rename(place / "knowledge")
    (place / "arborist.yaml").write_text((place / "arborist.yaml").read_text() + "\ntaxonomy: .\n")
    done = arborist("document", "knowledge/islands/oru", cwd=place)
    assert (done.returncode, "Oru is an island." in done.stdout) == (0, True), done.stderr


def test_document_cuts_as_the_pipeline_of_the_recipe_does(tmp_path: Path) -> None:
    place = leaf_with(tmp_path, f"# Ferries\n\n{'The ferry sails at eight. ' * 200}\n")
    (place / "arborist.yaml").write_text(
        (place / "arborist.yaml").read_text().replace("generate:", "generate:\n  pipeline: full", 1)
    )
    done = arborist("document", "knowledge/islands/oru", cwd=place)
    assert done.stdout.count("\n# Ferries\n\nThe ferry sails") > 1, done.stderr


@pytest.mark.parametrize(
    ("leaf", "text", "message"),
    [
        ("knowledge/none", "Text.", "no such leaf: knowledge/none"),
        ("knowledge/islands/oru", "", "knowledge/islands/oru/qna.yaml: 'oru.md' contains no text; write the"),
    ],
)
def test_document_says_in_one_line_what_is_wrong(tmp_path: Path, leaf: str, text: str, message: str) -> None:
    done = arborist("document", leaf, cwd=leaf_with(tmp_path, text))
    assert done.returncode != 0
    assert message in done.stderr
    assert done.stderr.count("\n") == 1
