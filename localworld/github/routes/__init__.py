"""The routes of the REST API, one module per area; each module's TABLE lists method, path and handler."""

from localworld.github.routes import (
    checks,
    commits,
    contents,
    environments,
    gitdata,
    hooks,
    issues,
    labels,
    people,
    policies,
    protection,
    pulls,
    releases,
    repositories,
    reviews,
    timeline,
    users,
)

# The first match wins, and names of refs may contain slashes. So check runs of a commit come before commits,
# and the protection of a branch before branches.
TABLES = tuple(
    area.TABLE
    for area in (
        users,
        repositories,
        people,
        policies,
        contents,
        gitdata,
        checks,
        protection,
        environments,
        commits,
        reviews,
        pulls,
        labels,
        timeline,
        issues,
        releases,
        hooks,
    )
)
