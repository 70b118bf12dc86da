"""The form of qna.yaml and exam.yaml: what the parser and the schemas find, told rule by rule."""

from bot.lint.findings import Severity
from bot.lint.rules import Example, Problems, leaf_rule
from bot.lint.view import EXAM, QNA, LeafView

# rule: what it asks for, what for, file, a part that breaks it, the same part mended
_RULES = {
    "unreadable": (
        "Files of a leaf are regular files that can be read.",
        "A link or a pipe in a file's place would lead the bot out of the tree.",
        ("", "qna.yaml, attribution.txt -> /etc/passwd", "qna.yaml, attribution.txt"),
    ),
    "yaml-encoding": (
        "Files are UTF-8 without control characters.",
        "Other encodings are read differently by every program; control characters are seen by none.",
        (QNA, "context: Oru is an island in the Grey\x07Sea.", "context: Oru is an island in the Grey Sea."),
    ),
    "yaml-syntax": (
        "Files are valid YAML.",
        "A colon and a space begin a value, so text that has them stands in quotes.",
        (QNA, "document_outline: The: island of Oru", "document_outline: The island of Oru"),
    ),
    "yaml-empty": (
        "Files are not empty.",
        "An empty file teaches nothing, and was most likely not meant to be.",
        (EXAM, "", "version: 1"),
    ),
    "yaml-documents": (
        "A file holds one YAML document.",
        "What stands after a line of three dashes would be left out without a word.",
        (EXAM, "---\nquestions:", "questions:"),
    ),
    "yaml-duplicate-key": (
        "A key stands once.",
        "YAML would keep only the last one, and the first would be lost without a word.",
        (QNA, "domain: geography\ndomain: history", "domain: geography"),
    ),
    "yaml-tag": (
        "Values carry no tags: text, numbers, lists and mappings are enough.",
        "Tags make some programs build objects, or run code, from a file that anybody may send.",
        (QNA, "domain: !!python/name:os.system geography", "domain: geography"),
    ),
    "yaml-alias": (
        "Aliases repeat something that is there, and not themselves; keys are not merged.",
        "A reader of a contribution should see what it says where it says it.",
        (QNA, "domain: *somewhere", "domain: geography"),
    ),
    "yaml-limit": (
        "Files are of a size that a person can review.",
        "Depth and size without bounds are how a small file stops a large machine.",
        (QNA, f"domain: {'[' * 41}", "domain: geography"),
    ),
    "wrong-version": (
        "The version is one that exists; knowledge needs version 3.",
        "The version says which keys a file has; it is a number, without quotes.",
        (QNA, 'version: "3"', "version: 3"),
    ),
    "missing-key": (
        "Every key that the schema asks for is there.",
        "Each of them is used: by the teacher's prompts, by the model card, or by reviewers.",
        (QNA, "document_outline: The island", "domain: geography\ndocument_outline: The island"),
    ),
    "unknown-key": (
        "Only keys that the schema knows are there.",
        "A misspelt key would be left out without a word.",
        (QNA, "created_by: someone\ndomains: geography", "created_by: someone\ndomain: geography"),
    ),
    "wrong-type": (
        "Lists are lists, mappings are mappings, text is text.",
        "A single value where a list belongs is most often a forgotten dash.",
        (QNA, "patterns: oru.md", "patterns:\n    - oru.md"),
    ),
    "not-text": (
        "Text that looks like a number, a date or yes stands in quotes.",
        "YAML reads 1868 as a number, 2024-01-01 as a date and yes as true; quotes keep what was written.",
        (EXAM, "must_contain: [[900, nine hundred]]", 'must_contain: [["900", nine hundred]]'),
    ),
    "empty-text": (
        "No value is empty.",
        "An empty value would stand in the teacher's prompt as nothing at all.",
        (QNA, 'domain: " "', "domain: geography"),
    ),
    "too-few": (
        "There are as many examples as the schema asks for.",
        "From fewer examples a teacher does not see what they have in common.",
        (
            QNA,
            "answer: Then They grow barley.",
            "answer: Then They grow barley.\n      - question: What is said of They last?\n"
            "        answer: Last They grow barley.",
        ),
    ),
    "repeated-item": (
        "No example stands twice.",
        "A repeated example adds nothing, and makes the leaf look larger than it is.",
        (
            QNA,
            "question: What is said of Oru first?\n        answer: First Oru is",
            "question: What is said of Oru then?\n        answer: Then Oru is",
        ),
    ),
}  # fmt: skip


def _told_as(name: str) -> None:
    doc, why, example = _RULES[name]

    @leaf_rule(name, Severity.ERROR, doc, why, Example(*example))
    def found(leaf: LeafView) -> Problems:
        return ((file, problem) for file, problem in leaf.problems if problem.rule == name)


for _name in _RULES:
    _told_as(_name)
