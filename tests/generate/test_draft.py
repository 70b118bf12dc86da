"""A drafted leaf: every answer stands in its passage, what is missing is blank, and lint asks for no more."""

import json
from collections.abc import Iterator, Sequence
from pathlib import Path

import pytest
import yaml
from typer.testing import CliRunner

from bot.cli import app
from bot.config.load import load_recipe
from bot.core.errors import UserError
from bot.generate.draft import Draft, passages_of, propose, read_document
from bot.generate.draft_files import write_draft
from bot.github.draft_pull import REFUSED
from bot.inference.engine import Request, Response
from bot.lint import lint_tree
from bot.taxonomy.leaf import Document
from bot.taxonomy.new_leaf import Source
from tests import ROOT
from tests.helpers.draft_form import form_body

TOWNS = ("Aldern", "Briskow", "Corvane", "Dunmore", "Elsinor")
FACTS = {
    "In {0} a tower of {1} steps looks over the sea.": "How many steps has the tower of {0}?",
    "Ringing the bell of {0} takes {1} men.": "How many men ring the bell of {0}?",
    "The road to {0} crosses {1} bridges.": "How many bridges does the road to {0} cross?",
    "To the school of {0} go {1} pupils.": "How many pupils go to the school of {0}?",
    "The mill of {0} grinds {1} sacks.": "How many sacks does the mill of {0} grind?",
}


def asked(towns: Sequence[str] = TOWNS) -> dict[str, str]:
    """Each sentence of the document, with the question that a good teacher asks about it."""
    return {
        sentence.format(town, 100 * place + number + 17): question.format(town)
        for place, town in enumerate(towns)
        for number, (sentence, question) in enumerate(FACTS.items())
    }


def document(towns: Sequence[str] = TOWNS) -> Document:
    by_town = [" ".join(sentence for sentence in asked() if town in sentence) for town in towns]
    return Document("towns.md", "# Towns\n\n" + "\n\n".join(by_town) + "\n")


class Teacher:
    """A teacher that asks as `asked` says, and answers with the sentence that it asked about.

    Args:
        wrong: words of a question that it answers with another sentence.
    """

    at_once = 1

    def __init__(self, wrong: str = "no such words") -> None:
        self.wrong = wrong

    def complete(self, requests: Sequence[Request]) -> Iterator[Response]:
        for index, request in enumerate(requests):
            given = request.messages[-1][1]
            passage, _, question = given.rpartition("\n\n")
            answers = {text: sentence for sentence, text in asked().items()}
            text = answers[question] if passage else asked()[given]
            yield Response(index, "It rained." if self.wrong in question and passage else text, True, 1)

    def close(self) -> None:
        """Nothing to close."""


def draft(teacher: Teacher | None = None, towns: Sequence[str] = TOWNS) -> Draft:
    return propose(document(towns), load_recipe(ROOT / "arborist.yaml"), teacher or Teacher())


def written(drafted: Draft, tmp_path: Path, author: str = "wrenna") -> Path:
    file = tmp_path / "towns.md"
    file.write_text(drafted.document.text)
    folder = tmp_path / "taxonomy/knowledge/places/towns"
    write_draft(drafted, file, folder, Source(author))
    return folder


def test_a_draft_lacks_only_what_a_person_knows(tmp_path: Path) -> None:
    drafted = draft()
    written(drafted, tmp_path)
    assert drafted.missing == 0
    assert [finding.rule for finding in lint_tree(tmp_path / "taxonomy").findings] == ["attribution-empty"]


def test_every_answer_is_a_sentence_of_its_passage(tmp_path: Path) -> None:
    drafted = draft()
    assert [len(seed.pairs) for seed in drafted.seeds] == [3] * 5
    for seed in drafted.seeds:
        for pair in seed.pairs:
            assert pair.answer in (seed.context or "")
            assert asked()[pair.answer] == pair.question


def test_further_questions_become_the_exam_which_asks_for_a_number_or_a_name(tmp_path: Path) -> None:
    drafted = draft()
    exam = yaml.safe_load((written(drafted, tmp_path) / "exam.yaml").read_text())
    seeds = {pair.question for seed in drafted.seeds for pair in seed.pairs}
    assert len(exam["questions"]) >= 5
    for one in exam["questions"]:
        assert one["question"] not in seeds
        (word,) = one["must_contain"]
        assert word.isdigit() and word in document().text


@pytest.mark.parametrize("wrong", ["tower", "Aldern", "school of Elsinor"])
def test_a_question_that_its_passage_does_not_answer_is_dropped_and_counted(wrong: str) -> None:
    drafted = draft(Teacher(wrong))
    left = [pair.question for seed in drafted.seeds for pair in seed.pairs]
    left += [one.question for one in drafted.exam]
    assert not any(wrong in question for question in left)
    assert drafted.dropped["round trip"] > 0
    assert drafted.asked == 25


def test_what_is_missing_is_left_blank_with_a_word_on_what_to_write(tmp_path: Path) -> None:
    drafted = draft(towns=TOWNS[:3])
    text = (written(drafted, tmp_path, author="") / "qna.yaml").read_text()
    assert drafted.missing == 6
    assert text.count("context:  # copy another passage from the document") == 2
    assert text.count("question:  # write a question that this passage answers") == 6
    found = [finding.rule for finding in lint_tree(tmp_path / "taxonomy").findings]
    assert found == ["attribution-empty", "empty-text"]


def test_passages_are_copied_word_for_word_and_joined_only_where_they_follow_each_other() -> None:
    text = (
        "# A\n\nOne is one.\n\nTwo is two.\n\n## B\n\n- a list\n\nThree is [three](x.md).\n\nFour is\nfour.\n"
    )
    assert passages_of(text) == ["One is one. Two is two.", "a list", "Four is four."]


@pytest.mark.parametrize(
    ("name", "content", "message"),
    [
        ("towns.md", None, "there is no such file"),
        ("towns.md", b"", "contains no text"),
        ("towns.md", b"\xff\xfe\x00", "is not UTF-8 text"),
        ("towns.xls", b"x", "is not a .md"),
        ("towns.pdf", b"no pdf", "towns.pdf"),
    ],
)
def test_what_is_no_document_is_said(tmp_path: Path, name: str, content: bytes | None, message: str) -> None:
    if content is not None:
        (tmp_path / name).write_bytes(content)
    with pytest.raises(UserError, match=message):
        read_document(tmp_path / name)


def test_a_name_with_marks_of_a_pattern_is_read(tmp_path: Path) -> None:
    file = tmp_path / "towns [1]*.md"
    file.write_text("Aldern is a town.")
    assert read_document(file).text == "Aldern is a town."


def test_a_document_without_sentences_is_said() -> None:
    with pytest.raises(UserError, match="no paragraphs of running text"):
        propose(Document("a.md", "# Title\n\n| a | b |\n"), load_recipe(ROOT / "arborist.yaml"), Teacher())


class Silent(Teacher):
    """A teacher that has nothing to say, so that all questions are made by rule."""

    def complete(self, requests: Sequence[Request]) -> Iterator[Response]:
        return (Response(index, "", True, 0) for index, _ in enumerate(requests))


DRAFTS = ROOT / "tests/data/drafts"
READ = ROOT / "docs/experiments/2026-11-29-drafts.md"


@pytest.mark.parametrize("name", ["corran_viaduct.pdf", "ashen_fritillary.md", "wolkenried.md"])
def test_what_rules_ask_about_a_document_is_what_people_have_read(name: str, tmp_path: Path) -> None:
    drafted = propose(read_document(DRAFTS / name), load_recipe(ROOT / "arborist.yaml"), Silent())
    rows = [line.strip("| ").split(" | ") for line in READ.read_text().splitlines() if line.startswith("| ")]
    read = {question: (part, right) for document, question, part, right in rows if document == name}
    pairs = [pair for seed in drafted.seeds for pair in seed.pairs]
    assert {pair.question for pair in pairs} == set(read)
    assert all(read[pair.question][0] in pair.answer for pair in pairs)
    assert sum(right == "yes" for _, right in read.values()) >= 0.8 * len(read)
    write_draft(drafted, DRAFTS / name, tmp_path / "taxonomy/knowledge/places/drafted", Source("wrenna"))
    found = {finding.rule for finding in lint_tree(tmp_path / "taxonomy").findings}
    assert found == {"attribution-empty", "empty-text"}


@pytest.mark.parametrize(
    ("body", "wanted"),
    [
        (form_body("| a | b |\n|---|---|", title="Table"), "no paragraphs of running text"),
        (form_body("Swifts.", folder="knowledge/science/minerals/tessarite"), "already exists"),
        (form_body("Swifts.", folder="../../etc"), "lowercase letters"),
        ("Please teach birds.", "was not made from the form"),
    ],
)
def test_an_issue_of_which_no_draft_can_be_made_gives_one_line_that_says_why(
    body: str, wanted: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    event = {"issue": {"number": 7, "user": {"login": "wrenna", "id": 1}, "body": body}}
    (tmp_path / "event.json").write_text(json.dumps(event))
    monkeypatch.setenv("GITHUB_EVENT_PATH", str(tmp_path / "event.json"))
    done = CliRunner().invoke(app, ["draft-issue", str(tmp_path / "draft")])
    assert done.exit_code == 0
    (file,) = (tmp_path / "draft").iterdir()
    assert file.name == REFUSED
    assert wanted in file.read_text()
    assert file.read_text().count("\n") == 1
