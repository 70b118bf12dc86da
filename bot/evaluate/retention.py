"""The retention set: general questions, which measure what a trained model has kept of the base."""

import hashlib
from functools import cache
from pathlib import Path

from bot.core.errors import UserError
from bot.evaluate.exams import ExamItem, listed
from bot.taxonomy.exam_file import marking_problems
from bot.taxonomy.parse import parse
from bot.taxonomy.parsed import Problem, first_of
from bot.taxonomy.schema import check_exam
from bot.text.detect import exam_language

SHIPPED = Path(__file__).with_name("retention.yaml")
"""English questions, most of which base models answer right."""


def retention(file: str) -> list[ExamItem]:
    """Return the retention set.

    Args:
        file: the recipe's `evaluate.general`; "" for the shipped questions.

    Raises:
        UserError: the file cannot be read, or is not in the form of an exam.yaml.
    """
    return list(_read(Path(file) if file else SHIPPED))


def retention_hash(file: str) -> str:
    """Return the SHA-256 of the file of general questions; "" for the shipped questions.

    Raises:
        UserError: the file cannot be read.
    """
    return hashlib.sha256(_content(Path(file))).hexdigest() if file else ""


@cache
def _read(path: Path) -> tuple[ExamItem, ...]:
    parsed = parse(_content(path))
    problems: list[Problem] = list(parsed.problems)
    if parsed.root:
        problems += [*check_exam(parsed), *marking_problems(parsed)]
    if problems:
        raise UserError(first_of(str(path), problems))
    questions = parsed.data["questions"]
    return tuple(listed(questions, exam_language([one["question"] for one in questions]).code))


def _content(path: Path) -> bytes:
    try:
        return path.read_bytes()
    except OSError as error:
        fix = "name a file of the repository with general questions, in the form of exam.yaml"
        raise UserError(f"evaluate.general: {path}: {error.strerror}; {fix}") from None
