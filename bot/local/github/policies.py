"""Read and change what a repository lets Actions do, and decide whose workflows need approval."""

from typing import TYPE_CHECKING, Any

from bot.local.github.db import Row
from bot.local.github.shapes.git import user_of

if TYPE_CHECKING:
    from bot.local.github.events import Event
    from bot.local.github.state import GitHub

APPROVAL = (
    "first_time_contributors_new_to_github",
    "first_time_contributors",
    "all_external_contributors",
)


def of(github: "GitHub", repository: Row) -> Row:
    """The policies of a repository; GitHub's defaults where nothing was set."""
    github.db.run("INSERT OR IGNORE INTO policies (repository_id) VALUES (?)", repository["id"])
    found = github.db.one("SELECT * FROM policies WHERE repository_id = ?", repository["id"])
    assert found is not None  # noqa: S101  nothing deletes policies
    return found


def change(github: "GitHub", repository: Row, **values: Any) -> None:
    """Set policies of a repository, by column."""
    of(github, repository)
    assignments = ", ".join(f"{name} = ?" for name in values)
    # The columns are named by this package's code, never by a request.
    statement = f"UPDATE policies SET {assignments} WHERE repository_id = ?"  # noqa: S608
    github.db.run(statement, *values.values(), repository["id"])


def needs_approval(github: "GitHub", repository: Row, event: "Event") -> bool:
    """Whether the workflows of a pull request from a fork wait until somebody who may write approves them.

    They do if the policy applies to the author of the pull request or to who caused the event.
    """
    if not event.from_fork:
        return False
    author = event.payload["pull_request"]["user"]["login"]
    policy = of(github, repository)["approval_policy"]
    return any(_applies(github, repository, policy, login) for login in {author, event.actor})


def _applies(github: "GitHub", repository: Row, policy: str, login: str) -> bool:
    """Whether a policy of approval applies to somebody.

    A first-time contributor has had no commit and no pull request merged into the repository. How long
    GitHub counts an account as new is not documented: here every account is.
    """
    user = github.user(login)
    if user is None or _is_collaborator(github, repository, user):
        return user is None
    return policy == "all_external_contributors" or not _has_contributed(github, repository, user)


def _is_collaborator(github: "GitHub", repository: Row, user: Row) -> bool:
    pair = (repository["id"], user["id"])
    query = "SELECT 1 FROM collaborators WHERE repository_id = ? AND user_id = ?"
    return user["id"] == repository["owner_id"] or github.db.one(query, *pair) is not None


def _has_contributed(github: "GitHub", repository: Row, user: Row) -> bool:
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
