"""Findings as Markdown for the pull request comment: short, by file, errors first, with all text escaped."""

from collections.abc import Sequence
from itertools import groupby

from bot.lint.findings import Finding
from bot.lint.rule_links import rule_link, rules_page
from bot.text.escape_markdown import escape

FINDINGS_SHOWN = 30
CHARACTERS_SHOWN = 20_000
"""Limit for this part of the comment; GitHub allows 65,536 characters for all parts together."""
SUMMARY_CHARACTERS = 500_000

_GRAVITY = {"error": 0, "warning": 1, "info": 2}
_SIGN = {"error": "❌", "warning": "⚠️", "info": "i"}


def render(
    findings: Sequence[Finding], most: int = FINDINGS_SHOWN, room: int = CHARACTERS_SHOWN, rules: str = ""
) -> str:
    """Render findings as Markdown. They may come from an untrusted artifact, so their text is escaped.

    Args:
        most: maximum number of findings to show.
        room: maximum number of characters for the findings.
        rules: the URL of the page that explains the rules; "" for names without links.
    """
    if not findings:
        return "✅ Nothing to fix: no problems found."
    gravest = {path: min(_GRAVITY[f.severity] for f in group) for path, group in _by_path(findings)}
    ordered = sorted(
        findings, key=lambda f: (gravest[f.path], f.path, _GRAVITY[f.severity], f.line, f.column)
    )
    lines = [_headline(findings)]
    size = shown = 0
    path = ""
    for finding in ordered[:most]:
        text = [] if finding.path == path else ["", f"**{escape(finding.path, 200)}**", ""]
        text.append(_item(finding, rules))
        size += sum(len(line) + 1 for line in text)
        if size > room:
            break
        lines += text
        path = finding.path
        shown += 1
    if shown < len(ordered):
        lines += ["", f"… and {len(ordered) - shown} more. Fix the ones above to see them."]
    return "\n".join(lines)


def summarize(findings: Sequence[Finding]) -> str:
    """Render findings as Markdown for the job summary, which GitHub limits to 1 MiB."""
    text = render(findings, most=len(findings), room=SUMMARY_CHARACTERS, rules=rules_page())
    return f"{text}\n"


def _by_path(findings: Sequence[Finding]) -> "groupby[str, Finding]":
    return groupby(sorted(findings, key=lambda f: f.path), key=lambda f: f.path)


def _headline(findings: Sequence[Finding]) -> str:
    errors = sum(finding.severity == "error" for finding in findings)
    files = len({finding.path for finding in findings if finding.severity == "error" or not errors})
    where = "one file" if files == 1 else f"{files} files"
    if not errors:
        return f"✅ No errors; {_count(len(findings), 'remark')} on {where}."
    return f"❌ {_count(errors, 'thing')} to fix in {where}. Push to this branch to update this comment."


def _count(number: int, name: str) -> str:
    return f"1 {name}" if number == 1 else f"{number} {name}s"


def _item(finding: Finding, rules: str) -> str:
    place = f"line {finding.line}, column {finding.column}"
    text = f"- {_SIGN[finding.severity]} {place}: {escape(finding.message, 300)}"
    if finding.help:
        text += f"<br>**How to fix it:** {escape(finding.help, 400)}"
    name, link = escape(finding.rule, 64), rule_link(finding.rule[:64], rules)
    return f"{text} <sub>{f'[{name}]({link})' if link else name}</sub>"
