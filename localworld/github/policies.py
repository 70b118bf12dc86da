"""A repository's settings for Actions, including whose workflow runs need approval."""

from typing import Any

from localworld.github.db import Row
from localworld.github.event import Event
from localworld.github.shapes.git import user_of
from localworld.github.state import GitHub

APPROVAL = (
    "first_time_contributors_new_to_github",
    "first_time_contributors",
    "all_external_contributors",
)


def of(github: GitHub, repository: Row) -> Row:
    """Return the Actions settings of a repository; GitHub's defaults if none were set."""
    github.db.run("INSERT OR IGNORE INTO policies (repository_id) VALUES (?)", repository["id"])
    found = github.db.one("SELECT * FROM policies WHERE repository_id = ?", repository["id"])
    assert found is not None  # noqa: S101  nothing deletes policies
    return found


def change(github: GitHub, repository: Row, **values: Any) -> None:
    """Change Actions settings of a repository, given by column name."""
    of(github, repository)
    assignments = ", ".join(f"{name} = ?" for name in values)
    # The columns are named by this package's code, never by a request.
    statement = f"UPDATE policies SET {assignments} WHERE repository_id = ?"  # noqa: S608
    github.db.run(statement, *values.values(), repository["id"])


def needs_approval(github: GitHub, repository: Row, event: Event) -> bool:
    """Return whether the workflow runs of an event wait for approval by a user with write access.

    They do if the pull request is from a fork and the approval policy applies to its author or to the user
    who caused the event.
    """
    if not event.from_fork:
        return False
    author = event.payload["pull_request"]["user"]["login"]
    policy = of(github, repository)["approval_policy"]
    return any(_applies(github, repository, policy, login) for login in {author, event.actor})


def _applies(github: GitHub, repository: Row, policy: str, login: str) -> bool:
    """Return whether an approval policy applies to a user.

    A first-time contributor has no commit and no merged pull request in the repository. GitHub does not
    document how long it considers an account new; here every account is new.
    """
    user = github.user(login)
    if user is None or _is_collaborator(github, repository, user):
        return user is None
    return policy == "all_external_contributors" or not _has_contributed(github, repository, user)


def _is_collaborator(github: GitHub, repository: Row, user: Row) -> bool:
    pair = (repository["id"], user["id"])
    query = "SELECT 1 FROM collaborators WHERE repository_id = ? AND user_id = ?"
    return user["id"] == repository["owner_id"] or github.db.one(query, *pair) is not None


def _has_contributed(github: GitHub, repository: Row, user: Row) -> bool:
    merged = (
        "SELECT 1 FROM issues JOIN pulls USING (id) "
        "WHERE repository_id = ? AND user_id = ? AND merged_at NOTNULL"
    )
    if github.db.one(merged, repository["id"], user["id"]):
        return True
    git = github.git(repository["full_name"])
    tip = git.branch(repository["default_branch"])
    authors = {commit.author.email: commit.author for commit in git.commits(tip)} if tip else {}
    found = (user_of(github, author) for author in authors.values())
    return any(one is not None and one["id"] == user["id"] for one in found)
