"""The connection to GitHub: PyGithub, configured by the environment variables that Actions sets."""

import json
import os
from collections.abc import Iterator
from contextlib import contextmanager

import requests
from github import Auth, Github, GithubRetry
from github.GithubException import BadCredentialsException, GithubException, RateLimitExceededException
from github.Repository import Repository

from bot.core.errors import UserError

SILENCE_S = 15
"""Seconds without a byte from GitHub after which a request has failed."""
RETRIES = 5
"""How often PyGithub retries a request if GitHub is down or asks to retry later."""
LIMITED = (403, 429)
"""Status of a request that GitHub has not carried out, because there were too many."""


def configured() -> bool:
    """Return whether the environment names a repository and a token."""
    return bool(os.environ.get("GITHUB_REPOSITORY") and os.environ.get("GITHUB_TOKEN"))


def connect() -> Repository:
    """Connect to the repository GITHUB_REPOSITORY at GITHUB_API_URL with the token GITHUB_TOKEN.

    Raises:
        UserError: a variable is missing, or the server at that URL is not GitHub.
    """
    missing = [name for name in ("GITHUB_REPOSITORY", "GITHUB_TOKEN") if not os.environ.get(name)]
    if missing:
        raise UserError(f"{' and '.join(missing)} not set: name the repository (owner/name) and give a token")
    client = Github(
        base_url=os.environ.get("GITHUB_API_URL") or "https://api.github.com",
        auth=Auth.Token(os.environ["GITHUB_TOKEN"]),
        timeout=SILENCE_S,
        retry=_Retry(total=RETRIES, allowed_methods=_Retry.DEFAULT_ALLOWED_METHODS),
        per_page=100,
        lazy=True,
    )
    repository = client.get_repo(os.environ["GITHUB_REPOSITORY"])
    # PyGithub turns an HTML page (for instance a proxy's login page) into an object without attributes.
    if repository.id is None:
        raise UserError(f"{client.requester.base_url}: the answer is not from GitHub; check GITHUB_API_URL")
    return repository


def run_url(repository: str = "", run: int = 0) -> str:
    """Return the URL of a workflow run, by default of this one."""
    server = os.environ.get("GITHUB_SERVER_URL", "https://github.com")
    name = repository or os.environ.get("GITHUB_REPOSITORY", "")
    return f"{server}/{name}/actions/runs/{run or os.environ.get('GITHUB_RUN_ID', 0)}"


class _Retry(GithubRetry):
    """Retries requests, but no POST that GitHub may have carried out: what it creates would be there twice.

    The next run of the job looks at what there is, and does what is missing.
    """

    def is_retry(self, method: str, status_code: int, has_retry_after: bool = False) -> bool:
        if method == "POST":
            return status_code in LIMITED
        return bool(super().is_retry(method, status_code, has_retry_after))


@contextmanager
def github_errors(doing: str) -> Iterator[None]:
    """Convert GitHub's errors and failed connections to a UserError.

    Args:
        doing: what was being done, as in "reading pull request 7"; the message begins with it.
    """
    try:
        yield
    except BadCredentialsException:
        raise UserError(
            f"{doing}: GitHub answered 401: the token in GITHUB_TOKEN is wrong or expired"
        ) from None
    except RateLimitExceededException:
        raise UserError(f"{doing}: GitHub's rate limit is exceeded; run again in an hour") from None
    except GithubException as error:
        message = error.data.get("message") if isinstance(error.data, dict) else None
        raise UserError(f"{doing}: GitHub answered {error.status}: {message or 'no reason given'}") from None
    except json.JSONDecodeError:
        raise UserError(f"{doing}: GitHub's answer was cut short; run again") from None
    except requests.RequestException as error:
        raise UserError(f"{doing}: GitHub cannot be reached: {type(error).__name__}; run again") from None
