"""Mechanical mends as review suggestions, which a click applies."""

import re
from collections.abc import Sequence
from typing import Any

from github.Commit import Commit
from github.PullRequest import PullRequest

from bot.lint.findings import Finding
from bot.markdown import escape

MOST = 20
"""Suggestions of one review; who applies these is shown the next."""
_HUNK = re.compile(r"^@@ -\d+(?:,\d+)? \+(\d+)(?:,\d+)? @@")


def suggest(pull: PullRequest, commit: Commit, findings: Sequence[Finding]) -> int:
    """Suggest the mended lines on a pull request; what was suggested before is not suggested again.

    Args:
        commit: the head that the findings are of.

    Returns:
        how many suggestions are new.
    """
    lines: dict[tuple[str, int], Finding] = {}
    for finding in findings:
        if finding.mended is not None:
            # One a line: after the first is applied, the next push brings the second.
            lines.setdefault((finding.path, finding.line), finding)
    if not lines:
        return 0
    shown = {(file.filename, line) for file in pull.get_files() for line in _lines_shown(file.patch or "")}
    there = {(c.path, c.line, c.body) for c in pull.get_review_comments() if c.user.type == "Bot"}
    comments = [
        comment
        for place, finding in lines.items()
        if place in shown and (*place, (comment := _comment(finding))["body"]) not in there
    ][:MOST]
    if comments:
        body = "These can be mended by a click; what needs a person is in the comment above."
        pull.create_review(commit=commit, body=body, event="COMMENT", comments=comments)  # type: ignore[arg-type]
    return len(comments)


def _comment(finding: Finding) -> dict[str, Any]:
    mended = finding.mended or ""
    # A fence longer than any in the line, which is a stranger's, so that the line cannot end it.
    fence = "`" * max(3, 1 + max((len(run) for run in re.findall("`+", mended)), default=0))
    text = f"{escape(finding.message, 300)} <sub>{escape(finding.rule, 64)}</sub>"
    body = f"{text}\n\n{fence}suggestion\n{mended}\n{fence}"
    return {"path": finding.path, "line": finding.line, "side": "RIGHT", "body": body}


def _lines_shown(patch: str) -> set[int]:
    """The lines of the new file that a patch shows; comments can stand on these only."""
    shown: set[int] = set()
    number = 0
    for line in patch.split("\n"):
        hunk = _HUNK.match(line)
        if hunk:
            number = int(hunk[1])
        elif line[:1] in ("+", " "):
            shown.add(number)
            number += 1
    return shown
