"""Cut what is used here out of GitHub's own description of its API and of its webhooks.

    python -m tests.contract.slice

fetches three npm packages (MIT) into a temporary folder with `npm pack` and writes, beside this file and
in tests/data/webhooks, only the listed operations and events with everything that they refer to. What is
only for human readers (descriptions, examples, titles) is dropped. The written files are committed; this
script is needed again only when the list or a package's version changes.
"""

import json
import subprocess
import tarfile
import tempfile
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

HERE = Path(__file__).parent
OPENAPI_FILE = HERE / "github-openapi.json"
WEBHOOKS_FILE = HERE / "github-webhooks.json"
PAYLOADS = HERE.parent / "data" / "webhooks"

OPENAPI = ("@octokit/openapi", "23.0.2")
SCHEMAS = ("@octokit/webhooks-schemas", "7.6.1")
EXAMPLES = ("@octokit/webhooks-examples", "7.6.1")

# The operations, as `tag` -> the names within it; an operationId is `tag/name`.
OPERATIONS = {
    "meta": "get root",
    "rate-limit": "get",
    "users": "get-authenticated get-by-username",
    "orgs": "get list-for-authenticated-user",
    "repos": """
        get update delete list-for-authenticated-user list-for-user list-for-org create-for-authenticated-user
        create-in-org list-forks create-fork merge-upstream list-contributors list-languages
        list-collaborators check-collaborator add-collaborator remove-collaborator
        get-collaborator-permission-level
        get-content create-or-update-file-contents delete-file get-readme get-readme-in-directory
        list-branches get-branch get-branch-protection update-branch-protection delete-branch-protection
        get-all-environments get-environment create-or-update-environment delete-an-environment
        list-deployment-branch-policies create-deployment-branch-policy get-deployment-branch-policy
        update-deployment-branch-policy delete-deployment-branch-policy
        merge list-tags download-tarball-archive download-zipball-archive
        list-commits get-commit list-pull-requests-associated-with-commit compare-commits-with-basehead
        list-branches-for-head-commit list-activities
        get-combined-status-for-ref list-commit-statuses-for-ref create-commit-status
        list-comments-for-commit create-commit-comment
        list-releases create-release generate-release-notes get-latest-release get-release-by-tag get-release
        update-release delete-release list-release-assets upload-release-asset get-release-asset
        update-release-asset delete-release-asset
        list-webhooks create-webhook get-webhook update-webhook delete-webhook ping-webhook test-push-webhook
        list-webhook-deliveries get-webhook-delivery redeliver-webhook-delivery
    """,
    "git": """
        create-blob get-blob create-commit get-commit list-matching-refs get-ref create-ref update-ref
        delete-ref create-tag get-tag create-tree get-tree
    """,
    "pulls": """
        list create get update list-files list-commits check-if-merged merge update-branch
        list-reviews create-review get-review update-review delete-pending-review submit-review dismiss-review
        list-comments-for-review list-review-comments create-review-comment list-review-comments-for-repo
        get-review-comment update-review-comment delete-review-comment create-reply-for-review-comment
        list-requested-reviewers request-reviewers remove-requested-reviewers
    """,
    "issues": """
        list-for-repo create get update list-comments create-comment list-comments-for-repo get-comment
        update-comment delete-comment list-labels-for-repo create-label get-label update-label delete-label
        list-labels-on-issue add-labels set-labels remove-label remove-all-labels
        add-assignees remove-assignees lock unlock
        list-events-for-timeline list-events list-events-for-repo get-event
    """,
    "reactions": """
        list-for-issue create-for-issue delete-for-issue
        list-for-issue-comment create-for-issue-comment delete-for-issue-comment
        list-for-pull-request-review-comment create-for-pull-request-review-comment
        delete-for-pull-request-comment
    """,
    "checks": """
        create get update list-annotations rerequest-run create-suite get-suite list-for-suite list-for-ref
        list-suites-for-ref
    """,
    "actions": """
        list-repo-workflows get-workflow create-workflow-dispatch list-workflow-runs enable-workflow
        disable-workflow
        list-workflow-runs-for-repo get-workflow-run delete-workflow-run get-workflow-run-attempt
        cancel-workflow-run force-cancel-workflow-run re-run-workflow re-run-workflow-failed-jobs
        approve-workflow-run get-workflow-run-usage
        list-jobs-for-workflow-run list-jobs-for-workflow-run-attempt get-job-for-workflow-run
        re-run-job-for-workflow-run
        download-workflow-run-logs download-workflow-run-attempt-logs download-job-logs-for-workflow-run
        list-artifacts-for-repo list-workflow-run-artifacts get-artifact download-artifact delete-artifact
        list-repo-variables create-repo-variable get-repo-variable update-repo-variable delete-repo-variable
        list-repo-secrets get-repo-public-key get-repo-secret create-or-update-repo-secret delete-repo-secret
        list-environment-variables create-environment-variable get-environment-variable
        update-environment-variable delete-environment-variable
        list-environment-secrets get-environment-public-key get-environment-secret
        create-or-update-environment-secret delete-environment-secret
        get-pending-deployments-for-run review-pending-deployments-for-run get-reviews-for-run
        list-self-hosted-runners-for-repo get-self-hosted-runner-for-repo
        delete-self-hosted-runner-from-repo create-registration-token-for-repo
        create-remove-token-for-repo
        generate-runner-jitconfig-for-repo generate-runner-jitconfig-for-org
        list-self-hosted-runners-for-org get-self-hosted-runner-for-org delete-self-hosted-runner-from-org
        list-self-hosted-runner-groups-for-org create-self-hosted-runner-group-for-org
        get-self-hosted-runner-group-for-org update-self-hosted-runner-group-for-org
        delete-self-hosted-runner-group-from-org list-self-hosted-runners-in-group-for-org
        get-github-actions-permissions-repository set-github-actions-permissions-repository
        get-github-actions-default-workflow-permissions-repository
        set-github-actions-default-workflow-permissions-repository
        get-fork-pr-contributor-approval-permissions-repository
        set-fork-pr-contributor-approval-permissions-repository
    """,
}
# The events: name -> actions; `event` stands for an event that has none.
EVENTS = {
    "check_run": "created completed rerequested",
    "check_suite": "requested completed rerequested",
    "commit_comment": "created",
    "create": "event",
    "delete": "event",
    "fork": "event",
    "issue_comment": "created edited deleted",
    "issues": "opened edited closed reopened labeled unlabeled assigned unassigned locked unlocked",
    "label": "created edited deleted",
    "member": "added removed edited",
    "merge_group": "checks_requested destroyed",
    "ping": "event",
    "pull_request": """
        opened edited synchronize closed reopened labeled unlabeled assigned unassigned converted_to_draft
        ready_for_review review_requested review_request_removed
    """,
    "pull_request_review": "submitted edited dismissed",
    "pull_request_review_comment": "created edited deleted",
    "push": "event",
    "release": "created published released prereleased edited deleted",
    "repository": "created edited deleted",
    "status": "event",
    "workflow_dispatch": "event",
    "workflow_job": "queued waiting in_progress completed",
    "workflow_run": "requested in_progress completed",
}
# Real payloads to keep: the file's name -> the number of the example among those of its event. They are
# recent ones, that have all of today's fields.
RECORDED = {
    "push": 5,
    "pull_request.opened": 14,
    "pull_request.synchronize": 22,
    "pull_request.closed": 4,
    "issue_comment.created": 4,
    "workflow_run.completed": 2,
    "merge_group.checks_requested": 1,
    "workflow_dispatch": 1,
    "check_run.created": 5,
    "check_run.completed": 3,
}

METHODS = ("get", "put", "post", "patch", "delete")
FOR_READERS = {
    "default",
    "deprecated",
    "description",
    "example",
    "examples",
    "externalDocs",
    "readOnly",
    "summary",
    "tags",
    "title",
    "tsAdditionalProperties",
    "x-github",
    "x-github-breaking-changes",
    "x-octokit",
}
# Where the keys of an object are names of the API's, not words of the schema language.
NAMED = {"properties", "definitions", "patternProperties", "schemas", "headers"}


def prune(node: Any, named: bool = False) -> Any:
    """The same schema without what is only for human readers."""
    if isinstance(node, list):
        return [prune(item) for item in node]
    if not isinstance(node, dict):
        return node
    return {
        key: value if key in ("enum", "required") else prune(value, named=key in NAMED and not named)
        for key, value in node.items()
        if named or key not in FOR_READERS
    }


def references(node: Any) -> Iterator[str]:
    """Every `$ref` in a document."""
    if isinstance(node, list):
        for item in node:
            yield from references(item)
    elif isinstance(node, dict):
        for key, value in node.items():
            if key == "$ref" and isinstance(value, str):
                yield value
            else:
                yield from references(value)


def closure(start: Any, whole: Mapping[str, Any]) -> dict[str, Any]:
    """What `start` refers to within `whole`, directly or not: JSON pointer -> pruned node."""
    found: dict[str, Any] = {}
    todo = list(references(start))
    while todo:
        pointer = todo.pop()
        if pointer not in found:
            node: Any = whole
            for part in pointer.removeprefix("#/").split("/"):
                node = node[part]
            found[pointer] = prune(node)
            todo.extend(references(found[pointer]))
    return dict(sorted(found.items()))


def slice_openapi(whole: Mapping[str, Any]) -> dict[str, Any]:
    """The listed operations of an OpenAPI description and the components that they use.

    Raises:
        LookupError: the description lacks an operation of the list.
    """
    wanted = {f"{tag}/{name}" for tag, names in OPERATIONS.items() for name in names.split()}
    paths: dict[str, dict[str, Any]] = {}
    for path, item in whole["paths"].items():
        for method in METHODS:
            if method in item and item[method]["operationId"] in wanted:
                wanted.remove(item[method]["operationId"])
                paths.setdefault(path, {})[method] = prune(item[method])
    if wanted:
        raise LookupError(f"not in the description: {', '.join(sorted(wanted))}")
    components: dict[str, dict[str, Any]] = {}
    for pointer, node in closure(paths, whole).items():
        _, _, kind, name = pointer.split("/")
        components.setdefault(kind, {})[name] = node
    return {"openapi": whole["openapi"], "info": whole["info"], "paths": paths, "components": components}


def slice_webhooks(whole: Mapping[str, Any]) -> dict[str, Any]:
    """The listed events of the webhooks' JSON Schema and the definitions that they use."""
    names = [f"{event}${action}" for event, actions in EVENTS.items() for action in actions.split()]
    events = {name: prune(whole["definitions"][name]) for name in names}
    used = {pointer.rpartition("/")[2]: node for pointer, node in closure(events, whole).items()}
    return {"$schema": whole["$schema"], "definitions": {**events, **used}}


def fetch(package: tuple[str, str], member: str, folder: Path) -> tuple[Any, str]:
    """A JSON file of an npm package, and the package's licence."""
    packed = subprocess.run(
        ["npm", "pack", "--silent", "@".join(package)], cwd=folder, check=True, capture_output=True, text=True
    )
    with tarfile.open(folder / packed.stdout.strip()) as archive:
        read = {
            name: archive.extractfile(f"package/{name}").read().decode()  # type: ignore[union-attr]
            for name in (member, "LICENSE")
            if f"package/{name}" in archive.getnames()
        }
    return json.loads(read[member]), read.get("LICENSE", "")


def write(path: Path, document: Mapping[str, Any]) -> None:
    """Write JSON with a line for each entry of the second level, so that a change can be read in a diff."""
    sections = []
    for key, value in document.items():
        if not isinstance(value, dict):
            sections.append(f"{json.dumps(key)}:{json.dumps(value)}")
            continue
        lines = [f"{json.dumps(k)}:{json.dumps(v, separators=(',', ':'))}" for k, v in value.items()]
        sections.append(f"{json.dumps(key)}:{{\n" + ",\n".join(lines) + "\n}")
    path.write_text("{" + ",\n".join(sections) + "}\n")


def main() -> None:
    """Fetch the packages and write the slices, the example payloads and the licences."""
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        described, licence = fetch(OPENAPI, "generated/api.github.com.json", folder)
        schemas, _ = fetch(SCHEMAS, "schema.json", folder)
        examples, _ = fetch(EXAMPLES, "api.github.com/index.json", folder)
    write(OPENAPI_FILE, slice_openapi(described))
    write(WEBHOOKS_FILE, slice_webhooks(schemas))
    PAYLOADS.mkdir(parents=True, exist_ok=True)
    events = {event["name"]: event["examples"] for event in examples}
    for name, number in RECORDED.items():
        payload = events[name.partition(".")[0]][number]
        (PAYLOADS / f"{name}.json").write_text(json.dumps(payload, indent=1, ensure_ascii=False) + "\n")
    sources = ", ".join("@".join(package) for package in (OPENAPI, SCHEMAS, EXAMPLES))
    (HERE / "LICENSE").write_text(f"The JSON files here are cut from npm {sources}.\n\n{licence}")
    (PAYLOADS / "LICENSE").write_text(f"The payloads here are from npm {'@'.join(EXAMPLES)}.\n\n{licence}")


if __name__ == "__main__":
    main()
