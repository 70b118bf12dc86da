"""GitHub Actions for the local world: events start the repository's workflow files, act runs them.

    dispatcher   events in, runs out: which files an event starts, which run goes when
    events       which commit's files count, what changed, concurrency groups
    runner       one run: act in a folder of its own, and its end
    prepare      what act is given: each job first asks (gate) to be let in
    admission    what a job is told: labels, groups, timeouts, permissions of the token
    machines     what a job finds on its machine: PATH, home folder, tool cache, work folder
    results      jobs, steps, check runs, annotations, logs
    places       which file a job is in, and its name
    deployments  jobs of an environment: its rules, secrets and variables; reviews, the REST API of these
    oidc, claims ID tokens of jobs
    api, artifacts, runners, settings: REST

What is act's and differs from GitHub: after a called workflow failed, jobs that need it do not run, not even
with `if: always()`; a cancelled job counts as failed in `needs`; `container`, `services` and `queue` of
`concurrency` are refused; no job is isolated from anything else on the machine. A job of an environment must
name each secret and variable that it reads; those that the workflow's own `env` reads are the repository's.
"""

from collections.abc import Mapping
from pathlib import Path

from starlette.routing import BaseRoute

from bot.local.actions.api import Api
from bot.local.actions.dispatcher import Dispatcher
from bot.local.actions.machines import Machines, Setting
from bot.local.actions.reviews import Reviews
from bot.local.actions.settings import put
from bot.local.github.state import GitHub


class Actions:
    """The dispatcher and its part of the REST API.

    Args:
        data: where runs leave their logs and artifacts.
        environment: what all jobs see, besides GitHub's own variables.
        own: what jobs on the lab's own machine see beside these.
        tool_cache: where jobs on GitHub's machines keep what they install; below `data` if none is named.
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
        """Begin to run what waits."""
        self._dispatcher.start()

    def stop(self) -> None:
        """End what runs."""
        self._dispatcher.stop()

    def wait_idle(self, timeout_s: float) -> None:
        """Wait until nothing runs or waits; UserError after this many seconds."""
        self._dispatcher.wait_idle(timeout_s)

    def last_line(self, run_id: int) -> str:
        """What a running run's steps printed last; empty if it does not run."""
        run = self._dispatcher.running.get(run_id)
        return run.last_line if run else ""

    def set_variable(self, repository: str, name: str, value: str) -> None:
        """Set a variable that workflows read as `vars.NAME`."""
        put(self._dispatcher, "variables", repository, 0, name, value)

    def set_secret(self, repository: str, name: str, value: str) -> None:
        """Set a secret that workflows read as `secrets.NAME`."""
        put(self._dispatcher, "secrets", repository, 0, name, value)


__all__ = ["Actions"]
