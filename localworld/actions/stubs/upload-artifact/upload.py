"""Zip files and upload them as an artifact of this run."""

import glob
import json
import os
import sys
import tempfile
import urllib.error
import urllib.parse
import urllib.request
import zipfile
from pathlib import Path

NAME = os.environ["NAME"]


def found(pattern: str) -> set[Path]:
    """Return the files that match a path or pattern; a folder matches all files below it."""
    # glob's `**` matches folders at any depth, like the real action; pathlib rejects absolute patterns.
    paths = [Path(path) for path in glob.glob(pattern, recursive=True, include_hidden=True)]  # noqa: PTH207
    inside = {file for path in paths if path.is_dir() for file in path.rglob("*")}
    return {path.absolute() for path in {*paths, *inside} if path.is_file()}


def chosen() -> list[Path]:
    """Return the files of all lines of the input `path`; a line that starts with `!` excludes files."""
    files: set[Path] = set()
    for line in filter(None, map(str.strip, os.environ["TARGET"].splitlines())):
        files = files - found(line[1:]) if line.startswith("!") else files | found(line)
    if os.environ["HIDDEN"] != "true":
        here = Path.cwd()
        files = {file for file in files if not any(part.startswith(".") for part in shown(file, here).parts)}
    return sorted(files)


def shown(file: Path, folder: Path) -> Path:
    """Return the file's path relative to a folder, or unchanged if the file is not below it."""
    return file.relative_to(folder) if file.is_relative_to(folder) else file


def root(files: list[Path]) -> Path:
    """Return the root of the paths in the archive: the given folder, or the files' common parent."""
    named = Path(os.environ["TARGET"].strip()).absolute()
    return named if named.is_dir() else Path(os.path.commonpath([file.parent for file in files]))


def send(archive: Path) -> dict[str, str]:
    """Upload the archive and return the server's answer; exit with an error annotation if it fails."""
    query = urllib.parse.urlencode({"overwrite": os.environ["OVERWRITE"]})
    # S310: the URL is the local GitHub's, from the environment that the dispatcher set.
    request = urllib.request.Request(  # noqa: S310
        f"{os.environ['ACTIONS_RESULTS_URL']}/{urllib.parse.quote(NAME, safe='')}?{query}",
        data=archive.read_bytes(),
        method="PUT",
        headers={"Authorization": f"Bearer {os.environ['ACTIONS_RUNTIME_TOKEN']}"},
    )
    try:
        with urllib.request.urlopen(request) as response:  # noqa: S310
            answer: dict[str, str] = json.load(response)
    except urllib.error.HTTPError as error:
        print(f"::error::{error.read().decode(errors='replace')}")
        sys.exit(1)
    return answer


def main() -> None:
    """Find, zip and upload the files; set the same outputs as the real action."""
    files = chosen()
    if not files:
        kind = {"error": "error", "ignore": "debug"}.get(os.environ["NONE_FOUND"], "warning")
        print(f"::{kind}::No files were found with the provided path: {os.environ['TARGET']}")
        sys.exit(kind == "error")
    with tempfile.TemporaryDirectory() as folder:
        archive, start = Path(folder, "artifact.zip"), root(files)
        with zipfile.ZipFile(
            archive, "w", zipfile.ZIP_DEFLATED, compresslevel=int(os.environ["LEVEL"])
        ) as made:
            for file in files:
                made.write(file, shown(file, start))
        answer = send(archive)
    run = f"{os.environ['GITHUB_SERVER_URL']}/{os.environ['GITHUB_REPOSITORY']}/actions/runs"
    with Path(os.environ["GITHUB_OUTPUT"]).open("a") as output:
        output.write(f"artifact-id={answer['id']}\nartifact-digest={answer['digest']}\n")
        output.write(f"artifact-url={run}/{os.environ['GITHUB_RUN_ID']}/artifacts/{answer['id']}\n")
    print(f"uploaded {NAME}: {len(files)} files")


if __name__ == "__main__":
    main()
