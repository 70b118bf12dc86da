"""The REST API by area; each module's TABLE lists method, path and handler."""

from bot.local.github.routes import (
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

# The order matters where a path of one area could be read as another's: check-runs of a commit whose
# name may hold slashes come before commits, and a branch's protection before the branch.
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
