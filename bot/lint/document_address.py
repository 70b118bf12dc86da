"""Detection of web addresses that are no Git repository, by their shape alone; needs no network."""

import re
from urllib.parse import urlsplit

GITHUB = ("github.com", "www.github.com", "codeberg.org", "bitbucket.org")
"""Hosts where a repository is always /owner/name."""
GITLAB = ("gitlab.com",)
"""Hosts where a repository is /owner/name, or deeper in subgroups."""
_SHOWN_FILES = ("raw.githubusercontent.com", "gist.githubusercontent.com", "cdn.jsdelivr.net")
_PAGES = (
    "wikipedia.org",
    "wikimedia.org",
    "wikisource.org",
    "wikibooks.org",
    "w3.org",
    "fandom.com",
    "arxiv.org",
)
_BROWSE = ("tree", "blob", "raw", "edit", "blame", "commit", "commits", "src", "resolve")
_PAGE_FILE = re.compile(r"\.(?:html?|php|aspx?|pdf|md|txt|docx?|rst)$", re.IGNORECASE)
REPOSITORY = "write the address that `git clone` takes: https://host/owner/name.git"


def wrong_address(url: str) -> tuple[str, str] | None:
    """Return why an https URL cannot be the address of a Git repository, and what to write instead.

    Returns:
        None if the URL may be a repository.
    """
    try:
        parts = urlsplit(url)
        host, port = (parts.hostname or "").removesuffix("."), parts.port
    except ValueError:
        return None  # `check_repository` reports it
    steps = [step for step in parts.path.split("/") if step]
    if parts.scheme != "https" or not host or port not in (None, 443):
        return None
    if host in _SHOWN_FILES:
        return _one_file(host, steps)
    if any(host == page or host.endswith(f".{page}") for page in _PAGES):
        return _page("a web page")
    if host in (*GITHUB, *GITLAB) and len(steps) < 2:
        name = f"the owner {steps[0][:40]!r}" if steps else f"the host {host}"
        return f"this address names {name}, not a repository", f"add the repository's name: {REPOSITORY}"
    return _below(host, steps) or _file(steps, parts.query)


def _below(host: str, steps: list[str]) -> tuple[str, str] | None:
    """Return what is wrong with an address of something within a repository."""
    if "-" in steps[2:]:  # GitLab's separator between a repository and its pages
        place = steps.index("-", 2)
        steps = [*steps[:place], *steps[place + 1 :]]
        return _within(host, steps, place)
    if "wiki" in steps[:3]:
        return _page("a wiki page")
    end = 3 if host == "huggingface.co" and steps[:1] in (["datasets"], ["spaces"]) else 2
    if len(steps) > end and (host in GITHUB or steps[end] in _BROWSE):
        return _within(host, steps, end)
    return None


def _within(host: str, steps: list[str], end: int) -> tuple[str, str]:
    """Return how to write the address of a folder, a file or a page of a repository.

    Args:
        end: how many steps of the path name the repository.
    """
    repository = f"https://{host}/{'/'.join(steps[:end]).removesuffix('.git')}.git"
    kind = steps[end] if end < len(steps) else ""
    if kind == "wiki":
        return _page("a wiki page")
    if kind not in _BROWSE:
        return f"this address is a page of {repository}, not the repository", f"write repo: {repository}"
    # Behind `tree` or `blob` stands a branch; Gitea and Forgejo write src/branch/main.
    inside = "/".join(steps[end + 2 + (steps[end + 1 : end + 2] in (["branch"], ["tag"])) :])
    pattern = f"; name {_pattern(inside, folder=kind == 'tree')} in `patterns`" if inside else ""
    what = "folder" if kind == "tree" else "file"
    hint = f"write repo: {repository}, and the full SHA of a commit as commit{pattern}"
    return f"this address shows a {what} in the browser; it is not a repository", hint


def _pattern(inside: str, *, folder: bool) -> str:
    name = inside[:100]
    return f"{name}/*.md" if folder and not _PAGE_FILE.search(name) else name


def _one_file(host: str, steps: list[str]) -> tuple[str, str]:
    """Return how to write the address of a single file on a host that serves only such files."""
    hint = REPOSITORY
    if host == "raw.githubusercontent.com" and len(steps) > 3:
        inside = "/".join(steps[3:])
        hint = (
            f"write repo: https://github.com/{steps[0]}/{steps[1]}.git, and name {inside[:100]} in `patterns`"
        )
    return "this address is a single file, not a repository", hint


def _page(what: str) -> tuple[str, str]:
    hint = (
        "save the text as Markdown in the leaf's folder and write repo: .; name the page in attribution.txt"
    )
    return f"this address is {what}, not a Git repository", hint


def _file(steps: list[str], query: str) -> tuple[str, str] | None:
    """Return what is wrong with an address that ends as the address of a file or a query does."""
    if not steps or query or _PAGE_FILE.search(steps[-1]):
        return _page("a web page or a file")
    return None
