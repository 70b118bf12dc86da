"""The whole GitHub as one ASGI application: the REST API, git over HTTP, pages for people."""

from collections.abc import Sequence

from starlette.applications import Starlette
from starlette.middleware import Middleware
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import BaseRoute, Mount, Route

from bot.local.github import graphql, pages, smart_http
from bot.local.github.errors import ApiError, not_found
from bot.local.github.http import PREFIX, RateCounter, api_routes, error_response
from bot.local.github.routes import TABLES
from bot.local.github.state import GitHub

METHODS = ["GET", "POST", "PUT", "PATCH", "DELETE"]


def create_app(
    github: GitHub, extra_routes: Sequence[BaseRoute] = (), middleware: Sequence[Middleware] = ()
) -> Starlette:
    """The application that serves a state.

    Args:
        extra_routes: looked at first; Actions serves its part of the API with them.
        middleware: around everything; tests check every exchange there.
    """
    rates = RateCounter()

    def nothing_here(request: Request) -> Response:
        return error_response(github, not_found())

    def refused(request: Request, error: Exception) -> Response:
        assert isinstance(error, ApiError)  # noqa: S101  it is registered for no other
        return error_response(github, error)

    return Starlette(
        routes=[
            *extra_routes,
            *(route for table in TABLES for route in api_routes(github, table, rates)),
            *graphql.routes(github, rates),
            *smart_http.routes(github),
            *pages.routes(github),
            Mount(PREFIX, Route("/{path:path}", nothing_here, methods=METHODS)),
        ],
        middleware=list(middleware),
        exception_handlers={ApiError: refused},
    )
