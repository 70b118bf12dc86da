"""Links to the documentation of the lint rules, in the repository that the running code comes from."""

import re
from functools import cache

from bot.core.version import commit, git, installed_from

_ADDRESS = re.compile(
    r"(?:ssh://)?git@(?P<ssh>[\w.-]+)[:/](?P<path>[\w./~-]+)"
    r"|(?P<scheme>https?)://(?:[^/@]+@)?(?P<host>[\w.:-]+)/(?P<rest>[\w./~-]+)"
)
_NAME = re.compile(r"[a-z]+(?:-[a-z]+)*")


@cache
def rules_page() -> str:
    """Return the URL of docs/rules.md at the running code's commit; "" if its repository is unknown."""
    place = web_address(git("remote", "get-url", "origin") or str(installed_from().get("url", "")))
    return f"{place}/blob/{commit() or 'HEAD'}/docs/rules.md" if place else ""


def web_address(remote: str) -> str:
    """Return the web address of a Git remote, without credentials; "" for a folder or an unknown format."""
    found = _ADDRESS.fullmatch(remote)
    if not found:
        return ""
    host, path = found["host"] or found["ssh"], found["rest"] or found["path"]
    return f"{found['scheme'] or 'https'}://{host}/{path.removesuffix('/').removesuffix('.git')}"


def rule_link(name: str, page: str) -> str:
    """Return the URL of a rule's documentation; "" if there is no page, or if the name is no rule's name."""
    return f"{page}#{name}" if page and _NAME.fullmatch(name) else ""
