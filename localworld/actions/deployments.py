"""Deployments: a job with an environment waits for its protection rules, then gets its secrets."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta

from localworld.github import environments
from localworld.github.clock import now
from localworld.github.db import Row
from localworld.github.event import Event
from localworld.github.state import GitHub

REJECTED = "The deployment was rejected or didn't satisfy other protection rules."
"""GitHub's message for a job that its environment's rules rejected."""
Values = Callable[[str, str, int], dict[str, str]]


@dataclass(frozen=True)
class Deployment:
    """One job's deployment to an environment.

    Attributes:
        id: the id of its row in the table deployments.
        environment: the environment's row.
        refusal: why the environment's branch policy rejects the job; empty if it does not.
    """

    id: int
    environment: Row
    refusal: str


class Deployments:
    """The deployments of one run.

    Args:
        run: the run's row in workflow_runs.
        event: the event that started the run.
        values: returns the values of a table (`secrets` or `variables`) for a repository and an environment's
            id.
    """

    def __init__(self, github: GitHub, run: Row, event: Event, values: Values) -> None:
        self.github, self.run, self.event = github, run, event
        self._values = values

    def open(self, name: str) -> Deployment:
        """Open a deployment for a job; create the environment if the repository does not have it."""
        repository = self.github.repository(self.event.repository)
        if repository is None:
            raise KeyError(f"run {self.run['id']}: its repository does not exist")
        environment = environments.find_or_create(self.github, repository, name)
        refusal = environments.refusal(self.github, repository, environment, self.event.ref)
        moment = now()
        row = self.github.db.insert(
            "deployments",
            run_id=self.run["id"],
            run_attempt=self.run["run_attempt"],
            environment_id=environment["id"],
            state="ended" if refusal else "waiting",
            created_at=moment,
            updated_at=moment,
        )
        return Deployment(row["id"], environment, refusal)

    def verdict(self, deployment: Deployment) -> tuple[bool, str]:
        """Return whether the job may start, and why it was rejected; (False, "") while it still waits."""
        if deployment.refusal:
            return False, deployment.refusal
        row = self.github.db.one("SELECT * FROM deployments WHERE id = ?", deployment.id)
        if row is None or row["state"] in ("rejected", "ended"):
            return False, REJECTED
        reviewed = row["state"] == "approved" or not environments.reviewers(
            self.github, deployment.environment
        )
        return reviewed and waited(row, deployment.environment), ""

    def end(self, deployment: Deployment) -> None:
        """Withdraw the request for a review of a job that has started or ended."""
        self.github.db.run(
            "UPDATE deployments SET state = 'ended' WHERE id = ? AND state = 'waiting'", deployment.id
        )

    def outputs(self, deployment: Deployment) -> dict[str, str]:
        """Return the environment's secrets and variables as outputs of the job's gate; see prepare.py."""
        found: dict[str, str] = {}
        for table, context in (("secrets", "secrets"), ("variables", "vars")):
            if not (self.event.from_fork and table == "secrets"):
                values: Mapping[str, str] = self._values(
                    table, self.event.repository, deployment.environment["id"]
                )
                found |= {f"{context}-{name}": value for name, value in values.items()}
        return found


def waited(deployment: Row, environment: Row) -> bool:
    """Return whether the wait timer of a deployment's environment has elapsed."""
    passed = datetime.fromisoformat(now()) - datetime.fromisoformat(deployment["created_at"])
    return passed >= timedelta(minutes=environment["wait_timer"])
