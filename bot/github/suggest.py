"""Post mechanical fixes as review suggestions, which can be applied with a click."""

import re
from collections import defaultdict
from collections.abc import Iterator, Sequence
from itertools import islice
from typing import Any

from github.Commit import Commit
from github.PullRequest import PullRequest

from bot.lint.findings import Finding
from bot.text.escape_markdown import escape

MOST = 20
"""How many suggestions one review has; the next ones follow after these are applied."""
_HUNK = re.compile(r"^@@ -\d+(?:,\d+)? \+(\d+)(?:,\d+)? @@")


def suggest(pull: PullRequest, commit: Commit, findings: Sequence[Finding]) -> int:
    """Suggest fixed lines on a pull request; earlier suggestions are not repeated.

    Args:
        commit: the head commit, to which the findings belong.

    Returns:
        The number of new suggestions.
    """
    lines: dict[tuple[str, int], Finding] = {}
    for finding in findings:
        if finding.fixed_line is not None:
            # One suggestion per line: after it is applied, the next push brings the next one.
            lines.setdefault((finding.path, finding.line), finding)
    if not lines:
        return 0
    there = {(c.path, c.line, c.body) for c in pull.get_review_comments() if c.user.type == "Bot"}
    comments = list(islice(_new(pull, lines, there), MOST))
    if comments:
        body = (
            "These fixes can be applied with a click. The bot's comment lists what you need to fix yourself."
        )
        pull.create_review(commit=commit, body=body, event="COMMENT", comments=comments)  # type: ignore[arg-type]
    return len(comments)


def _new(
    pull: PullRequest, lines: dict[tuple[str, int], Finding], there: set[tuple[str, int, str]]
) -> Iterator[dict[str, Any]]:
    """Yield the new suggestions. Files are listed only until all findings are handled, to save requests."""
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
    fixed = finding.fixed_line or ""
    # The line is untrusted: use a fence longer than any in it, so that it cannot close the code block.
    fence = "`" * max(3, 1 + max((len(run) for run in re.findall("`+", fixed)), default=0))
    text = f"{escape(finding.message, 300)} <sub>{escape(finding.rule, 64)}</sub>"
    body = f"{text}\n\n{fence}suggestion\n{fixed}\n{fence}"
    return {"path": finding.path, "line": finding.line, "side": "RIGHT", "body": body}


def _lines_shown(patch: str) -> set[int]:
    """Return the lines of the new file that a patch shows; review comments are possible only on these."""
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
