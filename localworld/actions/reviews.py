"""GitHub's REST API for pending deployments of a run and for their reviews."""

from typing import Any

from starlette.responses import Response
from starlette.routing import BaseRoute

from localworld.actions.dispatcher import Dispatcher
from localworld.github import environments, shapes
from localworld.github.clock import now
from localworld.github.db import Row
from localworld.github.errors import ApiError, invalid, not_found
from localworld.github.http import Call, RateCounter, api_routes

RUN = "/repos/{owner}/{repo}/actions/runs/{run}"


class Reviews:
    """The routes; they only update deployments, and the gates of waiting jobs poll for the decision."""

    def __init__(self, dispatcher: Dispatcher) -> None:
        self.github = dispatcher.github

    def routes(self) -> list[BaseRoute]:
        """Return the routes."""
        table = (
            ("GET", f"{RUN}/pending_deployments", self.pending),
            ("POST", f"{RUN}/pending_deployments", self.review),
            ("GET", f"{RUN}/approvals", self.approvals),
        )
        return [*api_routes(self.github, table, RateCounter())]

    def pending(self, call: Call) -> Response:
        """List the environments that a run's jobs wait for; the list is not paginated."""
        repository, run = self._run(call)
        shown: dict[int, dict[str, Any]] = {}
        for deployment in self._waiting(run):
            environment = self._environment(deployment)
            shown.setdefault(environment["id"], self._pending(call, repository, run, deployment, environment))
        return call.reply(list(shown.values()))

    def review(self, call: Call) -> Response:
        """Approve or reject a run's jobs that wait for the given environments."""
        repository, run = self._run(call)
        call.require(repository, "read", "deployments")
        fields = call.fields()
        wanted, state = fields.get("environment_ids"), fields.get("state")
        if not isinstance(wanted, list) or not wanted:
            raise invalid("Deployment", "environment_ids")
        if state not in ("approved", "rejected"):
            raise invalid("Deployment", "state")
        if not isinstance(fields.get("comment"), str):
            raise invalid("Deployment", "comment")
        chosen = [one for one in self._waiting(run) if one["environment_id"] in wanted]
        if {one["environment_id"] for one in chosen} != set(wanted):
            raise ApiError(422, "No pending deployment requests to approve or reject")
        for deployment in chosen:
            if not self._may_review(call, run, self._environment(deployment)):
                raise ApiError(422, "You are not allowed to review this deployment")
        values = {"state": state, "reviewer": call.caller.login, "comment": fields["comment"]}
        for deployment in chosen:
            self.github.db.update("deployments", deployment["id"], **values, updated_at=now())
        return call.reply([self._deployment(repository, run, one) for one in chosen])

    def approvals(self, call: Call) -> Response:
        """List the reviews of a run, newest first; the list is not paginated."""
        repository, run = self._run(call)
        query = "SELECT * FROM deployments WHERE run_id = ? AND reviewer IS NOT NULL ORDER BY id DESC"
        return call.reply([self._approval(repository, one) for one in self.github.db.all(query, run["id"])])

    def _run(self, call: Call) -> tuple[Row, Row]:
        repository = call.repository()
        query = "SELECT * FROM workflow_runs WHERE id = ? AND repository = ?"
        run = self.github.db.one(query, call.number("run"), repository["full_name"])
        if run is None:
            raise not_found()
        return repository, run

    def _waiting(self, run: Row) -> list[Row]:
        query = "SELECT * FROM deployments WHERE run_id = ? AND run_attempt = ? AND state = 'waiting'"
        return self.github.db.all(f"{query} ORDER BY id", run["id"], run["run_attempt"])

    def _environment(self, deployment: Row) -> Row:
        query = "SELECT * FROM environments WHERE id = ?"
        environment = self.github.db.one(query, deployment["environment_id"])
        if environment is None:
            raise not_found()
        return environment

    def _may_review(self, call: Call, run: Row, environment: Row) -> bool:
        """Return whether the caller is a required reviewer, and self-review is not prevented."""
        people = {person["login"] for person in environments.reviewers(self.github, environment)}
        own = bool(environment["prevent_self_review"]) and call.caller.login == run["actor"]
        return call.caller.permissions is None and call.caller.login in people and not own

    def _pending(
        self, call: Call, repository: Row, run: Row, deployment: Row, environment: Row
    ) -> dict[str, Any]:
        """Return an object of GitHub's schema `pending-deployment`."""
        timer = environment["wait_timer"]
        return {
            "environment": environments.lite_shape(self.github, repository, environment),
            "wait_timer": timer,
            "wait_timer_started_at": deployment["created_at"] if timer else None,
            "current_user_can_approve": self._may_review(call, run, environment),
            "reviewers": environments.reviewer_shapes(self.github, environment),
        }

    def _deployment(self, repository: Row, run: Row, deployment: Row) -> dict[str, Any]:
        """Return an object of GitHub's schema `deployment`."""
        url = f"{shapes.repository_url(self.github, repository)}/deployments/{deployment['id']}"
        actor, name = self.github.user(run["actor"]), self._environment(deployment)["name"]
        return {
            "url": url,
            "id": deployment["id"],
            "node_id": shapes.node_id("DE", deployment["id"]),
            "task": "deploy",
            "original_environment": name,
            "environment": name,
            "description": None,
            "created_at": deployment["created_at"],
            "updated_at": deployment["updated_at"],
            "statuses_url": f"{url}/statuses",
            "repository_url": shapes.repository_url(self.github, repository),
            "creator": actor and shapes.simple_user(self.github, actor),
            "sha": run["head_sha"],
            "ref": run["head_branch"],
            "payload": {},
            "transient_environment": False,
            "production_environment": False,
            "performed_via_github_app": None,
        }

    def _approval(self, repository: Row, deployment: Row) -> dict[str, Any]:
        """Return an object of GitHub's schema `environment-approvals`."""
        environment, reviewer = self._environment(deployment), self.github.user(deployment["reviewer"])
        if reviewer is None:
            raise not_found()
        times = {name: environment[name] for name in ("created_at", "updated_at")}
        shown = environments.lite_shape(self.github, repository, environment)
        return {
            "state": deployment["state"],
            "comment": deployment["comment"],
            "environments": [{**shown, **times}],
            "user": shapes.simple_user(self.github, reviewer),
        }
