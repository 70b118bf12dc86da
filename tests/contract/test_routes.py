"""What the local GitHub serves below /api/v3 is GitHub's: no path or method of its own."""

import re

from starlette.routing import Route

from localworld.actions import Actions
from localworld.github import GitHub, create_app
from localworld.github.http import PREFIX
from tests.contract.checker import find


def test_every_route_is_an_operation_of_githubs(tmp_path):
    github = GitHub(tmp_path / "github", "http://127.0.0.1")
    actions = Actions(github, tmp_path / "actions", environment={})
    served = [
        (method, re.sub(r"\{\w+(:\w+)?\}", "1", route.path.removeprefix(PREFIX)) or "/")
        for route in create_app(github, extra_routes=actions.routes).routes
        if isinstance(route, Route) and route.path.startswith(PREFIX)
        for method in (route.methods or set()) - {"HEAD"}
    ]
    assert len(served) > 50
    unknown = [f"{method} {path}" for method, path in served if find(method, path)[0] is None]
    assert unknown == []
