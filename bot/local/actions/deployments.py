"""Deployments: a job that names an environment waits for the environment's rules, and gets its secrets."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta

from bot.local.github import environments
from bot.local.github.clock import now
from bot.local.github.db import Row
from bot.local.github.state import Event, GitHub

REJECTED = "The deployment was rejected or didn't satisfy other protection rules."
"""GitHub's words for a job whose environment's rules did not let it begin."""
Values = Callable[[str, str, int], dict[str, str]]


@dataclass(frozen=True)
class Deployment:
    """One job's wish to deploy to an environment.

    Attributes:
        id: of its row in the table deployments.
        refusal: why the environment's branch policy does not let it begin; empty if it does.
    """

    id: int
    environment: Row
    refusal: str


class Deployments:
    """The deployments of one run.

    Args:
        run: its row in workflow_runs.
        values: the `secrets` or `variables` of a repository's environment.
    """

    def __init__(self, github: GitHub, run: Row, event: Event, values: Values) -> None:
        self.github, self.run, self.event = github, run, event
        self._values = values

    def open(self, name: str) -> Deployment:
        """A job asks for an environment, which is created where the repository has none of this name."""
        repository = self.github.repository(self.event.repository)
        if repository is None:
            raise KeyError(f"run {self.run['id']} belongs to nothing")
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
        """Whether the job may begin, and why it never may; (False, "") while it waits for a rule."""
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
        """The job has begun or ended: nobody is asked for a review any more."""
        self.github.db.run(
            "UPDATE deployments SET state = 'ended' WHERE id = ? AND state = 'waiting'", deployment.id
        )

    def outputs(self, deployment: Deployment) -> dict[str, str]:
        """The environment's secrets and variables, as outputs of the job's gate; see prepare.py."""
        found: dict[str, str] = {}
        for table, context in (("secrets", "secrets"), ("variables", "vars")):
            if not (self.event.from_fork and table == "secrets"):
                values: Mapping[str, str] = self._values(
                    table, self.event.repository, deployment.environment["id"]
                )
                found |= {f"{context}-{name}": value for name, value in values.items()}
        return found


def waited(deployment: Row, environment: Row) -> bool:
    """Whether a deployment has waited as long as its environment's wait timer says."""
    passed = datetime.fromisoformat(now()) - datetime.fromisoformat(deployment["created_at"])
    return passed >= timedelta(minutes=environment["wait_timer"])
