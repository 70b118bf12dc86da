"""Fetch an artifact of a run by GitHub's API and unpack it."""

import io
import json
import os
import sys
import urllib.parse
import urllib.request
import zipfile

NAME, API = os.environ["NAME"], os.environ["GITHUB_API_URL"]


def get(url: str) -> bytes:
    # S310: the address is the local GitHub's, by the environment that the dispatcher set.
    request = urllib.request.Request(url, headers={"Authorization": f"Bearer {os.environ['TOKEN']}"})  # noqa: S310
    with urllib.request.urlopen(request) as response:  # noqa: S310
        content: bytes = response.read()
        return content


run = f"{API}/repos/{os.environ['REPOSITORY']}/actions/runs/{os.environ['RUN_ID']}/artifacts"
found = json.loads(get(f"{run}?name={urllib.parse.quote(NAME)}"))["artifacts"]
if not found:
    sys.exit(f"the run has no artifact {NAME}")
with zipfile.ZipFile(io.BytesIO(get(found[0]["archive_download_url"]))) as archive:
    archive.extractall(os.environ["TARGET"])  # zipfile keeps every name below the target
    print(f"downloaded {NAME}: {len(archive.namelist())} files")
