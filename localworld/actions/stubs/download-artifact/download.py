"""Download and unpack artifacts: this run's, or with a token another run's through GitHub's API."""

import fnmatch
import io
import json
import os
import sys
import urllib.error
import urllib.request
import zipfile
from pathlib import Path
from typing import Any

NAME, TOKEN = os.environ["NAME"], os.environ["TOKEN"]


class _Signed(urllib.request.HTTPRedirectHandler):
    """Removes the token from a redirected request, since the signed URL grants access by itself."""

    def redirect_request(self, *arguments: Any) -> urllib.request.Request | None:
        request = super().redirect_request(*arguments)
        if request is not None:
            request.remove_header("Authorization")
        return request


def get(url: str, token: str) -> bytes:
    """Return the content of a URL; exit with an error annotation if the server refuses the request."""
    # S310: the URL is the local GitHub's, from the environment that the dispatcher set.
    request = urllib.request.Request(url, headers={"Authorization": f"Bearer {token}"})  # noqa: S310
    try:
        with urllib.request.build_opener(_Signed).open(request) as response:
            content: bytes = response.read()
    except urllib.error.HTTPError as error:
        print(f"::error::{error.code} {error.read().decode(errors='replace')}")
        sys.exit(1)
    return content


def listed() -> tuple[list[dict[str, Any]], str]:
    """Return the run's artifacts, and the token to download them."""
    if not TOKEN:
        token = os.environ["ACTIONS_RUNTIME_TOKEN"]
        return json.loads(get(os.environ["ACTIONS_RESULTS_URL"], token))["artifacts"], token
    run = os.environ["RUN_ID"] or os.environ["GITHUB_RUN_ID"]
    start = f"{os.environ['GITHUB_API_URL']}/repos/{os.environ['REPOSITORY']}/actions/runs/{run}/artifacts"
    return json.loads(get(f"{start}?per_page=100", TOKEN))["artifacts"], TOKEN


def main() -> None:
    """Download the chosen artifacts: one by name into the path, others into folders with their names."""
    artifacts, token = listed()
    pattern = os.environ["PATTERN"] or "*"
    names = {one["name"] for one in artifacts}
    chosen = names & {NAME} if NAME else set(fnmatch.filter(names, pattern))
    wanted = [one for one in artifacts if one["name"] in chosen]
    if NAME and not wanted:
        print(f"::error::Unable to download artifact(s): Artifact not found for name: {NAME}")
        sys.exit(1)
    target = Path(os.environ["TARGET"]).expanduser().absolute()
    for artifact in wanted:
        apart = not NAME and os.environ["MERGE"] != "true"
        content = get(artifact["archive_download_url"], token)
        with zipfile.ZipFile(io.BytesIO(content)) as archive:
            # zipfile extracts all files below the target, also those with absolute paths or `..`.
            archive.extractall(target / artifact["name"] if apart else target)
            print(f"downloaded {artifact['name']}: {len(archive.namelist())} files")
    with Path(os.environ["GITHUB_OUTPUT"]).open("a") as output:
        output.write(f"download-path={target}\n")


if __name__ == "__main__":
    main()
