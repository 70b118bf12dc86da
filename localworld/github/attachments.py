"""Files that people attach to issues. Their address leads on to another, where the file is stored."""

import re
import secrets
from pathlib import Path

from starlette.requests import Request
from starlette.responses import FileResponse, PlainTextResponse, RedirectResponse, Response
from starlette.routing import Route

from localworld.github.state import GitHub

FOLDER = "attachments"
_NAME = re.compile(r"[\w.-]{1,100}", re.ASCII)


def attach(github: GitHub, name: str, content: bytes) -> str:
    """Store a file, as GitHub's editor does when a file is dragged into it, and return its address.

    Args:
        name: the file's name; only letters, digits, `_`, `.` and `-`.
    """
    if not _NAME.fullmatch(name):
        raise ValueError(f"{name}: not a name of an attachment")
    place = github.data / FOLDER / str(secrets.randbelow(10**8) + 1)
    place.mkdir(parents=True)
    (place / name).write_bytes(content)
    return f"{github.base_url}/user-attachments/files/{place.name}/{name}"


def routes(github: GitHub) -> list[Route]:
    """Return the routes of attached files."""

    def stored(request: Request) -> Path | None:
        number, name = str(request.path_params["number"]), request.path_params["name"]
        path = github.data / FOLDER / number / name
        return path if _NAME.fullmatch(name) and path.is_file() else None

    def lead_on(request: Request) -> Response:
        path = stored(request)
        if path is None:
            return PlainTextResponse("Not Found", 404)
        return RedirectResponse(f"/attachments-store/{path.parent.name}/{path.name}", 302)

    def serve(request: Request) -> Response:
        path = stored(request)
        return FileResponse(path) if path else PlainTextResponse("Not Found", 404)

    return [
        Route("/user-attachments/files/{number:int}/{name}", lead_on, methods=["GET"]),
        Route("/attachments-store/{number:int}/{name}", serve, methods=["GET"]),
    ]
