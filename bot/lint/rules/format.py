"""The form of qna.yaml and exam.yaml: what the parser and the schemas find, told rule by rule."""

from bot.lint.findings import Severity
from bot.lint.rules import Problems, leaf_rule
from bot.lint.view import LeafView

_DOCS = {
    "unreadable": "Files of a leaf are regular files that can be read.",
    "yaml-encoding": "Files are UTF-8 without control characters.",
    "yaml-syntax": "Files are valid YAML.",
    "yaml-empty": "Files are not empty.",
    "yaml-documents": "A file holds one YAML document.",
    "yaml-duplicate-key": "A key stands once; YAML would keep only the last one.",
    "yaml-tag": "Values carry no tags: text, numbers, lists and mappings are enough.",
    "yaml-alias": "Aliases repeat something that is there, and not themselves; keys are not merged.",
    "yaml-limit": "Files are of a size that a person can review.",
    "wrong-version": "The version is one that exists; knowledge needs version 3.",
    "missing-key": "Every key that the schema asks for is there.",
    "unknown-key": "Only keys that the schema knows are there.",
    "wrong-type": "Lists are lists, mappings are mappings, text is text.",
    "not-text": "Text that looks like a number, a date or yes stands in quotes.",
    "empty-text": "No value is empty.",
    "too-few": "There are as many examples as the schema asks for.",
    "repeated-item": "No example and no question stands twice.",
}


def _told_as(name: str, doc: str) -> None:
    @leaf_rule(name, Severity.ERROR, doc)
    def found(leaf: LeafView) -> Problems:
        return ((file, problem) for file, problem in leaf.problems if problem.rule == name)


for _name, _doc in _DOCS.items():
    _told_as(_name, _doc)
