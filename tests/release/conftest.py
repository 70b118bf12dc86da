"""Releases by one key, and the command that verifies them, for all tests of `arborist verify`."""

import shutil
from pathlib import Path

import pytest

from bot.cli import app
from bot.core.errors import run_program
from bot.release.release_folder import prepared
from bot.release.signature import Signer
from tests.helpers.release_key import release_key
from tests.helpers.signed_release import FILES, manifest, write_model
from tests.helpers.verified_copies import NAMES, Arborist, Releases, Told


@pytest.fixture
def arborist(capsys: pytest.CaptureFixture[str]) -> Arborist:
    """Runs `arborist verify` as the program does."""

    def run(*arguments: object) -> Told:
        capsys.readouterr()
        with pytest.raises(SystemExit) as ended:
            run_program(lambda: app(["verify", *map(str, arguments)]))
        said = capsys.readouterr()
        out = said.out.splitlines()
        assert all(line.startswith(("✔ ", "✘ ")) for line in out), said.out
        assert "Traceback" not in said.out + said.err
        return Told(int(ended.value.code or 0), out, said.err)

    return run


@pytest.fixture(scope="module")
def releases(tmp_path_factory: pytest.TempPathFactory) -> Releases:
    folder = tmp_path_factory.mktemp("releases")
    key = release_key(folder / "key")
    model = write_model(folder / "model")
    for tag in ("v2024.11.01.1", "v2024.11.01.2"):
        with prepared(model, FILES, manifest(tag, files=sorted(NAMES)), Signer({}, key.pem)) as made:
            shutil.copytree(made.folder, folder / tag)
    return Releases(folder / "v2024.11.01.1", folder / "v2024.11.01.2", key)


@pytest.fixture
def copy(releases: Releases, tmp_path: Path) -> Path:
    """A copy of the first release to change."""
    return Path(shutil.copytree(releases.first, tmp_path / "copy"))
