"""Web pages: a repository, its issues and pull requests, its checks, its commits and its files."""

from pathlib import Path
from typing import Any

from jinja2 import Environment, FileSystemLoader
from markupsafe import Markup
from starlette.concurrency import run_in_threadpool
from starlette.requests import Request
from starlette.responses import HTMLResponse, PlainTextResponse, Response
from starlette.routing import Route

from localworld.github import diff, markdown, pulls, shapes
from localworld.github.db import Row
from localworld.github.git_names import valid_path
from localworld.github.state import GitHub

_TEMPLATES = Environment(loader=FileSystemLoader(Path(__file__).parent / "templates"), autoescape=True)
# Comments and files cannot make the browser run scripts or load resources.
_HEADERS = {
    "Content-Security-Policy": "default-src 'none'; style-src 'unsafe-inline'",
    "X-Content-Type-Options": "nosniff",
}


def routes(github: GitHub) -> list[Route]:
    """Return the routes of the web pages, which show public repositories only."""
    pages = {
        "/{owner}/{repo}": _repository,
        "/{owner}/{repo}/pull/{number:int}": _issue,
        "/{owner}/{repo}/pull/{number:int}.{form}": _pull_text,
        "/{owner}/{repo}/commit/{sha}": _commit,
        "/{owner}/{repo}/issues/{number:int}": _issue,
        "/{owner}/{repo}/runs/{id:int}": _check,
        "/{owner}/{repo}/blob/{rest:path}": _file,
        "/{owner}/{repo}/raw/{rest:path}": _file,
    }

    def endpoint(page: Any) -> Any:
        def answer(request: Request) -> Response:
            parameters = request.path_params
            row = github.repository(f"{parameters['owner']}/{parameters['repo']}")
            found = None if row is None or row["private"] else page(github, row, parameters)
            return found or PlainTextResponse("Not Found", 404)

        async def serve(request: Request) -> Response:
            return await run_in_threadpool(answer, request)

        return serve

    return [Route(path, endpoint(page), methods=["GET"]) for path, page in pages.items()]


def _repository(github: GitHub, repository: Row, parameters: dict[str, Any]) -> Response:
    rows = github.db.all(
        "SELECT * FROM issues WHERE repository_id = ? ORDER BY number DESC", repository["id"]
    )
    items = [
        {"number": row["number"], "title": row["title"], "state": row["state"], "url": _path(repository, row)}
        for row in rows
    ]
    git = github.git(repository["full_name"])
    tip = git.branch(repository["default_branch"])
    return _page(
        "repository",
        repository["full_name"],
        repository,
        description=repository["description"],
        clone_url=shapes.clone_url(github, repository),
        branch=repository["default_branch"],
        items=items,
        commits=git.commits(tip, options=("--max-count=20",)) if tip else [],
    )


def _issue(github: GitHub, repository: Row, parameters: dict[str, Any]) -> Response | None:
    row = github.db.one(
        "SELECT * FROM issues WHERE repository_id = ? AND number = ?", repository["id"], parameters["number"]
    )
    if row is None:
        return None
    pull = pulls.find(github, repository, row["number"]) if row["is_pull"] else None
    return _page(
        "issue",
        f"{row['title']} #{row['number']}",
        repository,
        state="merged" if pull and pull["merged_at"] else row["state"],
        author=github.user_by_id(row["user_id"])["login"],
        labels=[label["name"] for label in shapes.labels_of(github, repository, row)],
        body=Markup(markdown.render(row["body"] or "")),  # noqa: S704  render() made it safe
        comments=_comments(github, row),
        pull=_pull(github, repository, pull) if pull else None,
    )


def _comments(github: GitHub, row: Row) -> list[dict[str, Any]]:
    """Return issue comments, review comments and reviews, in the order in which they were written."""
    kinds = (
        ("issuecomment-", "SELECT *, NULL AS place, created_at AS at FROM comments WHERE issue_id = ?"),
        (
            "discussion_r",
            "SELECT *, path || ':' || line AS place, created_at AS at "
            "FROM review_comments WHERE issue_id = ?",
        ),
        (
            "pullrequestreview-",
            "SELECT *, NULL AS place, submitted_at AS at FROM reviews "
            "WHERE issue_id = ? AND body != '' AND submitted_at NOTNULL",
        ),
    )
    found = [
        {
            "anchor": f"{anchor}{comment['id']}",
            "author": github.user_by_id(comment["user_id"])["login"],
            "created_at": comment["at"],
            "where": comment["place"],
            "body": Markup(markdown.render(comment["body"])),  # noqa: S704  render() made it safe
        }
        for anchor, query in kinds
        for comment in github.db.all(query, row["id"])
    ]
    return sorted(found, key=lambda comment: str(comment["created_at"]))


def _pull(github: GitHub, repository: Row, pull: Row) -> dict[str, Any]:
    git = github.git(repository["full_name"])
    source = github.repository_by_id(pull["head_repository_id"])["full_name"]
    checks = github.db.all(
        "SELECT MAX(id) AS id, name, status, conclusion, title FROM check_runs "
        "WHERE repository_id = ? AND head_sha = ? GROUP BY suite_id, name ORDER BY name",
        *(repository["id"], pull["head_sha"]),
    )
    base = git.merge_base(pull["base_sha"], pull["head_sha"])
    return {
        "head": f"{source}:{pull['head_ref']}",
        "base": pull["base_ref"],
        "sha": pull["head_sha"],
        "checks": [{**check, "url": f"/{repository['full_name']}/runs/{check['id']}"} for check in checks],
        "files": diff.changes(git, base, pull["head_sha"]),
    }


def _pull_text(github: GitHub, repository: Row, parameters: dict[str, Any]) -> Response | None:
    """Return a pull request's diff or patch as text."""
    git = github.git(repository["full_name"])
    query = pulls.QUERY + "WHERE repository_id = ? AND number = ?"
    row = github.db.one(query, repository["id"], parameters["number"])
    if row is None or parameters["form"] not in ("diff", "patch"):
        return None
    base = git.merge_base(row["base_sha"], row["head_sha"]) or diff.EMPTY_TREE
    text = diff.as_text if parameters["form"] == "diff" else diff.as_patch
    return PlainTextResponse(text(git, base, row["head_sha"]), headers=_HEADERS)


def _commit(github: GitHub, repository: Row, parameters: dict[str, Any]) -> Response | None:
    git = github.git(repository["full_name"])
    sha = git.resolve(parameters["sha"])
    if sha is None:
        return None
    commit = git.commit(sha)
    return _page(
        "commit",
        commit.message.partition("\n")[0] or sha,
        repository,
        commit=commit,
        files=diff.changes(git, commit.parents[0] if commit.parents else None, sha),
    )


def _check(github: GitHub, repository: Row, parameters: dict[str, Any]) -> Response | None:
    run = github.db.one(
        "SELECT * FROM check_runs WHERE id = ? AND repository_id = ?", parameters["id"], repository["id"]
    )
    if run is None:
        return None
    return _page(
        "check",
        run["name"],
        repository,
        status=run["status"],
        conclusion=run["conclusion"],
        sha=run["head_sha"],
        heading=run["title"],
        summary=Markup(markdown.render(run["summary"] or "")),  # noqa: S704  render() made it safe
        text=Markup(markdown.render(run["text"] or "")),  # noqa: S704  render() made it safe
        annotations=github.db.all("SELECT * FROM annotations WHERE check_run_id = ? ORDER BY id", run["id"]),
    )


def _file(github: GitHub, repository: Row, parameters: dict[str, Any]) -> Response | None:
    """Return a file as plain text; the ref is the shortest start of the path that names a commit."""
    git = github.git(repository["full_name"])
    parts = parameters["rest"].split("/")
    for i in range(1, len(parts)):
        sha, path = git.resolve("/".join(parts[:i])), "/".join(parts[i:])
        entry = git.entry(sha, path) if sha and valid_path(path) else None
        if entry and entry.kind == "blob":
            return PlainTextResponse(git.blob(entry.sha), headers=_HEADERS)
    return None


def _path(repository: Row, row: Row) -> str:
    return f"/{repository['full_name']}/{'pull' if row['is_pull'] else 'issues'}/{row['number']}"


def _page(template: str, title: str, repository: Row, **values: Any) -> Response:
    text = _TEMPLATES.get_template(f"{template}.html.j2").render(
        title=title, repository=repository["full_name"], **values
    )
    return HTMLResponse(text, headers=_HEADERS)
