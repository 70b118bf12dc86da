"""Label and assign issues and pull requests, with the events that follow."""

from collections.abc import Iterable
from typing import TYPE_CHECKING, Any

from bot.local.github import issues, pulls, shapes, timeline
from bot.local.github.auth import Caller
from bot.local.github.db import Row
from bot.local.github.errors import invalid

if TYPE_CHECKING:
    from bot.local.github.state import GitHub


def put_label(github: "GitHub", repository: Row, on: Row, name: Any) -> Row | None:
    """Put a label on an issue, and make it if the repository lacks it; no event.

    Returns:
        The label; None if it was on the issue already.
    """
    if not isinstance(name, str) or not name.strip():
        raise invalid("Label", "name")
    label = issues.label_named(github, repository, name) or github.db.insert(
        "labels", repository_id=repository["id"], name=name, color="ededed"
    )
    pair = (on["id"], label["id"])
    if github.db.one("SELECT 1 FROM issue_labels WHERE issue_id = ? AND label_id = ?", *pair):
        return None
    github.db.run("INSERT INTO issue_labels (issue_id, label_id) VALUES (?, ?)", *pair)
    return label


def add_labels(github: "GitHub", repository: Row, on: Row, names: Iterable[Any], caller: Caller) -> None:
    """Put labels on an issue; each that is new there is an event."""
    for name in names:
        label = put_label(github, repository, on, name)
        if label:
            tell_label(github, repository, on, "labeled", label, caller)


def set_labels(github: "GitHub", repository: Row, on: Row, names: list[Any], caller: Caller) -> None:
    """Make these the labels of an issue; each that comes or goes is an event."""
    keep = {str(name).lower() for name in names}
    for label in shapes.labels_of(github, repository, on):
        if label["name"].lower() not in keep:
            take_label(github, repository, on, label["id"], caller)
    add_labels(github, repository, on, names, caller)


def take_label(github: "GitHub", repository: Row, on: Row, label_id: int, caller: Caller) -> None:
    """Take a label from an issue."""
    label = github.db.one("SELECT * FROM labels WHERE id = ?", label_id)
    github.db.run("DELETE FROM issue_labels WHERE issue_id = ? AND label_id = ?", on["id"], label_id)
    if label:
        tell_label(github, repository, on, "unlabeled", label, caller)


def tell_label(github: "GitHub", repository: Row, on: Row, action: str, label: Row, caller: Caller) -> None:
    """Record and emit `labeled` or `unlabeled`."""
    issues.touch(github, on)
    shown = {"name": label["name"], "color": label["color"]}
    timeline.record(github, on, action, caller, details={"label": shown})
    more = {"label": shapes.label(github, repository, label)}
    pulls.tell_issue(github, repository, on["number"], action, caller, more)


def put_assignee(github: "GitHub", on: Row, login: Any) -> Row | None:
    """Assign an issue to a user; no event. Returns the user; None if it was assigned to them already."""
    user = github.user(str(login))
    if user is None:
        raise invalid("Issue", "assignees")
    pair = (on["id"], user["id"])
    if github.db.one("SELECT 1 FROM issue_assignees WHERE issue_id = ? AND user_id = ?", *pair):
        return None
    github.db.run("INSERT INTO issue_assignees VALUES (?, ?)", *pair)
    return user


def add_assignees(github: "GitHub", repository: Row, on: Row, logins: Iterable[Any], caller: Caller) -> None:
    """Assign an issue to users; each that is new there is an event."""
    for login in logins:
        user = put_assignee(github, on, login)
        if user:
            tell_assignee(github, repository, on, "assigned", user, caller)


def set_assignees(github: "GitHub", repository: Row, on: Row, logins: list[Any], caller: Caller) -> None:
    """Make these the assignees of an issue; each that comes or goes is an event."""
    keep = {str(login).lower() for login in logins}
    gone = [one["login"] for one in shapes.assignees_of(github, on) if one["login"].lower() not in keep]
    take_assignees(github, repository, on, gone, caller)
    add_assignees(github, repository, on, logins, caller)


def take_assignees(github: "GitHub", repository: Row, on: Row, logins: Iterable[Any], caller: Caller) -> None:
    """Take an issue from users; those whom it is not assigned to are passed over, as on GitHub."""
    assigned = {one["login"].lower() for one in shapes.assignees_of(github, on)}
    for login in logins:
        user = github.user(str(login))
        if user and user["login"].lower() in assigned:
            pair = (on["id"], user["id"])
            github.db.run("DELETE FROM issue_assignees WHERE issue_id = ? AND user_id = ?", *pair)
            tell_assignee(github, repository, on, "unassigned", user, caller)


def tell_assignee(github: "GitHub", repository: Row, on: Row, action: str, user: Row, caller: Caller) -> None:
    """Record and emit `assigned` or `unassigned`."""
    issues.touch(github, on)
    assignee = shapes.simple_user(github, user)
    assigner = shapes.simple_user(github, caller.user) if caller.user else assignee
    timeline.record(github, on, action, caller, details={"assignee": assignee, "assigner": assigner})
    pulls.tell_issue(github, repository, on["number"], action, caller, {"assignee": assignee})
