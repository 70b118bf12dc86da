"""Mechanical mends as review suggestions, which a click applies."""

import re
from collections import defaultdict
from collections.abc import Iterator, Sequence
from itertools import islice
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
    there = {(c.path, c.line, c.body) for c in pull.get_review_comments() if c.user.type == "Bot"}
    comments = list(islice(_new(pull, lines, there), MOST))
    if comments:
        body = "These can be mended by a click; what needs a person is in the comment above."
        pull.create_review(commit=commit, body=body, event="COMMENT", comments=comments)  # type: ignore[arg-type]
    return len(comments)


def _new(
    pull: PullRequest, lines: dict[tuple[str, int], Finding], there: set[tuple[str, int, str]]
) -> Iterator[dict[str, Any]]:
    """The suggestions that can be made and are not there; file by file, so that few pages are asked for."""
    of_file: defaultdict[str, list[Finding]] = defaultdict(list)
    for (path, _), finding in lines.items():
        of_file[path].append(finding)
    for file in pull.get_files():
        shown = _lines_shown(file.patch or "") if file.filename in of_file else ()
        for finding in of_file.pop(file.filename, ()):
            comment = _comment(finding)
            if finding.line in shown and (finding.path, finding.line, comment["body"]) not in there:
                yield comment
        if not of_file:
            return


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
