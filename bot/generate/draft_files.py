"""The files of a drafted leaf, with comments where a person must still write."""

import json
import shutil
from collections.abc import Sequence
from pathlib import Path

from bot.generate.draft import CONTEXTS, PAIRS, Draft
from bot.taxonomy.leaf import ExamQuestion, Seed
from bot.taxonomy.new_leaf import Source

_HEAD = """# A draft: read and correct every question and answer, and fill in the empty values.
# `arborist lint` lists what is missing.
version: 3
created_by:{author}
domain: {domain}
document_outline: {outline}
document:
  repo: .
  commit: HEAD
  patterns:
    - {name}
seed_examples:
"""
_NO_PASSAGE = "  - context:  # copy another passage from the document\n    questions_and_answers:\n"
_BLANK = "      - question:  # write a question that this passage answers\n        answer:\n"
_EXAM_HEAD = """# Held-out questions: they test the model and are never trained on.
# A draft: read and correct every question. Ask in other words than in qna.yaml.
version: 1
questions:
"""


def write_draft(draft: Draft, document: Path, folder: Path, source: Source) -> list[Path]:
    """Write a draft's files to a new folder, with a copy of the document, and return their paths."""
    folder.mkdir(parents=True)
    shutil.copyfile(document, folder / document.name)
    (folder / "qna.yaml").write_text(qna_text(draft, folder, source.author), encoding="utf-8")
    (folder / "attribution.txt").write_text(source.attribution, encoding="utf-8")
    if draft.exam:
        (folder / "exam.yaml").write_text(exam_text(draft.exam), encoding="utf-8")
    return sorted(folder.iterdir())


def qna_text(draft: Draft, folder: Path, author: str) -> str:
    """Return the text of qna.yaml; passages and questions that are missing are left blank."""
    head = _HEAD.format(
        author=f" {_quoted(author)}" if author else "  # your GitHub user name",
        domain=_quoted(folder.parent.name.replace("_", " ")),
        outline=_quoted(folder.name.replace("_", " ")),
        name=_quoted(draft.document.name),
    )
    empty = (
        "  - context:  # copy another passage from the document\n    questions_and_answers:\n"
        + PAIRS * _BLANK
    )
    return head + "".join(map(_seed, draft.seeds)) + empty * max(0, CONTEXTS - len(draft.seeds))


def _seed(seed: Seed) -> str:
    pairs = [
        f"      - question: {_quoted(pair.question)}\n        answer: {_quoted(pair.answer)}\n"
        for pair in seed.pairs
    ]
    pairs += [_BLANK] * (PAIRS - len(pairs))
    return f"  - context: {_quoted(seed.context or '')}\n    questions_and_answers:\n{''.join(pairs)}"


def exam_text(questions: Sequence[ExamQuestion]) -> str:
    """Return the text of a drafted exam.yaml."""
    return _EXAM_HEAD + "".join(
        f"  - question: {_quoted(one.question)}\n"
        f"    must_contain: [{', '.join(_quoted(word) for (word, *_) in one.marking.must_contain)}]\n"
        for one in questions
    )


def _quoted(text: str) -> str:
    return json.dumps(text, ensure_ascii=False)
