"""A small taxonomy on disk, valid at first, that tests break in one place."""

import time
from pathlib import Path

from bot.lint import Report, lint_tree

KNOWLEDGE = "knowledge/geography/islands/oru"


SKILL = "compositional_skills/writing/freeform/greetings"


DOCUMENT = """# Oru

Oru is an island in the Grey Sea. Its capital is
Tamm. Nine hundred people live on Oru. They grow barley. The hill of Oru is called Sarn.
"""


QNA = """# An invented island.
version: 3
created_by: someone
domain: geography
document_outline: The island of Oru
document:
  repo: .
  commit: HEAD
  patterns:
    - oru.md
seed_examples:
""" + "".join(
    f"""  - context: {context}
    questions_and_answers:
      - question: What is said of {context.split()[0]} first?
        answer: First {context}
      - question: What is said of {context.split()[0]} then?
        answer: Then {context}
      - question: What is said of {context.split()[0]} last?
        answer: Last {context}
"""
    for context in (
        "Oru is an island in the Grey Sea.",
        "Its capital is Tamm.",
        "Nine hundred people live on Oru.",
        "They grow barley.",
        "The hill of Oru is called Sarn.",
    )
)


EXAM = """version: 1
questions:
  - question: Which sea washes Oru?
    must_contain: [Grey]
  - question: How many live on Oru?
    must_contain: [["900", nine hundred]]
"""


ATTRIBUTION = """Title of work: Oru
Link to work: oru.md
License of the work: CC-BY-4.0
Creator names: someone
"""


SKILL_QNA = """version: 2
created_by: someone
task_description: Greet a person
seed_examples:
""" + "".join(
    f"  - question: Greet {name}.\n    answer: Good day, {name}!\n"
    for name in ("Ann", "Bo", "Cy", "Di", "Ed")
)


class Tree:
    """A taxonomy's folder in which files are written and linted."""

    def __init__(self, root: Path) -> None:
        self.root = root

    def write(self, path: str, content: str | bytes) -> None:
        file = self.root / path
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_bytes(content.encode() if isinstance(content, str) else content)

    def replace(self, path: str, old: str, new: str) -> None:
        text = (self.root / path).read_text()
        assert old in text
        self.write(path, text.replace(old, new, 1))

    def lint(self, only: set[str] | None = None) -> Report:
        """Lint, which never takes long, whatever is in the tree: two seconds on a machine of its own."""
        started, since = time.process_time(), time.monotonic()
        report = lint_tree(self.root, only)
        assert time.process_time() - started < 5, "a busy machine makes it slower, but not that much"
        assert time.monotonic() - since < 60, "it waited for something"
        return report

    def rules(self) -> list[str]:
        return [finding.rule for finding in self.lint().findings]
