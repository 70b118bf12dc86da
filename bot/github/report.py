"""What the unprivileged lint job handed over, checked, and told on the pull request."""

import json
from pathlib import Path
from typing import Any

from github.PullRequest import PullRequest
from github.Repository import Repository

from bot.errors import UserError
from bot.github.checks import ANNOTATIONS_SHOWN, LINT, PLAN, report_check
from bot.github.comment import Posted, update_comment
from bot.github.render import render
from bot.github.suggest import suggest
from bot.lint.findings import Finding
from bot.lint.report import read_report
from bot.lint.reporters.markdown import FINDINGS_SHOWN
from bot.lint.reporters.markdown import render as render_findings
from bot.plan import Plan, read_plan, summarize
from bot.recipe import Recipe
from bot.store import Store

ARTIFACT_LIMIT = 20 * 1024 * 1024
NEXT = (
    "**What comes next:** a maintainer may comment `/arborist sample` to see what would be learnt, and "
    "merges when it is good. `/arborist help` lists what else there is."
)
_LEVEL = {"error": "failure", "warning": "warning", "info": "notice"}


def read_artifact(folder: Path, name: str) -> Any:
    """A JSON file of an artifact, which anybody may have written.

    Raises:
        UserError: it is missing, too large, a link, or not JSON.
    """
    path = folder / name
    if path.is_symlink() or not path.is_file():
        raise UserError(f"artifact: {name} is missing", code=1)
    if path.stat().st_size > ARTIFACT_LIMIT:
        raise UserError(f"artifact: {name} is larger than {ARTIFACT_LIMIT >> 20} MiB", code=1)
    try:
        return json.loads(path.read_bytes())
    except (ValueError, RecursionError):
        raise UserError(f"artifact: {name} is not JSON", code=1) from None


def report(
    repository: Repository, event: dict[str, Any], folder: Path, recipe: Recipe, store: Store
) -> Posted | None:
    """Post what a finished run of lint found: the comment's parts, the check, suggestions on lines.

    Args:
        event: the `workflow_run` event.
        folder: the artifact's files.

    Returns:
        The comment, or None when the pull request has moved on meanwhile: the next run tells.
    """
    findings = read_report(read_artifact(folder, "lint.json"))
    plan = read_plan(read_artifact(folder, "plan.json"))
    pull = _pull_of(repository, event, plan)
    if pull is None:
        return None
    errors = [finding for finding in findings if finding.severity == "error"]
    changes = any(leaf.change != "same" for leaf in plan.leaves)
    lint = f"### 🔍 Lint of `{plan.head[:7]}`\n\n{render_findings(findings)}"
    if len(findings) > FINDINGS_SHOWN:
        lint += f"\n\nAll of them are in the summary of [this run]({event['workflow_run']['html_url']})."
    planned = summarize(plan, recipe, store)
    parts = {
        "lint": lint,
        "plan": "" if errors else render("plan", planned=planned),
        "next": "" if errors or not changes else NEXT,
    }
    # Dependabot and the like read no comments; a maintainer sees the check.
    if pull.user.type == "Bot" and not changes:
        posted = Posted(event["workflow_run"]["html_url"], "")
    else:
        posted = update_comment(pull, parts)
    title = f"{len(errors)} to mend" if errors else "everything is in order"
    if len(findings) > ANNOTATIONS_SHOWN:
        title += f" (the first {ANNOTATIONS_SHOWN} of {len(findings)} findings are shown)"
    conclusion = "failure" if errors else "success"
    annotations = [_annotation(finding) for finding in findings]
    report_check(repository, LINT, plan.head, conclusion, title, posted.url, annotations)
    report_check(repository, PLAN, plan.head, *_plan_in_short(planned, bool(errors)), posted.url)
    suggest(pull, repository.get_commit(plan.head), findings)
    return posted


def _plan_in_short(planned: dict[str, Any], errors: bool) -> tuple[str, str]:
    """The conclusion and the title of the plan's check."""
    if errors:
        return "neutral", "waits for what lint found"
    count = len(planned["changed"])
    if not count:
        return "success", "no leaf changes"
    leaves = "1 changed leaf" if count == 1 else f"{count} changed leaves"
    return "success", f"{leaves}, {planned['to_generate']} samples to generate"


def _pull_of(repository: Repository, event: dict[str, Any], plan: Plan) -> PullRequest | None:
    """The pull request that the run was for; what the artifact says must agree with what GitHub says."""
    head = event["workflow_run"]["head_sha"]
    if plan.head != head:
        raise UserError(f"artifact: speaks of commit {plan.head[:7]}, but the run was for {head[:7]}", code=1)
    pull = repository.get_pull(plan.pull)
    # A fork may be gone by now; then the commit alone says whose run it was.
    source = (event["workflow_run"].get("head_repository") or {}).get("full_name")
    if pull.head.repo is not None and pull.head.repo.full_name != source:
        raise UserError(f"artifact: pull request {plan.pull} is not from {source}", code=1)
    return pull if pull.head.sha == head else None


def _annotation(finding: Finding) -> dict[str, Any]:
    message = f"{finding.message}\n{finding.help}" if finding.help else finding.message
    return {
        "path": finding.path,
        "start_line": finding.line,
        "end_line": finding.line,
        "start_column": finding.column,
        "end_column": finding.column,
        "annotation_level": _LEVEL[finding.severity],
        "title": finding.rule,
        "message": message[:4000],
    }
