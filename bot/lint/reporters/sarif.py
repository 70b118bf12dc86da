"""Findings as SARIF 2.1.0, for GitHub code scanning and editors.

The output stays within GitHub's limits: 1,024 characters per text, and 25,000 results per run.
https://docs.github.com/en/code-security/code-scanning/integrating-with-code-scanning/sarif-support-for-code-scanning
"""

import json
from collections import Counter
from collections.abc import Sequence
from hashlib import blake2b
from typing import Any
from urllib.parse import quote

from bot.lint.explain import explain
from bot.lint.findings import Finding
from bot.lint.report import Report
from bot.lint.rule_links import rule_link, rules_page
from bot.lint.rules import RULES

SCHEMA = "https://docs.oasis-open.org/sarif/sarif/v2.1.0/errata01/os/schemas/sarif-schema-2.1.0.json"
MAX_TEXT = 1000
ROOT = "%SRCROOT%"

_LEVEL = {"error": "error", "warning": "warning", "info": "note"}


def render(report: Report) -> str:
    """Render a SARIF log with one run."""
    from bot.core.version import version  # imported here because it is slow to load

    # Profiles report findings under rule names that are not in RULES.
    names = sorted({*RULES, *(finding.rule for finding in report.findings)})
    index = {name: position for position, name in enumerate(names)}
    driver = {"name": "arborist", "version": version(), "rules": [_rule(name) for name in names]}
    run = {
        "tool": {"driver": driver},
        "columnKind": "unicodeCodePoints",
        "originalUriBaseIds": {ROOT: {"description": {"text": "The repository's root."}}},
        "results": [
            {**_result(finding, index), "partialFingerprints": {"arborist/v1": fingerprint}}
            for finding, fingerprint in zip(report.findings, _fingerprints(report.findings), strict=True)
        ],
    }
    log = {"$schema": SCHEMA, "version": "2.1.0", "runs": [run]}
    return json.dumps(log, indent=1, ensure_ascii=False) + "\n"


def _rule(name: str) -> dict[str, Any]:
    rule = RULES.get(name)
    if rule is None:
        return {"id": name}
    link = rule_link(name, rules_page())
    return {
        "id": name,
        **({"helpUri": link} if link else {}),
        "shortDescription": {"text": rule.doc},
        "fullDescription": {"text": _text(f"{rule.doc} {rule.why}")},
        "help": {
            "text": f"{rule.why} `arborist rule {name}` shows an example.",
            "markdown": explain(name),
        },
        "defaultConfiguration": {"level": _LEVEL[rule.severity]},
    }


def _result(finding: Finding, index: dict[str, int]) -> dict[str, Any]:
    message = f"{finding.message}\n{finding.help}" if finding.help else finding.message
    location = {
        "artifactLocation": {"uri": quote(finding.path, errors="replace"), "uriBaseId": ROOT},
        "region": _region(finding),
    }
    return {
        "ruleId": finding.rule,
        "ruleIndex": index[finding.rule],
        "level": _LEVEL[finding.severity],
        "message": {"text": _text(message)},
        "locations": [{"physicalLocation": location}],
    }


def _region(finding: Finding) -> dict[str, int]:
    """Return a finding's region; without an end, SARIF assumes the end of the line."""
    region = {"startLine": finding.line, "startColumn": finding.column}
    if finding.end_line and finding.end_line >= finding.line:
        region["endLine"] = finding.end_line
        if finding.end_column and (finding.end_line, finding.end_column) >= (finding.line, finding.column):
            region["endColumn"] = finding.end_column
    return region


def _fingerprints(findings: Sequence[Finding]) -> list[str]:
    """Return fingerprints that do not change when lines above are added or removed; duplicates get a number.

    They are not stored as primaryLocationLineHash, because GitHub's upload action computes that itself and
    warns if the value differs.
    """
    seen: Counter[str] = Counter()
    made = []
    for finding in findings:
        content = json.dumps([finding.rule, finding.path, finding.source.strip(), finding.message])
        digest = blake2b(content.encode(), digest_size=8).hexdigest()
        seen[digest] += 1
        made.append(f"{digest}:{seen[digest]}")
    return made


def _text(text: str) -> str:
    """Return the text shortened to MAX_TEXT characters, with unpaired surrogates replaced."""
    short = text if len(text) <= MAX_TEXT else f"{text[: MAX_TEXT - 1]}…"
    return short.encode(errors="replace").decode()
