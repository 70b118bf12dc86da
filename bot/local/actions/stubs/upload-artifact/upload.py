"""Zip files and hand them to the server of this run's artifacts."""

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
    """The files of a path or pattern; a folder means all that is in it."""
    # glob's `**` means folders at any depth, as in the real action; pathlib's would not take absolute ones.
    paths = [Path(path) for path in glob.glob(pattern, recursive=True, include_hidden=True)]  # noqa: PTH207
    inside = {file for path in paths if path.is_dir() for file in path.rglob("*")}
    return {path.absolute() for path in {*paths, *inside} if path.is_file()}


def chosen() -> list[Path]:
    """The files of all lines of the input `path`; a line that begins with `!` takes files away."""
    files: set[Path] = set()
    for line in filter(None, map(str.strip, os.environ["TARGET"].splitlines())):
        files = files - found(line[1:]) if line.startswith("!") else files | found(line)
    if os.environ["HIDDEN"] != "true":
        here = Path.cwd()
        files = {file for file in files if not any(part.startswith(".") for part in shown(file, here).parts)}
    return sorted(files)


def shown(file: Path, folder: Path) -> Path:
    """The file's path from a folder, where it is in it."""
    return file.relative_to(folder) if file.is_relative_to(folder) else file


def root(files: list[Path]) -> Path:
    """Where paths in the archive begin: the folder that was named, or what all files have in common."""
    named = Path(os.environ["TARGET"].strip()).absolute()
    return named if named.is_dir() else Path(os.path.commonpath([file.parent for file in files]))


def send(archive: Path) -> dict[str, str]:
    """PUT the archive."""
    query = urllib.parse.urlencode({"overwrite": os.environ["OVERWRITE"]})
    # S310: the address is the local GitHub's, by the environment that the dispatcher set.
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
    """Find, zip, send; outputs as the real action's."""
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
