"""`arborist new`: a leaf to fill in, where lint asks for what is blank and for nothing else."""

import re
from pathlib import Path

import pytest

from bot.core.errors import UserError
from bot.lint import lint_tree
from bot.taxonomy.new_leaf import new_leaf

BLANK = re.compile(r"(?m)^[^#\n]*:(| \||  #.*| \[\])$")
OPTIONAL = {"Revision:"}
PASSAGES = [f"Swift number {word} sleeps in the air." for word in ("one", "two", "three", "four", "five")]


@pytest.fixture
def taxonomy(tmp_path: Path) -> Path:
    folder = tmp_path / "taxonomy"
    folder.mkdir()
    return folder


def blanks(folder: Path) -> set[tuple[str, int]]:
    """The lines on which something is to be written: the file's name and the line's number."""
    return {
        (file.name, number)
        for file in folder.iterdir()
        for number, line in enumerate(file.read_text().splitlines(), 1)
        if BLANK.match(line)
        and line not in OPTIONAL
        and not line.startswith(("seed", "document:", "questions:"))
        if not line.strip().startswith(("patterns:", "questions_and_answers:"))
    }


def fill_in(folder: Path) -> None:
    """What a contributor does, with as few thoughts as possible."""
    (folder / f"{folder.name}.md").write_text("\n\n".join(PASSAGES))
    words = iter(f"word{number}" for number in range(1000))
    passages = iter(PASSAGES)

    def filled(match: re.Match[str]) -> str:
        key = match[1].strip(" -")
        text = {"context": next(passages) if key == "context" else "", "answer": "It sleeps in the air."}.get(
            key
        )
        end = f"[{next(words)}]" if key == "must_contain" else text or f"What {next(words)} {next(words)}?"
        return f"{match[1]}: {'1' if key == 'version' else end}"

    for name in ("qna.yaml", "exam.yaml"):
        text = (folder / name).read_text()
        keys = "created_by|domain|document_outline|task_description|context|question|answer|must_contain"
        (folder / name).write_text(re.sub(rf"(?m)^( *(?:- )?(?:{keys})):(?: \||  #.*| \[\]|)$", filled, text))
    attribution = (folder / "attribution.txt").read_text()
    attribution = attribution.replace("License of the work:", "License of the work: MIT")
    (folder / "attribution.txt").write_text(re.sub(r"(?m):$", ": an invention", attribution))


@pytest.mark.parametrize("kind", ["knowledge", "skill"])
def test_lint_names_every_blank_in_one_finding_a_file(taxonomy: Path, kind: str) -> None:
    folder = new_leaf(kind, "science/birds/common_swift", taxonomy)[0].parent
    findings = [finding for finding in lint_tree(taxonomy).findings if finding.rule != "document-pattern"]
    assert [(Path(finding.path).name, finding.rule) for finding in findings] == [
        ("attribution.txt", "attribution-empty"),
        ("exam.yaml", "empty-text"),
        ("qna.yaml", "empty-text"),
    ]
    named = {
        (Path(finding.path).name, int(line))
        for finding in findings
        if finding.rule == "empty-text"
        for line in re.findall(r"\d+", finding.help)
    }
    assert named == {(name, line) for name, line in blanks(folder) if name != "attribution.txt"}
    assert len(named) > 15


@pytest.mark.parametrize("kind", ["knowledge", "skill"])
def test_filled_in_it_is_clean(taxonomy: Path, kind: str) -> None:
    folder = new_leaf(kind, "science/birds/common_swift", taxonomy, author="wrenna")[0].parent
    fill_in(folder)
    assert [(f.path, f.line, f.message) for f in lint_tree(taxonomy).findings if f.severity == "error"] == []


@pytest.mark.parametrize(
    ("kind", "path", "place"),
    [
        ("knowledge", "science/birds", "knowledge/science/birds"),
        ("knowledge", "knowledge/science/birds/", "knowledge/science/birds"),
        ("skill", "writing/notices", "compositional_skills/writing/notices"),
        ("skill", "taxonomy/foundational_skills/days", "foundational_skills/days"),
    ],
)
def test_it_goes_where_leaves_of_its_kind_are(taxonomy: Path, kind: str, path: str, place: str) -> None:
    names = {file.name for file in new_leaf(kind, path, taxonomy)}
    assert names >= {"qna.yaml", "exam.yaml", "attribution.txt"}
    assert (taxonomy / place / "qna.yaml").exists()


def test_an_editor_finds_the_schema(taxonomy: Path) -> None:
    schemas = taxonomy.parent / "schemas"
    schemas.mkdir()
    (schemas / "qna-v3.json").touch()
    (schemas / "exam.json").touch()
    folder = new_leaf("skill", "writing/notices", taxonomy)[0].parent
    for file in ("qna.yaml", "exam.yaml"):
        first = (folder / file).read_text().splitlines()[0]
        assert first.startswith("# yaml-language-server: $schema=")
        assert (folder / first.partition("=")[2]).exists()


@pytest.mark.parametrize(
    ("kind", "path", "author", "message"),
    [
        ("thing", "a", "", "new thing: unknown kind; use knowledge or skill"),
        ("knowledge", "../a", "", "the folder name '..' must have only lowercase letters"),
        ("knowledge", "/a", "", "the folder name '' must have only lowercase letters"),
        ("knowledge", "a/New-Leaf", "", "the folder name 'New-Leaf' must have only lowercase letters"),
        ("knowledge", "knowledge", "", "a leaf needs its own folder"),
        ("skill", "knowledge/a", "", "knowledge/ is not for skill; it goes into compositional_skills/"),
        ("skill", "there", "", "already exists"),
        ("skill", "there/inner", "", "this folder is inside the leaf"),
        ("skill", "a", "x: [", "not a GitHub user name"),
    ],
)
def test_what_cannot_be_made_is_one_line_and_nothing_is_written(
    taxonomy: Path, kind: str, path: str, author: str, message: str
) -> None:
    new_leaf("skill", "there", taxonomy)
    before = sorted(taxonomy.rglob("*"))
    with pytest.raises(UserError, match=re.escape(message)):
        new_leaf(kind, path, taxonomy, author)
    assert sorted(taxonomy.rglob("*")) == before


def test_without_a_taxonomy_it_says_so(tmp_path: Path) -> None:
    with pytest.raises(UserError, match="there is no such folder"):
        new_leaf("skill", "a", tmp_path / "taxonomy")
