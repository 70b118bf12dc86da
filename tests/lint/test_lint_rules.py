"""Every rule on a leaf that breaks it in one place; fixed, the leaf has no finding."""

import os
import re
from typing import Any

import pytest

from bot.config.recipe import LintRecipe
from bot.lint import lint_tree
from bot.lint.leaves import MANY
from bot.lint.rules import RULES

KNOWLEDGE = "knowledge/geography/islands/oru"
SKILL = "compositional_skills/writing/freeform/greetings"
Q, E, A, S = (
    f"{KNOWLEDGE}/qna.yaml", f"{KNOWLEDGE}/exam.yaml", f"{KNOWLEDGE}/attribution.txt", f"{SKILL}/qna.yaml"
)  # fmt: skip

# rule: file, good text, bad text, line and column of the one finding, a part of the help
BROKEN: dict[str, tuple[str, str, str, int, int, str]] = {
    "yaml-encoding": (Q, "Grey Sea", "Grey\x07Sea", 12, 42, "remove"),
    "yaml-syntax": (Q, "outline: The island", "outline: The: island", 5, 22, "double quotes"),
    "yaml-empty": (E, "", "", 1, 1, "write"),
    "yaml-documents": (E, "questions:", "---\nquestions:", 2, 1, "one document"),
    "yaml-duplicate-key": (Q, "domain: geography", "domain: geography\ndomain: history", 5, 1, "line 4"),
    "yaml-tag": (Q, "domain: geography", "domain: !!python/name:os.system geography", 4, 9, "remove"),
    "yaml-alias": (Q, "domain: geography", "domain: *somewhere", 4, 9, "write the text out"),
    "yaml-limit": (Q, "domain: geography", f"domain: {'[' * 41}", 4, 48, ""),
    "wrong-version": (S, "version: 2", 'version: "2"', 1, 10, "without quotes"),
    "missing-key": (Q, "domain: geography\n", "", 2, 1, "add"),
    "unknown-key": (Q, "created_by", "createdby", 3, 1, "did you mean 'created_by'?"),
    "wrong-type": (Q, "patterns:\n    - oru.md", "patterns: oru.md", 9, 13, "dash"),
    "not-text": (Q, "answer: First Oru is an island in the Grey Sea.", "answer: 1868", 15, 17, '"1868"'),
    "empty-text": (Q, "domain: geography", 'domain: " "', 4, 9, "write"),
    "too-few": (S, "  - question: Greet Ann.\n    answer: Good day, Ann!\n", "", 4, 1, "add 1 more"),
    "repeated-item": (S, "Bo.\n    answer: Good day, Bo", "Ann.\n    answer: Good day, Ann", 7, 5, "another"),
    "attribution-empty": (A, "", "", 1, 1, "License"),
    "attribution-licence": (A, "CC-BY-4.0", "CC BY 4.0", 3, 22, "write CC-BY-4.0"),
    "document-source": (Q, "repo: .", "repo: git@github.com:org/name.git", 7, 9, "https://"),
    "document-pattern": (Q, "- oru.md", "- ../../oru.md", 10, 7, "relative to the folder"),
    "context-not-in-document": (Q, "context: Oru is an island", "context: Oru is an isle", 12, 24, "isle"),
    "exam-repeats-seed": (E, "Which sea washes Oru?", "what is said of oru first", 3, 15, "other words"),
}  # fmt: skip


@pytest.mark.parametrize("rule", BROKEN)
def test_a_broken_leaf_has_one_finding_at_the_place(tree: Any, rule: str) -> None:
    path, good, bad, line, column, help_ = BROKEN[rule]
    if good:
        tree.replace(path, good, bad)
    else:
        tree.write(path, bad)
    found = {(f.rule, f.path, f.line, f.column) for f in tree.lint().findings}
    assert (rule, f"taxonomy/{path}", line, column) in found
    assert all(f.path == f"taxonomy/{path}" for f in tree.lint().findings)
    assert any(help_ in f.help for f in tree.lint().findings if f.rule == rule)
    if rule not in ("unknown-key", "repeated-item"):  # a key under another name is also missing under its own
        assert len(found) == 1


def test_a_mended_leaf_has_none(tree: Any) -> None:
    report = tree.lint()
    assert (report.findings, report.errors) == ([], 0)
    assert [(leaf.path, leaf.kind, leaf.seeds, leaf.exam_questions) for leaf in report.leaves] == [
        (SKILL, "compositional", 5, 0),
        (KNOWLEDGE, "knowledge", 5, 2),
    ]


def test_a_missing_attribution(tree: Any) -> None:
    (tree.root / A).unlink()
    assert [(f.rule, f.path) for f in tree.lint().findings] == [("attribution-missing", f"taxonomy/{Q}")]


def test_an_attribution_without_a_licence(tree: Any) -> None:
    tree.write(A, "Title of work: Oru\n")
    assert tree.rules() == ["attribution-field", "attribution-field", "attribution-licence"]


def test_version_1_needs_no_attribution_and_one_seed_example(tree: Any) -> None:
    tree.write(
        "compositional_skills/old/qna.yaml",
        "created_by: x\ntask_description: ''\nseed_examples:\n  - question: Q?\n    answer: A\n",
    )
    assert tree.rules() == []


OLD_KNOWLEDGE = """created_by: someone
domain: geography
task_description: Teach about Oru
seed_examples:
""" + "".join(
    f"  - question: What is {n}?\n    answer: The letter {n} of Oru.\n" for n in ("a", "b", "c", "d", "e")
)


@pytest.mark.parametrize("version", ["", "version: 1\n", "version: 2\n", "version: 24\n", "version: 0\n"])
def test_knowledge_of_another_version_is_one_finding_and_not_one_for_each_key(
    tree: Any, version: str
) -> None:
    tree.write(Q, version + OLD_KNOWLEDGE)
    (finding,) = [finding for finding in tree.lint().findings if finding.path.endswith("oru/qna.yaml")]
    assert (finding.rule, finding.line) == ("wrong-version", 1)
    assert "write version: 3" in finding.help
    assert finding.fix is None


def test_a_leaf_in_the_new_format_with_an_old_version_is_fixed_mechanically(tree: Any) -> None:
    tree.replace(Q, "version: 3", "version: 2")
    (finding,) = tree.lint().findings
    assert (finding.rule, finding.fixed_line) == ("wrong-version", "version: 3")


def test_a_leaf_without_a_version_and_otherwise_new_lacks_the_version_alone(tree: Any) -> None:
    tree.replace(Q, "version: 3\n", "")
    assert tree.rules() == ["missing-key"]


@pytest.mark.parametrize(("blank", "found"), [(3, 3), (5, 5), (6, 1), (9, 1)])
def test_many_empty_values_are_one_finding_that_names_their_lines(tree: Any, blank: int, found: int) -> None:
    text = (tree.root / Q).read_text()
    lines = [number for number, line in enumerate(text.split("\n"), 1) if "answer:" in line][:blank]
    tree.write(Q, re.sub(r"answer: .*", "answer:", text, count=blank))
    findings = tree.lint().findings
    assert [finding.rule for finding in findings] == ["empty-text"] * found
    if found == 1:
        assert findings[0].line == lines[0]
        assert findings[0].message == f"{blank} values of this file are empty"
        assert findings[0].help == f"write the values on lines {', '.join(map(str, lines))}"


@pytest.mark.parametrize("version", ["4", "0", "3.0", "true", "2024-01-01", "[3]", "99999999999999999999999"])
def test_a_version_that_is_none(tree: Any, version: str) -> None:
    tree.replace(Q, "version: 3", f"version: {version}")
    assert tree.rules() == ["wrong-version"]


def test_a_skill_in_foundational_skills_is_linted_like_any_other(tree: Any) -> None:
    tree.write("foundational_skills/reasoning/days/qna.yaml", "version: 3\ncreated_by: 7\n")
    assert set(tree.rules()) == {"not-text", "missing-key", "attribution-missing"}


def test_several_mistakes_are_all_told_at_once(tree: Any) -> None:
    tree.replace(Q, "answer: First Oru is an island in the Grey Sea.", "answer: yes")
    tree.replace(Q, "context: They grow barley.", "context: They grow wheat.")
    tree.replace(Q, "domain: geography\n", "")
    tree.replace(A, "CC-BY-4.0", "secret")
    tree.replace(E, "[Grey]", "[1868]")
    assert sorted(tree.rules()) == [
        "attribution-licence", "context-not-in-document", "missing-key", "not-text", "not-text"
    ]  # fmt: skip


def test_a_broken_leaf_does_not_keep_others_from_being_linted(tree: Any) -> None:
    tree.write(Q, "{")
    tree.replace(S, "Greet Bo.", "7")
    assert sorted(tree.rules()) == ["not-text", "yaml-syntax"]


@pytest.mark.parametrize(
    ("context", "line", "column", "end"),
    [
        ("Nine hundred people live on Orm.", 28, 42, 46),
        ('"Nine hundred people live on Orm."', 28, 43, 48),
        ("Nine hundred people\n      live on Orm.", 29, 15, 19),
        ("|\n      Nine hundred people\n      live on Orm.", 30, 15, 19),
        (">-  # folded\n\n      Nine hundred\n      people live on Orm.", 31, 22, 26),
        ("Nobody lives on Oru.", 28, 14, 34),
    ],
    ids=["plain", "quoted", "wrapped", "a block", "a folded block", "all of it"],
)
def test_a_context_is_told_where_it_leaves_the_document(
    tree: Any, context: str, line: int, column: int, end: int
) -> None:
    tree.replace(Q, "context: Nine hundred people live on Oru.", f"context: {context}")
    [finding] = [f for f in tree.lint().findings if f.rule == "context-not-in-document"]
    assert (finding.line, finding.column, finding.end_column) == (line, column, end)


def test_a_context_may_be_wrapped_otherwise_than_the_document(tree: Any) -> None:
    tree.replace(Q, "context: Its capital is Tamm.", "context: |\n      Its   capital\n\n      is Tamm.")
    assert tree.rules() == []


def test_documents_of_another_repository_are_not_looked_for(tree: Any) -> None:
    tree.replace(Q, "repo: .", "repo: https://github.com/org/documents.git")
    tree.replace(Q, "commit: HEAD", f"commit: {'a1' * 20}")
    tree.replace(Q, "context: They grow barley.", "context: Elsewhere.")
    assert tree.rules() == []


@pytest.mark.parametrize("commit", ["main", "a1b2c3d", "v1.0"])
def test_a_commit_must_be_a_full_sha(tree: Any, commit: str) -> None:
    tree.replace(Q, "repo: .", "repo: https://github.com/org/documents.git")
    tree.replace(Q, "commit: HEAD", f"commit: {commit}")
    assert [(f.rule, f.line, f.column) for f in tree.lint().findings] == [("document-source", 8, 11)]


@pytest.mark.parametrize("name", ["qna.yml", "QNA.YAML", "exam.yml", "Attribution.txt"])
def test_a_name_that_is_nearly_right(tree: Any, name: str) -> None:
    tree.write(f"knowledge/new/{name}", "x: 1\n")
    assert [(f.rule, f.path) for f in tree.lint(only=set()).findings] == [
        ("file-name", f"taxonomy/knowledge/new/{name}")
    ]


def test_a_folder_named_like_a_file(tree: Any) -> None:
    tree.write("knowledge/new/qna.yaml/notes.md", "x")
    assert tree.rules() == ["file-name"]


def test_a_leaf_without_a_folder(tree: Any) -> None:
    tree.write("qna.yaml", "version: 3\n")
    assert tree.rules() == ["file-name"]


def test_a_leaf_inside_a_leaf(tree: Any) -> None:
    for name in ("qna.yaml", "attribution.txt"):
        content = (tree.root / SKILL / name).read_text()
        tree.write(f"{SKILL}/formal/{name}", content.replace("Good day", "My dear and most honoured"))
    found = [(f.rule, f.path) for f in tree.lint().findings if f.rule != "question-of-another-leaf"]
    assert found == [("leaf-inside-leaf", f"taxonomy/{SKILL}/formal/qna.yaml")]


def test_what_is_no_file(tree: Any) -> None:
    (tree.root / KNOWLEDGE / "passwd.md").symlink_to("/etc/passwd")
    os.mkfifo(tree.root / KNOWLEDGE / "pipe.md")
    assert tree.rules() == ["not-a-file", "not-a-file"]


def test_only_some_leaves(tree: Any) -> None:
    tree.write(Q, "{")
    assert tree.lint(only={SKILL}).errors == 0
    assert tree.lint(only={KNOWLEDGE}).errors == 1


def test_what_is_shown_broken_here_are_rules() -> None:
    """Those that are not are in test_rule_examples.py, where all are."""
    assert set(BROKEN) <= set(RULES)


def test_many_leaves_are_linted_by_several_processes_and_told_in_order(tree: Any) -> None:
    for number in range(MANY):
        for name in ("qna.yaml", "attribution.txt"):
            tree.write(
                f"compositional_skills/many/skill_{number}/{name}", (tree.root / SKILL / name).read_bytes()
            )
        if number % 100 == 7:
            tree.replace(f"compositional_skills/many/skill_{number}/qna.yaml", "Greet Bo.", "7")
    report = lint_tree(tree.root, None, LintRecipe(ignore=("near-copy", "question-of-another-leaf")))
    assert [finding.path.split("/")[3] for finding in report.findings] == [
        f"skill_{number}" for number in (107, 207, 307, 7)
    ]
    assert len(report.leaves) == MANY + 2


@pytest.mark.parametrize(
    ("licence", "message", "fix"),
    [
        ("CC BY 4.0", "'CC BY 4.0' is not the exact SPDX identifier", "CC-BY-4.0"),
        ("CC BY-NC-SA 4.0", "the licence CC-BY-NC-SA-4.0 is not allowed", None),
        ("GPL-3.0-only", "the licence GPL-3.0-only is not allowed", None),
        ("MIT AND GPL-2.0-only", "the licence GPL-2.0-only is not allowed", None),
        ("Apache-2.0 WITH LLVM-exception", "Apache-2.0 WITH LLVM-exception is not allowed", None),
        ("CC-BY-4", "'CC-BY-4' is not an SPDX licence identifier", None),
        ("Public Domain", "'Public Domain' is not an SPDX licence identifier", None),
        ("(" * 5000, "is not an SPDX licence identifier", None),
        ("", "the licence is empty", None),
    ],
)
def test_a_licence_is_known_and_allowed(tree: Any, licence: str, message: str, fix: str | None) -> None:
    tree.replace(A, "CC-BY-4.0", licence)
    [finding] = tree.lint().findings
    assert (finding.rule, finding.fix) == ("attribution-licence", fix)
    assert message in finding.message


@pytest.mark.parametrize("licence", ["MIT", "MIT OR Apache-2.0", "(CC0-1.0 AND CC-BY-4.0)"])
def test_a_licence_that_is_allowed(tree: Any, licence: str) -> None:
    tree.replace(A, "CC-BY-4.0", licence)
    assert tree.rules() == []


def test_a_repository_may_allow_other_licences(tree: Any) -> None:
    tree.replace(A, "CC-BY-4.0", "GPL-3.0-only")
    settings = LintRecipe(licences=("GPL-3.0-only",))
    found = [finding.path for finding in lint_tree(tree.root, settings=settings).findings]
    assert found == [f"taxonomy/{SKILL}/attribution.txt"]
