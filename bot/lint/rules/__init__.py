"""The lint rules, grouped by what they check; importing this package registers all of them."""

from bot.lint.rule import RULES, find_rule
from bot.lint.rules import (
    attribution,
    clarity,
    copies,
    documents,
    exam,
    format,
    lost_text,
    pull,
    quality,
    questions,
    safety,
    tree,
)

__all__ = [
    "RULES",
    "attribution",
    "clarity",
    "copies",
    "documents",
    "exam",
    "find_rule",
    "format",
    "lost_text",
    "pull",
    "quality",
    "questions",
    "safety",
    "tree",
]
