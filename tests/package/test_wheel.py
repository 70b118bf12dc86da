"""A wheel, installed alone: everything that a taxonomy's owners need, with nothing of a checkout at hand."""

import os
import shutil
import zipfile
from collections.abc import Callable
from pathlib import Path

import pytest
import yaml

from tests import ROOT
from tests.package.plugin import Installed, built, run

COMMIT = "3d3c42e5aac5ba805825da76410c181273ba90b1"


@pytest.fixture(scope="module")
def handbook(installed: Installed, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A bare folder in which `arborist init` was run."""
    folder = tmp_path_factory.mktemp("handbook")
    built(run("git", "init", "-q", ".", cwd=folder, **installed.environment()))
    init = ["init", "--model", "dales/handbook", "--arborist", "lab/arborist"]
    done = installed.run(*init, cwd=folder)
    assert done.returncode == 0, done.stdout + done.stderr
    return folder


def test_site_packages_get_one_top_level_package(installed: Installed) -> None:
    code = "from importlib.metadata import files; print(*{f.parts[0] for f in files('arborist-bot')})"
    done = run(installed.python, "-c", code, cwd=installed.home, **installed.environment())
    names = {name for name in built(done).split() if "dist-info" not in name and name != ".."}
    assert names == {"bot"}


def test_type_checkers_use_its_annotations(installed: Installed) -> None:
    code = "from importlib.metadata import files; print(*map(str, files('arborist-bot')), sep='\\n')"
    done = run(installed.python, "-c", code, cwd=installed.home, **installed.environment())
    assert "bot/py.typed" in built(done).splitlines()


def test_the_local_worlds_wheel_has_its_annotations_too(
    bot_repository: Path, build_wheel: Callable[[Path, Path], Path], tmp_path: Path
) -> None:
    built(run("git", "clone", "-q", bot_repository, tmp_path / "source", cwd=tmp_path, **os.environ))
    wheel = build_wheel(tmp_path / "source" / "localworld", tmp_path / "wheel")
    assert "localworld/py.typed" in zipfile.ZipFile(wheel).namelist()


def test_it_names_the_commit_that_it_was_built_from(installed: Installed) -> None:
    said = built(installed.run("version", cwd=installed.home))
    assert said.endswith(f"+g{installed.commit[:10]}, commit {installed.commit}")


@pytest.mark.parametrize("folder", ["recipes", "runners", "schemas", ".github/workflows"])
def test_what_the_checkout_ships_is_in_it(installed: Installed, folder: str) -> None:
    code = f"from bot.core.package_files import shipped; print(shipped({folder!r}))"
    there = Path(built(run(installed.python, "-c", code, cwd=installed.home, **installed.environment())))
    assert not there.is_relative_to(ROOT)
    for file in (ROOT / folder).rglob("*.*"):
        if file.name == "ci.yml":
            assert not (there / "ci.yml").exists()
            continue
        assert (there / file.relative_to(ROOT / folder)).read_bytes() == file.read_bytes()


def test_init_calls_the_workflows_of_its_own_commit(installed: Installed, handbook: Path) -> None:
    for name in ("lint", "report", "commands", "draft", "retrain", "reap"):
        [job] = yaml.safe_load((handbook / f".github/workflows/{name}.yml").read_text())["jobs"].values()
        assert job["uses"] == f"lab/arborist/.github/workflows/{name}.yml@{installed.commit}"
    assert "repository: dales/handbook" in (handbook / "arborist.yaml").read_text()


def test_init_asks_for_the_repository_which_a_wheel_does_not_know(
    installed: Installed, tmp_path: Path
) -> None:
    done = installed.run("init", "--model", "dales/handbook", cwd=tmp_path)
    assert (done.returncode, done.stdout) == (2, "")
    assert done.stderr == "arborist: --arborist (none): give arborist's repository as owner/name\n"


@pytest.mark.parametrize("recipe", sorted(path.stem for path in (ROOT / "recipes").glob("*.yaml")))
def test_every_recipe_can_be_begun_with(installed: Installed, tmp_path: Path, recipe: str) -> None:
    arguments = ["--model", "dales/handbook", "--arborist", "lab/arborist", "--commit", COMMIT]
    built(installed.run("init", *arguments, "--recipe", recipe, cwd=tmp_path))
    done = installed.run("lint", cwd=tmp_path)
    assert "arborist.yaml" not in done.stdout + done.stderr


def test_a_leaf_is_begun_linted_and_planned_there(installed: Installed, handbook: Path) -> None:
    built(installed.run("new", "skill", "writing/freeform/rhymes", "--author", "wrenna", cwd=handbook))
    leaf = "compositional_skills/writing/freeform/rhymes"
    done = installed.run("lint", cwd=handbook)
    assert done.returncode == 1
    assert f"taxonomy/{leaf}/qna.yaml:" in done.stdout
    who = {f"GIT_{role}_{what}": "w" for role in ("AUTHOR", "COMMITTER") for what in ("NAME", "EMAIL")}
    environment = installed.environment(**who)
    shutil.copytree(
        ROOT / "taxonomy" / leaf.replace("rhymes", "library_notices"),
        handbook / "taxonomy" / leaf,
        dirs_exist_ok=True,
    )
    assert "nothing to fix" in built(installed.run("lint", cwd=handbook))
    for arguments in (
        ["add", "arborist.yaml"],
        ["commit", "-qm", "one"],
        ["add", "."],
        ["commit", "-qm", "two"],
    ):
        built(run("git", *arguments, cwd=handbook, **environment))
    planned = built(installed.run("plan", "--base", "HEAD^", cwd=handbook))
    assert f'"path": "{leaf}"' in planned
    assert '"change": "added"' in planned
