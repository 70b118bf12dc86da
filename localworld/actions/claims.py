"""The claims of a job's ID token, in the format of GitHub's OpenID Connect reference."""

from collections.abc import Collection
from dataclasses import dataclass

from localworld.actions.workflow_file import Workflow
from localworld.github.db import Row
from localworld.github.event import Event
from localworld.github.state import GitHub

IMMUTABLE_SINCE = "2026-07-15"
"""In repositories created after this date, the subject contains the ids of the owner and the repository."""


@dataclass(frozen=True)
class Identity:
    """The data of a run that the ID tokens of its jobs need.

    Attributes:
        run: the run's row in workflow_runs.
        event: the event that started the run.
        workflow: the workflow file that the event started.
        commit: the commit of this workflow file.
    """

    github: GitHub
    run: Row
    event: Event
    workflow: Workflow
    commit: str

    def claims(self, workflow: Workflow, environment: str, labels: Collection[str]) -> dict[str, str]:
        """Return the claims of a job; all values are strings.

        Args:
            workflow: the workflow file of the job, possibly a called one.
            environment: the job's environment, or "".
            labels: the labels in the job's `runs-on`.
        """
        repository = self.github.repository(self.event.repository)
        actor = self.github.user(self.event.actor)
        if repository is None or actor is None:
            raise KeyError(f"run {self.run['id']}: its repository or its actor does not exist")
        own = f"{repository['full_name']}/{self.workflow.path}@{self.event.ref}"
        called, called_commit = self._called(workflow)
        return {
            "sub": self._subject(repository, environment),
            **self._event_claims(),
            "repository": repository["full_name"],
            "repository_id": str(repository["id"]),
            "repository_owner": repository["full_name"].partition("/")[0],
            "repository_owner_id": str(repository["owner_id"]),
            "repository_visibility": "private" if repository["private"] else "public",
            "actor": actor["login"],
            "actor_id": str(actor["id"]),
            "run_id": str(self.run["id"]),
            "run_number": str(self.run["run_number"]),
            "run_attempt": str(self.run["run_attempt"]),
            "workflow": self.workflow.name,
            "workflow_ref": own,
            "workflow_sha": self.commit,
            "job_workflow_ref": called or own,
            "job_workflow_sha": called_commit or self.commit,
            "runner_environment": "self-hosted" if "self-hosted" in labels else "github-hosted",
            **({"environment": environment} if environment else {}),
        }

    def _event_claims(self) -> dict[str, str]:
        event = self.event
        pull = event.payload["pull_request"] if event.name == "pull_request" else None
        return {
            "ref": event.ref,
            "ref_type": "tag" if event.ref.startswith("refs/tags/") else "branch",
            "sha": event.sha,
            "event_name": event.name,
            "head_ref": pull["head"]["ref"] if pull else "",
            "base_ref": pull["base"]["ref"] if pull else "",
        }

    def _called(self, workflow: Workflow) -> tuple[str, str]:
        """Return the reference and the commit of a called workflow; ("", "") for the run's own workflow."""
        if workflow.path == self.workflow.path and not workflow.origin:
            return "", ""
        name, _, ref = workflow.origin.partition("@")
        if not name:
            return f"{self.event.repository}/{workflow.path}@{self.event.ref}", self.commit
        git = self.github.git(name)
        full = next((one for one in (f"refs/heads/{ref}", f"refs/tags/{ref}") if git.ref(one)), ref)
        return f"{name}/{workflow.path}@{full}", git.resolve(full) or ref

    def _subject(self, repository: Row, environment: str) -> str:
        """Return the claim `sub`, such as `repo:lab/taxonomy:environment:release`."""
        owner, _, name = repository["full_name"].partition("/")
        if repository["created_at"][:10] > IMMUTABLE_SINCE:
            owner, name = f"{owner}@{repository['owner_id']}", f"{name}@{repository['id']}"
        if environment:
            context = f"environment:{environment.replace(':', '%3A')}"
        else:
            pull = self.event.name == "pull_request"
            context = "pull_request" if pull else f"ref:{self.event.ref}"
        return f"repo:{owner}/{name}:{context}"
