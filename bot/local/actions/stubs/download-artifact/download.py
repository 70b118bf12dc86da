"""Fetch artifacts and unpack them: of this run, or with a token of another run by GitHub's API."""

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
    """A redirect leads to a signed address, which wants no token."""

    def redirect_request(self, *arguments: Any) -> urllib.request.Request | None:
        request = super().redirect_request(*arguments)
        if request is not None:
            request.remove_header("Authorization")
        return request


def get(url: str, token: str) -> bytes:
    """GET; a refusal ends the step."""
    # S310: the address is the local GitHub's, by the environment that the dispatcher set.
    request = urllib.request.Request(url, headers={"Authorization": f"Bearer {token}"})  # noqa: S310
    try:
        with urllib.request.build_opener(_Signed).open(request) as response:
            content: bytes = response.read()
    except urllib.error.HTTPError as error:
        print(f"::error::{error.code} {error.read().decode(errors='replace')}")
        sys.exit(1)
    return content


def listed() -> tuple[list[dict[str, Any]], str]:
    """The artifacts there are, and the token that opens them."""
    if not TOKEN:
        token = os.environ["ACTIONS_RUNTIME_TOKEN"]
        return json.loads(get(os.environ["ACTIONS_RESULTS_URL"], token))["artifacts"], token
    run = os.environ["RUN_ID"] or os.environ["GITHUB_RUN_ID"]
    start = f"{os.environ['GITHUB_API_URL']}/repos/{os.environ['REPOSITORY']}/actions/runs/{run}/artifacts"
    return json.loads(get(f"{start}?per_page=100", TOKEN))["artifacts"], TOKEN


def main() -> None:
    """Choose, fetch, unpack: one artifact by name into the path, others each into a folder of its name."""
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
            # zipfile keeps every name below the target
            archive.extractall(target / artifact["name"] if apart else target)
            print(f"downloaded {artifact['name']}: {len(archive.namelist())} files")
    with Path(os.environ["GITHUB_OUTPUT"]).open("a") as output:
        output.write(f"download-path={target}\n")


if __name__ == "__main__":
    main()
