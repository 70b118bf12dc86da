"""The local GitHub as one ASGI application: REST API, GraphQL, git over HTTP, web pages."""

from collections.abc import Sequence

from starlette.applications import Starlette
from starlette.middleware import Middleware
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import BaseRoute, Mount, Route

from localworld.github import attachments, graphql, pages, smart_http
from localworld.github.errors import ApiError, not_found
from localworld.github.http import PREFIX, RateCounter, api_routes, error_response
from localworld.github.routes import TABLES
from localworld.github.state import GitHub

METHODS = ["GET", "POST", "PUT", "PATCH", "DELETE"]


def create_app(
    github: GitHub, extra_routes: Sequence[BaseRoute] = (), middleware: Sequence[Middleware] = ()
) -> Starlette:
    """Create the ASGI application of a local GitHub.

    Args:
        github: the state that the application serves.
        extra_routes: routes that are matched before all others; Actions adds its part of the API with them.
        middleware: middleware around the whole application; tests check every request and response there.
    """
    rates = RateCounter()

    def unknown_path(request: Request) -> Response:
        return error_response(github, not_found())

    def api_error(request: Request, error: Exception) -> Response:
        assert isinstance(error, ApiError)  # noqa: S101  registered for ApiError only
        return error_response(github, error)

    return Starlette(
        routes=[
            *extra_routes,
            *(route for table in TABLES for route in api_routes(github, table, rates)),
            *graphql.routes(github, rates),
            *smart_http.routes(github),
            *attachments.routes(github),
            *pages.routes(github),
            Mount(PREFIX, Route("/{path:path}", unknown_path, methods=METHODS)),
        ],
        middleware=list(middleware),
        exception_handlers={ApiError: api_error},
    )
