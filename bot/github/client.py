"""The connection to GitHub: PyGithub, told by the environment that Actions sets."""

import json
import os
from collections.abc import Iterator
from contextlib import contextmanager

import requests
from github import Auth, Github, GithubRetry
from github.GithubException import BadCredentialsException, GithubException, RateLimitExceededException
from github.Repository import Repository

from bot.errors import UserError

RETRIES = 5
"""How often PyGithub asks again where GitHub is down, or says when to."""


def configured() -> bool:
    """Whether the environment names a repository and a token."""
    return bool(os.environ.get("GITHUB_REPOSITORY") and os.environ.get("GITHUB_TOKEN"))


def connect() -> Repository:
    """The repository of GITHUB_REPOSITORY at GITHUB_API_URL, as the owner of GITHUB_TOKEN.

    Raises:
        UserError: a variable is missing, or what answers there is no GitHub.
    """
    missing = [name for name in ("GITHUB_REPOSITORY", "GITHUB_TOKEN") if not os.environ.get(name)]
    if missing:
        raise UserError(f"{' and '.join(missing)} not set: say which repository, and with which token")
    client = Github(
        base_url=os.environ.get("GITHUB_API_URL") or "https://api.github.com",
        auth=Auth.Token(os.environ["GITHUB_TOKEN"]),
        retry=GithubRetry(total=RETRIES),
        per_page=100,
        lazy=True,
    )
    repository = client.get_repo(os.environ["GITHUB_REPOSITORY"])
    # A page in place of JSON, say of a proxy that wants a login, is an object with nothing in it to PyGithub.
    if repository.id is None:
        raise UserError(f"{client.requester.base_url}: what answers there is no GitHub; see GITHUB_API_URL")
    return repository


@contextmanager
def github_errors(doing: str) -> Iterator[None]:
    """Turn what GitHub answers, or fails to answer, into one line.

    Args:
        doing: what was being done, as in "reading pull request 7".
    """
    try:
        yield
    except BadCredentialsException:
        raise UserError(f"{doing}: GitHub says 401: the token in GITHUB_TOKEN is wrong or expired") from None
    except RateLimitExceededException:
        raise UserError(f"{doing}: GitHub's rate limit is used up; run again in an hour") from None
    except GithubException as error:
        message = error.data.get("message") if isinstance(error.data, dict) else None
        raise UserError(f"{doing}: GitHub says {error.status}: {message or 'no reason given'}") from None
    except json.JSONDecodeError:
        raise UserError(f"{doing}: GitHub's answer was cut short; run again") from None
    except requests.RequestException as error:
        raise UserError(f"{doing}: GitHub cannot be reached: {type(error).__name__}; run again") from None
