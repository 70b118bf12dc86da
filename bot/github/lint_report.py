"""The report on a pull request: validate the artifact of the unprivileged lint job and post it."""

import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from github.Repository import Repository

from bot.config.recipe import Recipe
from bot.core.errors import UserError
from bot.core.store import Store
from bot.github.checks import ANNOTATIONS_SHOWN, PLAN, CheckReport, lint_check, report_check
from bot.github.comment import Posted, find_comment, read_parts, update_comment
from bot.github.gpu_work import next_after_work, of_earlier_commits
from bot.github.lint_verdict import Verdict, judge
from bot.github.render import render
from bot.github.suggest import suggest
from bot.lint.findings import Finding
from bot.lint.report import accepted_text, read_accepted, read_report
from bot.lint.reporters.markdown import FINDINGS_SHOWN
from bot.lint.reporters.markdown import render as render_findings
from bot.lint.rule_links import rules_page
from bot.pipeline.plan import Plan, read_plan, summarize
from bot.text.escape_markdown import escape

ARTIFACT_LIMIT = 20 * 1024 * 1024
NEXT = (
    "**What comes next:** a maintainer can comment `/arborist sample` to see what the model would "
    "learn, and merges the pull request if that is good. `/arborist help` lists all commands."
)
NEXT_WITHOUT_SAMPLES = (
    "**What comes next:** a maintainer merges the pull request; the next release then follows. There is "
    "nothing to sample. `/arborist help` lists all commands."
)
_LEVEL = {"error": "failure", "warning": "warning", "info": "notice"}


def read_artifact(folder: Path, name: str) -> Any:
    """Read a JSON file of an artifact. Its content is untrusted: anybody may have written it.

    Raises:
        UserError: the file is missing, too large, a symbolic link, or not JSON.
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
    """Post the result of a lint run: the comment's parts, the checks, and suggestions on lines.

    Args:
        event: the `workflow_run` event.
        folder: the folder with the artifact's files.

    Returns:
        The comment; None if the pull request has another head or base by now, which the next run reports.
    """
    data = read_artifact(folder, "lint.json")
    findings, accepted = read_report(data), accepted_text(read_accepted(data))
    plan = read_plan(read_artifact(folder, "plan.json"))
    run = event["workflow_run"]
    verdict = judge(repository, run, plan, recipe)
    if verdict is None:
        return None
    changes = bool(plan.leaves or plan.broken)
    planned = summarize(plan, recipe, store)
    # Bots such as Dependabot do not read comments; maintainers see the check.
    if verdict.pull.user.type == "Bot" and not changes:
        posted = Posted(run["html_url"], "")
    else:
        parts = _parts(repository, verdict, plan, findings, planned, run["html_url"])
        parts["lint"] += f"\n\n{accepted}." if accepted else ""
        before = find_comment(verdict.pull)
        shown = read_parts(before.body) if before else {}
        after_work = next_after_work(shown, plan.head)
        if parts["next"] and after_work is not None:
            parts["next"] = after_work
        posted = update_comment(verdict.pull, {**of_earlier_commits(shown, plan.head), **parts})
    _tell_checks(repository, verdict, plan, findings, planned, posted.url)
    if verdict.trusted:
        suggest(verdict.pull, repository.get_commit(plan.head), findings)
    return posted


def _parts(
    repository: Repository,
    verdict: Verdict,
    plan: Plan,
    findings: Sequence[Finding],
    planned: dict[str, Any],
    url: str,
) -> dict[str, str]:
    """Return the comment's parts.

    Args:
        url: the URL of the lint run, whose summary lists all findings.
    """
    errors = any(finding.severity == "error" for finding in findings)
    lint = f"### 🔍 Lint of `{plan.head[:7]}` against {escape(plan.base_ref)} (`{plan.base[:7]}`)\n\n"
    if errors or verdict.trusted:
        lint += render_findings(findings, rules=rules_page())
    else:
        lint += "Not shown: this pull request changes the workflow that lints it."
    if len(findings) > FINDINGS_SHOWN:
        lint += f"\n\nThe summary of [this run]({url}) lists all findings."
    steering = {
        "names": verdict.steering,
        "approver": verdict.approver,
        "trusted": verdict.trusted,
        "sha": plan.head,
        "branch": repository.default_branch,
    }
    believed = verdict.trusted and (not errors or bool(plan.recipe.error))
    return {
        "steering": render("steering", **steering) if verdict.steering else "",
        "lint": lint,
        "plan": render("plan", planned=planned) if believed else "",
        "next": what_next(planned) if believed else "",
    }


def what_next(planned: dict[str, Any]) -> str:
    """Return what a maintainer can do next; empty if merging trains no new model."""
    if planned["recipe"].error:
        return ""
    if any(leaf["change"] != "deleted" for leaf in planned["changed"]):
        return NEXT
    return NEXT_WITHOUT_SAMPLES if planned["changed"] or planned["recipe"].retrains else ""


def _tell_checks(
    repository: Repository,
    verdict: Verdict,
    plan: Plan,
    findings: Sequence[Finding],
    planned: dict[str, Any],
    url: str,
) -> None:
    """Complete the checks of lint and of the plan.

    Args:
        url: the URL of the details.
    """
    errors = sum(finding.severity == "error" for finding in findings)
    conclusion, title = _lint_in_short(verdict, errors)
    if len(findings) > ANNOTATIONS_SHOWN:
        title += f" (the first {ANNOTATIONS_SHOWN} of {len(findings)} findings are shown)"
    note = {"pull": plan.pull, "base": plan.base, "stale": verdict.stale}
    name = lint_check(plan.base_ref, repository.default_branch)
    annotations = [_annotation(finding) for finding in findings]
    report_check(repository, name, plan.head, CheckReport(conclusion, title, url, annotations, note))
    if plan.recipe.error and verdict.trusted:
        short = ("failure", "arborist.yaml cannot be read; the comment says why")
    elif errors:
        short = ("neutral", "waiting until the lint errors are fixed")
    elif not verdict.trusted:
        short = ("neutral", "waiting for a maintainer")
    else:
        short = ("success", plan_in_short(planned))
    report_check(repository, PLAN, plan.head, CheckReport(*short, url))


def _lint_in_short(verdict: Verdict, errors: int) -> tuple[str, str]:
    """Return the conclusion and the title of the lint check."""
    if errors:
        return "failure", f"{errors} to fix"
    if verdict.stale:
        return "neutral", "the base has changed since this run: comment `/arborist lint` to lint again"
    if not verdict.may_be_green:
        return "action_required", "changes how the bot works: a maintainer must review and approve it"
    return "success", "everything is in order"


def plan_in_short(planned: dict[str, Any]) -> str:
    """Return the title of the plan check."""
    count = len(planned["changed"])
    if not count:
        return "the recipe changes" if planned["recipe"].retrains else "no leaf changes"
    leaves = "1 changed leaf" if count == 1 else f"{count} changed leaves"
    return f"{leaves}, {planned['to_generate']} samples to generate"


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
