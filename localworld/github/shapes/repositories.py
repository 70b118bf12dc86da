"""JSON and URLs of repositories."""

from datetime import datetime
from typing import Any

from localworld.github.auth import at_least, role_of
from localworld.github.caller import Caller
from localworld.github.db import Row
from localworld.github.shapes.users import node_id, simple_user
from localworld.github.state import GitHub

# Names of the URL fields -> path (a URI template) after the repository's URL.
_URLS = {
    "archive_url": "/{archive_format}{/ref}",
    "assignees_url": "/assignees{/user}",
    "blobs_url": "/git/blobs{/sha}",
    "branches_url": "/branches{/branch}",
    "collaborators_url": "/collaborators{/collaborator}",
    "comments_url": "/comments{/number}",
    "commits_url": "/commits{/sha}",
    "compare_url": "/compare/{base}...{head}",
    "contents_url": "/contents/{+path}",
    "contributors_url": "/contributors",
    "deployments_url": "/deployments",
    "downloads_url": "/downloads",
    "events_url": "/events",
    "forks_url": "/forks",
    "git_commits_url": "/git/commits{/sha}",
    "git_refs_url": "/git/refs{/sha}",
    "git_tags_url": "/git/tags{/sha}",
    "hooks_url": "/hooks",
    "issue_comment_url": "/issues/comments{/number}",
    "issue_events_url": "/issues/events{/number}",
    "issues_url": "/issues{/number}",
    "keys_url": "/keys{/key_id}",
    "labels_url": "/labels{/name}",
    "languages_url": "/languages",
    "merges_url": "/merges",
    "milestones_url": "/milestones{/number}",
    "notifications_url": "/notifications{?since,all,participating}",
    "pulls_url": "/pulls{/number}",
    "releases_url": "/releases{/id}",
    "stargazers_url": "/stargazers",
    "statuses_url": "/statuses/{sha}",
    "subscribers_url": "/subscribers",
    "subscription_url": "/subscription",
    "tags_url": "/tags",
    "teams_url": "/teams",
    "trees_url": "/git/trees{/sha}",
}


def repository_url(github: GitHub, row: Row) -> str:
    """Return the repository's URL in the API."""
    return f"{github.api_url}/repos/{row['full_name']}"


def web_url(github: GitHub, row: Row) -> str:
    """Return the URL of the repository's web page."""
    return f"{github.base_url}/{row['full_name']}"


def clone_url(github: GitHub, row: Row) -> str:
    """Return the URL for git clone and git push."""
    return f"{web_url(github, row)}.git"


def lite_repository(github: GitHub, row: Row) -> dict[str, Any]:
    """Return a repository as within a workflow run, with the fields that all repository schemas share."""
    url = repository_url(github, row)
    return {
        "id": row["id"],
        "node_id": node_id("R", row["id"]),
        "name": row["name"],
        "full_name": row["full_name"],
        "owner": simple_user(github, github.user_by_id(row["owner_id"])),
        "private": bool(row["private"]),
        "html_url": web_url(github, row),
        "description": row["description"],
        "fork": row["parent_id"] is not None,
        "url": url,
        **{name: url + rest for name, rest in _URLS.items()},
    }


def repository(github: GitHub, row: Row, caller: Caller | None = None) -> dict[str, Any]:
    """Return the schema repository (and minimal-repository), with `permissions` if there is a caller."""
    issues = github.db.count(
        "SELECT COUNT(*) FROM issues WHERE repository_id = ? AND state = 'open'", row["id"]
    )
    forks = github.db.count("SELECT COUNT(*) FROM repositories WHERE parent_id = ?", row["id"])
    shape: dict[str, Any] = {
        **lite_repository(github, row),
        "visibility": "private" if row["private"] else "public",
        "clone_url": clone_url(github, row),
        "git_url": clone_url(github, row),
        "ssh_url": clone_url(github, row),
        "svn_url": web_url(github, row),
        "mirror_url": None,
        "homepage": None,
        "language": None,
        "license": None,
        "topics": [],
        "size": 0,
        "default_branch": row["default_branch"],
        "forks": forks,
        "forks_count": forks,
        "stargazers_count": 0,
        "watchers": 0,
        "watchers_count": 0,
        "open_issues": issues,
        "open_issues_count": issues,
        "is_template": False,
        "has_issues": True,
        "has_projects": False,
        "has_wiki": False,
        "has_pages": False,
        "has_downloads": False,
        "has_discussions": False,
        "archived": False,
        "disabled": False,
        "allow_forking": True,
        "web_commit_signoff_required": False,
        "custom_properties": {},
        "created_at": row["created_at"],
        "updated_at": row["updated_at"],
        "pushed_at": row["pushed_at"],
    }
    if caller is not None and caller.user is not None:
        shape["permissions"] = permissions(role_of(github, caller, row))
    return shape


def full_repository(github: GitHub, row: Row, caller: Caller | None = None) -> dict[str, Any]:
    """Return the schema full-repository."""
    shape = {
        **repository(github, row, caller),
        "allow_merge_commit": True,
        "allow_rebase_merge": True,
        "allow_squash_merge": True,
        "allow_auto_merge": False,
        "allow_update_branch": False,
        "delete_branch_on_merge": False,
        "subscribers_count": 0,
        "network_count": 0,
    }
    if row["parent_id"] is not None:
        parent = github.repository_by_id(row["parent_id"])
        source = parent
        while source["parent_id"] is not None:
            source = github.repository_by_id(source["parent_id"])
        shape |= {"parent": repository(github, parent), "source": repository(github, source)}
    owner = github.user_by_id(row["owner_id"])
    if owner["type"] == "Organization":
        shape["organization"] = simple_user(github, owner)
    return shape


def push_repository(github: GitHub, row: Row) -> dict[str, Any]:
    """Return a repository as in the payload of a push, where two times are Unix timestamps in seconds."""
    shape = repository(github, row)
    owner = github.user_by_id(row["owner_id"])
    seconds = {
        name: int(datetime.fromisoformat(row[name]).timestamp()) for name in ("created_at", "pushed_at")
    }
    return {
        **shape,
        **seconds,
        "owner": {**shape["owner"], "name": owner["login"], "email": owner["email"]},
        "url": web_url(github, row),
        "stargazers": 0,
        "master_branch": row["default_branch"],
    }


def permissions(role: str) -> dict[str, bool]:
    """Convert a role to the five booleans of GitHub's `permissions`."""
    names = {"admin": "admin", "maintain": "maintain", "push": "write", "triage": "triage", "pull": "read"}
    return {name: at_least(role, needed) for name, needed in names.items()}
