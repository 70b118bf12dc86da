"""Rules for the format of qna.yaml and exam.yaml; the YAML parser and the schemas find the problems."""

from bot.lint.findings import Severity
from bot.lint.leaf_view import EXAM, QNA, LeafView
from bot.lint.rule import Example, Problems, leaf_rule

# rule: its requirement, its reason, and an example (file, a violation, the same part fixed)
_RULES = {
    "unreadable": (
        "The files of a leaf must be regular, readable files.",
        "A symbolic link could make the bot read files outside the taxonomy.",
        ("", "qna.yaml, attribution.txt -> /etc/passwd", "qna.yaml, attribution.txt"),
    ),
    "yaml-encoding": (
        "Files must be UTF-8 without control characters.",
        "Programs read other encodings differently, and reviewers cannot see control characters.",
        (QNA, "context: Oru is an island in the Grey\x07Sea.", "context: Oru is an island in the Grey Sea."),
    ),
    "yaml-syntax": (
        "Files must be valid YAML.",
        "A colon followed by a space starts a value, so put text that contains one in quotes.",
        (QNA, "document_outline: The: island of Oru", "document_outline: The island of Oru"),
    ),
    "yaml-empty": (
        "Files must not be empty.",
        "An empty file teaches nothing and is most likely a mistake.",
        (EXAM, "", "version: 1"),
    ),
    "yaml-documents": (
        "A file must contain exactly one YAML document.",
        "A line with three dashes starts a second document, which would be ignored silently.",
        (EXAM, "---\nquestions:", "questions:"),
    ),
    "yaml-duplicate-key": (
        "A mapping must not contain a key twice.",
        "YAML keeps only the last value and drops the first one silently.",
        (QNA, "domain: geography\ndomain: history", "domain: geography"),
    ),
    "yaml-tag": (
        "Values must not have YAML tags such as `!!python/name`.",
        "Tags make some programs create objects or run code, and anybody can propose a file.",
        (QNA, "domain: !!python/name:os.system geography", "domain: geography"),
    ),
    "yaml-alias": (
        "An alias must refer to an earlier anchor outside itself, and merge keys (`<<`) are not allowed.",
        "Reviewers should see all content where it is used.",
        (QNA, "domain: *somewhere", "domain: geography"),
    ),
    "yaml-limit": (
        "Files must stay within the limits for size, nesting and number of values.",
        "Without limits, a small file can exhaust a machine's memory.",
        (QNA, f"domain: {'[' * 41}", "domain: geography"),
    ),
    "wrong-version": (
        "`version` must be a supported version; knowledge needs version 3.",
        "The version determines which keys a file has. It is a number without quotes.",
        (QNA, 'version: "3"', "version: 3"),
    ),
    "missing-key": (
        "A file must contain all keys that its schema requires.",
        "Each key is used by the teacher's prompts, the model card or reviewers.",
        (QNA, "document_outline: The island", "domain: geography\ndocument_outline: The island"),
    ),
    "unknown-key": (
        "A file must contain only keys that its schema defines.",
        "A misspelt key would be ignored silently.",
        (QNA, "created_by: someone\ndomains: geography", "created_by: someone\ndomain: geography"),
    ),
    "wrong-type": (
        "Values must have the type that the schema requires: a list, a mapping or text.",
        "A single value in place of a list is usually a missing dash.",
        (QNA, "patterns: oru.md", "patterns:\n    - oru.md"),
    ),
    "not-text": (
        "Text that looks like a number, a date or a boolean must be in quotes.",
        "YAML reads 1868 as a number, 2024-01-01 as a date and yes as true; quotes keep them as text.",
        (EXAM, "must_contain: [[900, nine hundred]]", 'must_contain: [["900", nine hundred]]'),
    ),
    "empty-text": (
        "Values must not be empty.",
        "An empty value would leave a gap in the teacher's prompt.",
        (QNA, 'domain: " "', "domain: geography"),
    ),
    "too-few": (
        "A list must contain at least as many items as the schema requires.",
        "With fewer examples, the teacher cannot see what they have in common.",
        (
            QNA,
            "answer: Then They grow barley.",
            "answer: Then They grow barley.\n      - question: What is said of They last?\n"
            "        answer: Last They grow barley.",
        ),
    ),
    "repeated-item": (
        "A list must not contain the same item twice.",
        "A repeated example adds nothing and makes the leaf look larger than it is.",
        (
            QNA,
            "question: What is said of Oru first?\n        answer: First Oru is",
            "question: What is said of Oru then?\n        answer: Then Oru is",
        ),
    ),
}  # fmt: skip


def _register_format_rule(name: str) -> None:
    doc, why, example = _RULES[name]

    @leaf_rule(name, Severity.ERROR, doc, why, Example(*example))
    def found(leaf: LeafView) -> Problems:
        return ((file, problem) for file, problem in leaf.problems if problem.rule == name)


for _name in _RULES:
    _register_format_rule(_name)
