"""GitHub Actions for the local world: events start workflow files, which the program act runs.

    dispatcher   starts runs for events, schedules them and records their end
    events       workflow files, changed files and concurrency group of an event
    runner       one run: act in a folder of its own
    prepare      the workflow files for act, in which each job starts with a gate step (gate.py)
    admission    starts jobs at their gates: runner labels, concurrency groups, timeouts, token permissions
    machines     the runner machine of a job: PATH, home folder, tool cache, work folder
    jit          the just-in-time runners that are connected, and what their jobs execute
    results      jobs, steps, check runs, annotations and logs, recorded from act's output
    places       the workflow file and the display name of each job
    deployments  jobs of an environment: protection rules, secrets, variables (REST API: reviews)
    oidc, claims ID tokens of jobs
    api, artifacts, runners, settings: REST API

Differences from GitHub that act causes:

- After a called workflow fails, jobs that need it do not run, even with `if: always()`.
- In `needs`, a cancelled job counts as failed.
- `container`, `services` and `queue` of `concurrency` are not supported; jobs that use them fail.
- Jobs are not isolated from anything else on the machine.
- A job of an environment must name each secret and variable that it reads. The workflow's top-level `env`
  reads the secrets and variables of the repository, not of the environment.
"""

from collections.abc import Mapping
from pathlib import Path

from starlette.routing import BaseRoute

from localworld.actions.api import Api
from localworld.actions.dispatcher import Dispatcher
from localworld.actions.machines import Machines, Setting
from localworld.actions.reviews import Reviews
from localworld.actions.variables_and_secrets import put
from localworld.github.state import GitHub


class Actions:
    """The dispatcher and the REST API of Actions.

    Args:
        data: the folder for logs, artifacts and runner machines.
        environment: environment variables of all jobs, besides GitHub's own.
        own: additional environment variables of jobs on the self-hosted runner.
        tool_cache: the folder of the tool caches of hosted runners and of the self-hosted machine; by default
            one below `data`.
    """

    def __init__(
        self,
        github: GitHub,
        data: Path,
        *,
        environment: Mapping[str, str],
        own: Mapping[str, str] | None = None,
        tool_cache: Path | None = None,
    ) -> None:
        setting = Setting(environment, own or {}, tool_cache or data / "tool-cache")
        self._dispatcher = Dispatcher(github, data, Machines(data / "machines", setting))
        self.routes: list[BaseRoute] = [
            *Api(self._dispatcher).routes(),
            *Reviews(self._dispatcher).routes(),
            *self._dispatcher.id_tokens.routes(),
        ]

    def start(self) -> None:
        """Start running the queued workflow runs."""
        self._dispatcher.start()

    def stop(self) -> None:
        """Cancel the runs in progress and stop."""
        self._dispatcher.stop()

    def wait_idle(self, timeout_s: float) -> None:
        """Wait until all runs have completed; raise a UserError after `timeout_s` seconds."""
        self._dispatcher.wait_idle(timeout_s)

    def last_line(self, run_id: int) -> str:
        """Return the last line that the steps of a run printed; "" if the run is not in progress."""
        run = self._dispatcher.running.get(run_id)
        return run.last_line if run else ""

    def set_variable(self, repository: str, name: str, value: str) -> None:
        """Set a variable that workflows read as `vars.NAME`."""
        put(self._dispatcher, "variables", repository, 0, name, value)

    def set_secret(self, repository: str, name: str, value: str, environment: int = 0) -> None:
        """Set a secret that workflows read as `secrets.NAME`.

        Args:
            environment: the id of an environment, whose jobs alone can read it; 0 for all jobs.
        """
        put(self._dispatcher, "secrets", repository, environment, name, value)


__all__ = ["Actions"]
