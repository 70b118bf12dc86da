"""The local Hub as one Starlette application, with its routes."""

from collections.abc import Mapping
from pathlib import Path

from starlette.applications import Starlette
from starlette.middleware import Middleware
from starlette.routing import Route
from starlette.types import ASGIApp, Receive, Scope, Send

from localworld.hub import collections, commits, files, lfs, listings, pages, publishers, repos, xet
from localworld.hub.auth import HubUser, Sealer
from localworld.hub.call import Handler, Hub, endpoint, upload
from localworld.hub.errors import HubError, as_response
from localworld.hub.storage import Storage


class _EncodedPath:
    """Middleware that routes on the encoded path, so that a revision (refs%2Fpr%2F1) stays one segment."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] == "http":
            scope = {**scope, "path": scope["raw_path"].decode("ascii", "replace")}
        await self._app(scope, receive, send)


def create_hub(root: Path, base_url: str, users: Mapping[str, HubUser]) -> Starlette:
    """Create a Hub for the unmodified huggingface_hub, with Git LFS and Xet.

    Args:
        root: the data folder; created if missing, reopened if it exists.
        base_url: URL at which clients reach the Hub, such as "http://127.0.0.1:41234".
        users: mapping from tokens to users.

    Raises:
        UserError: another version of the local world wrote the folder.
    """
    storage = Storage(root)
    app = Starlette(
        routes=[*_collections(), *_api(), *_transfers(), *_web("/datasets"), *_web("")],
        middleware=[Middleware(_EncodedPath)],
        exception_handlers={HubError: as_response},
    )
    app.state.hub = Hub(storage, users, base_url.rstrip("/"), Sealer(storage.secret))
    return app


def _route(method: str, path: str, handler: Handler) -> Route:
    return Route(path, endpoint(handler), methods=[method])


def _api() -> list[Route]:
    repo = "/api/{kind}/{namespace}/{name}"
    return [
        _route("POST", "/oauth/token", publishers.exchange),
        _route("GET", "/api/whoami-v2", repos.whoami),
        _route("POST", "/api/validate-yaml", repos.validate_yaml),
        _route("POST", "/api/repos/create", repos.create),
        _route("DELETE", "/api/repos/delete", repos.delete),
        _route("POST", "/api/repos/move", repos.move),
        _route("GET", repo, listings.info),
        _route("GET", repo + "/revision/{revision}", listings.info),
        _route("GET", repo + "/tree/{revision}", listings.tree),
        _route("GET", repo + "/tree/{revision}/{path:path}", listings.tree),
        _route("POST", repo + "/paths-info/{revision}", listings.paths_info),
        _route("GET", repo + "/commits/{revision}", commits.commits),
        _route("POST", repo + "/preupload/{revision}", commits.preupload),
        Route(
            repo + "/commit/{revision}",
            upload(commits.commit, commits.admit_commit, commits.COMMIT_LIMIT),
            methods=["POST"],
        ),
        _route("GET", repo + "/refs", repos.refs),
        _route("POST", repo + "/branch/{branch}", repos.create_branch),
        _route("DELETE", repo + "/branch/{branch}", repos.delete_branch),
        _route("POST", repo + "/tag/{revision}", repos.create_tag),
        _route("DELETE", repo + "/tag/{revision}", repos.delete_tag),
        _route("PUT", repo + "/settings", repos.settings),
        _route("GET", repo + "/auth-check", repos.auth_check),
        _route("GET", repo + "/xet-{scope}-token/{revision}", xet.token),
    ]


def _collections() -> list[Route]:
    one = "/api/collections/{namespace}/{slug}"
    return [
        _route("GET", "/api/collections", collections.listed),
        _route("POST", "/api/collections", collections.create),
        _route("GET", one, collections.get),
        _route("DELETE", one, collections.delete),
        _route("POST", one + "/items", collections.add_item),
        _route("DELETE", one + "/items/{item}", collections.delete_item),
    ]


def _transfers() -> list[Route]:
    cas = "/xet/{store}"
    return [
        Route("/lfs/object", upload(lfs.receive, lfs.admit, lfs.OBJECT_LIMIT), methods=["PUT"]),
        Route("/lfs/part", upload(lfs.receive_part, lfs.admit, lfs.PART_SIZE), methods=["PUT"]),
        _route("POST", "/lfs/complete", lfs.complete),
        Route(
            cas + "/v1/xorbs/default/{hash}",
            upload(xet.upload_xorb, xet.admit_upload, xet.XORB_LIMIT),
            methods=["POST"],
        ),
        Route(
            cas + "/v1/shards", upload(xet.upload_shard, xet.admit_upload, xet.SHARD_LIMIT), methods=["POST"]
        ),
        _route("GET", cas + "/v1/reconstructions/{hash}", xet.reconstruction),
        _route("GET", cas + "/data", xet.xorb_data),
    ]


def _web(prefix: str) -> list[Route]:
    repo = prefix + "/{namespace}/{name}"
    routes = [
        _route("POST", repo + ".git/info/lfs/objects/batch", lfs.batch),
        _route("GET", repo + "/resolve/{revision}/{path:path}", files.resolve_file),
        _route("GET", repo + "/raw/{revision}/{path:path}", files.raw_file),
        _route("GET", repo + "/blob/{revision}/{path:path}", files.raw_file),
        _route("GET", repo + "/tree/{revision}", pages.repository),
        _route("GET", repo + "/commit/{revision}", pages.repository),
        _route("GET", repo, pages.repository),
    ]
    return routes if prefix else [_route("GET", "/", pages.index), *routes]
