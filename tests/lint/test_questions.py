"""Questions of several leaves: one leaf's exam takes nothing from another without both being told."""

import time
from typing import Any

import pytest

from bot.lint import lint_tree
from bot.lint.rules.questions import _overlaps
from bot.taxonomy.files import DiskFiles
from tests.helpers.lint_tree import EXAM, KNOWLEDGE, QNA, SKILL

OTHER = "knowledge/geography/islands/ama"
ASKED = "What is said of Oru first?"


def exam(*questions: str) -> str:
    return "version: 1\nquestions:\n" + "".join(
        f"  - question: {question}\n    must_contain: [Grey]\n" for question in questions
    )


def found(tree: Any) -> list[tuple[str, str, int]]:
    rules = ("exam-too-short", "exam-of-another-leaf", "question-of-another-leaf")
    findings = [finding for finding in tree.lint().findings if finding.rule in rules]
    return [(f.rule, f.path.removeprefix("taxonomy/"), f.line) for f in findings]


@pytest.mark.parametrize("question", ['"?"', "who", "Who is?", "\u5c9b", '"   "', "..."])
def test_an_exam_question_that_is_none(tree: Any, question: str) -> None:
    tree.write(f"{KNOWLEDGE}/exam.yaml", exam("Which sea washes Oru?", question))
    short = ("exam-too-short", f"{KNOWLEDGE}/exam.yaml", 5)
    assert short in found(tree) or "empty-text" in tree.rules()


@pytest.mark.parametrize(
    "question", ["Who is Ann?", "Photosynthesis?", "\u4ec0\u4e48\u662f\u5c9b\u5c7f", "Define osmosis."]
)
def test_short_questions_that_are_whole(tree: Any, question: str) -> None:
    tree.write(f"{KNOWLEDGE}/exam.yaml", exam(question))
    assert found(tree) == []


SAME = {
    "the same": ASKED,
    "but for case and punctuation": "what is said of ORU first",
    "a part of it": "is said of Oru",
    "holding it": f"Now tell me. {ASKED} Please.",
    "quoted": f'"{ASKED}"',
    "in a block": f"|-\n      {ASKED}",
    "over two lines": "What is said\n      of Oru first?",
    "with escapes": '"What is said of \\x4fru first?"',
    "with accents": "Wh\u00e4t is said of Oru first?",
    "with a comment": f"{ASKED} # a comment",
}


@pytest.mark.parametrize("name", SAME)
def test_an_exam_question_that_is_another_leaf_s_tells_both(tree: Any, name: str) -> None:
    tree.write(f"{OTHER}/exam.yaml", exam(SAME[name]))
    tree.write(f"{OTHER}/qna.yaml", QNA.replace("said of", "told of"))
    told = found(tree)
    assert ("exam-of-another-leaf", f"{OTHER}/exam.yaml", 3) in told or (
        name == "in a block" and told[0][:2] == ("exam-of-another-leaf", f"{OTHER}/exam.yaml")
    )
    assert ("question-of-another-leaf", f"{KNOWLEDGE}/qna.yaml", 14) in told
    messages = {f.rule: f.message for f in tree.lint().findings}
    assert (
        f"the leaf {KNOWLEDGE} also asks this, in taxonomy/{KNOWLEDGE}/qna.yaml:14"
        in messages["exam-of-another-leaf"]
    )
    assert f"the exam of the leaf {OTHER} also asks this" in messages["question-of-another-leaf"]


def test_an_exam_in_flow_style_is_read_too(tree: Any) -> None:
    tree.write(f"{OTHER}/exam.yaml", f"version: 1\nquestions: [{{question: '{ASKED}', must_contain: [a]}}]\n")
    tree.write(f"{OTHER}/qna.yaml", QNA.replace("said of", "told of"))
    assert ("exam-of-another-leaf", f"{OTHER}/exam.yaml", 2) in found(tree)


def test_two_exams_with_the_same_question(tree: Any) -> None:
    tree.write(f"{OTHER}/exam.yaml", EXAM)
    tree.write(f"{OTHER}/qna.yaml", QNA.replace("said of", "told of"))
    told = {(rule, path) for rule, path, _ in found(tree)}
    assert told == {("exam-of-another-leaf", f"{leaf}/exam.yaml") for leaf in (KNOWLEDGE, OTHER)}


def test_a_question_that_a_leaf_with_an_earlier_path_takes_is_told_to_both(tree: Any) -> None:
    tree.write(
        f"{OTHER}/qna.yaml", QNA.replace("said of", "told of").replace("What is told of Oru first?", ASKED)
    )
    assert found(tree) == [
        ("question-of-another-leaf", f"{OTHER}/qna.yaml", 14),
        ("question-of-another-leaf", f"{KNOWLEDGE}/qna.yaml", 14),
    ]


def test_what_leaves_have_in_common_without_an_exam_s_question_is_no_finding(tree: Any) -> None:
    other = QNA.replace("said of", "told of").replace("What is told of Oru first?", f"Now then. {ASKED}")
    tree.write(f"{OTHER}/qna.yaml", other)
    assert found(tree) == []


def test_skills_that_ask_the_same_of_their_contexts_are_no_finding(tree: Any) -> None:
    grounded = (
        (tree.root / SKILL / "qna.yaml").read_text().replace("  - question", "  - context: A.\n    question")
    )
    for name in ("one", "two"):
        tree.write(f"compositional_skills/{name}/qna.yaml", grounded)
    assert found(tree) == []


def test_with_a_base_the_other_leaf_is_not_parsed_and_named_all_the_same(tree: Any) -> None:
    tree.write(f"{OTHER}/exam.yaml", exam(ASKED))
    tree.write(f"{OTHER}/qna.yaml", QNA.replace("said of", "told of"))
    report = lint_tree(tree.root, only={OTHER})
    assert [leaf.path for leaf in report.leaves] == [OTHER]
    assert KNOWLEDGE in next(f.message for f in report.findings if f.rule == "exam-of-another-leaf")


def test_with_a_base_leaves_that_it_does_not_change_are_not_told_of_each_other(tree: Any) -> None:
    """Two old leaves that ask the same must not make every pull request red."""
    tree.write(f"{KNOWLEDGE}/exam.yaml", exam(ASKED))
    tree.write(f"{OTHER}/exam.yaml", exam(ASKED))
    tree.write(f"{OTHER}/qna.yaml", QNA)
    rules = {"exam-of-another-leaf", "question-of-another-leaf", "near-copy"}
    assert rules & {finding.rule for finding in lint_tree(tree.root).findings}
    assert not rules & {finding.rule for finding in lint_tree(tree.root, {SKILL}).findings}
    concerned = {finding.path for finding in lint_tree(tree.root, {OTHER}).findings if finding.rule in rules}
    assert {path.rpartition("/")[0].removeprefix("taxonomy/") for path in concerned} >= {OTHER, KNOWLEDGE}


def test_a_thousand_leaves_are_compared_in_time_in_proportion(tree: Any) -> None:
    def seconds(leaves: int) -> float:
        for number in range(leaves):
            # As many as begin alike: a list of those would be gone through for each of them.
            lines = [f"What is the name of the bird {k} on island {number}?" for k in range(12)]
            tree.write(f"knowledge/many/leaf_{number}/exam.yaml", exam(*lines))
            tree.write(f"knowledge/many/leaf_{number}/qna.yaml", "seed_examples:\n" + exam(*lines[:3])[12:])
        files = DiskFiles(tree.root)
        assert len(files.entries) > leaves
        begun = time.thread_time()
        assert _overlaps(files) == []
        return time.thread_time() - begun

    few, many = seconds(100), seconds(1_000)
    assert many < 25 * max(few, 0.01)
    assert many < 5
