"""Label and assign issues and pull requests, and emit the events."""

from collections.abc import Iterable
from typing import Any

from localworld.github import issues, pulls, shapes, timeline
from localworld.github.caller import Caller
from localworld.github.db import Row
from localworld.github.errors import invalid
from localworld.github.state import GitHub


def put_label(github: GitHub, repository: Row, on: Row, name: Any) -> Row | None:
    """Add a label to an issue without an event; create the label if the repository lacks it.

    Returns:
        The label; None if the issue had it already.

    Raises:
        ApiError: 422, the name is empty or not a string.
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


def add_labels(github: GitHub, repository: Row, on: Row, names: Iterable[Any], caller: Caller) -> None:
    """Add labels to an issue, with an event for each label that it did not have."""
    for name in names:
        label = put_label(github, repository, on, name)
        if label:
            emit_label_event(github, repository, on, "labeled", label, caller)


def set_labels(github: GitHub, repository: Row, on: Row, names: list[Any], caller: Caller) -> None:
    """Replace the labels of an issue, with an event for each label that is added or removed."""
    keep = {str(name).lower() for name in names}
    for label in shapes.labels_of(github, repository, on):
        if label["name"].lower() not in keep:
            remove_label(github, repository, on, label["id"], caller)
    add_labels(github, repository, on, names, caller)


def remove_label(github: GitHub, repository: Row, on: Row, label_id: int, caller: Caller) -> None:
    """Remove a label from an issue, with its event."""
    label = github.db.one("SELECT * FROM labels WHERE id = ?", label_id)
    github.db.run("DELETE FROM issue_labels WHERE issue_id = ? AND label_id = ?", on["id"], label_id)
    if label:
        emit_label_event(github, repository, on, "unlabeled", label, caller)


def emit_label_event(
    github: GitHub, repository: Row, on: Row, action: str, label: Row, caller: Caller
) -> None:
    """Record `labeled` or `unlabeled` in the timeline and emit the event."""
    issues.touch(github, on)
    shown = {"name": label["name"], "color": label["color"]}
    timeline.record(github, on, action, caller, details={"label": shown})
    more = {"label": shapes.label(github, repository, label)}
    pulls.emit_issue_event(github, repository, on["number"], action, caller, more)


def put_assignee(github: GitHub, on: Row, login: Any) -> Row | None:
    """Assign an issue to a user without an event.

    Returns:
        The user; None if the issue was assigned to them already.

    Raises:
        ApiError: 422, there is no such user.
    """
    user = github.user(str(login))
    if user is None:
        raise invalid("Issue", "assignees")
    pair = (on["id"], user["id"])
    if github.db.one("SELECT 1 FROM issue_assignees WHERE issue_id = ? AND user_id = ?", *pair):
        return None
    github.db.run("INSERT INTO issue_assignees VALUES (?, ?)", *pair)
    return user


def add_assignees(github: GitHub, repository: Row, on: Row, logins: Iterable[Any], caller: Caller) -> None:
    """Assign an issue to users, with an event for each new assignee."""
    for login in logins:
        user = put_assignee(github, on, login)
        if user:
            emit_assignee_event(github, repository, on, "assigned", user, caller)


def set_assignees(github: GitHub, repository: Row, on: Row, logins: list[Any], caller: Caller) -> None:
    """Replace the assignees of an issue, with an event for each one who is added or removed."""
    keep = {str(login).lower() for login in logins}
    gone = [one["login"] for one in shapes.assignees_of(github, on) if one["login"].lower() not in keep]
    remove_assignees(github, repository, on, gone, caller)
    add_assignees(github, repository, on, logins, caller)


def remove_assignees(github: GitHub, repository: Row, on: Row, logins: Iterable[Any], caller: Caller) -> None:
    """Unassign an issue from users; as on GitHub, users who are not assignees are ignored."""
    assigned = {one["login"].lower() for one in shapes.assignees_of(github, on)}
    for login in logins:
        user = github.user(str(login))
        if user and user["login"].lower() in assigned:
            pair = (on["id"], user["id"])
            github.db.run("DELETE FROM issue_assignees WHERE issue_id = ? AND user_id = ?", *pair)
            emit_assignee_event(github, repository, on, "unassigned", user, caller)


def emit_assignee_event(
    github: GitHub, repository: Row, on: Row, action: str, user: Row, caller: Caller
) -> None:
    """Record `assigned` or `unassigned` in the timeline and emit the event."""
    issues.touch(github, on)
    assignee = shapes.simple_user(github, user)
    assigner = shapes.simple_user(github, caller.user) if caller.user else assignee
    timeline.record(github, on, action, caller, details={"assignee": assignee, "assigner": assigner})
    pulls.emit_issue_event(github, repository, on["number"], action, caller, {"assignee": assignee})
