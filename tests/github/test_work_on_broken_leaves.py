"""Work for a pull request some of whose leaves cannot be read: the others are worked on, in any layout."""

from dataclasses import replace
from pathlib import Path

import pytest

from bot.config.load import load_recipe
from bot.core.errors import UserError
from bot.github.gpu_commands import _add_broken, _leaves, read_arguments
from bot.taxonomy.layout import Layout
from tests import ROOT
from tests.helpers.instructlab_tree import FEW, OLD_KNOWLEDGE, SECOND, UNATTRIBUTED, commit, instructlab_tree

RECIPE = replace(load_recipe(ROOT / "arborist.yaml"), taxonomy=Layout(""))


@pytest.fixture
def tree(tmp_path: Path) -> Path:
    """A checkout, and a proposal with one sound leaf and two broken ones."""
    instructlab_tree(tmp_path)
    (tmp_path / FEW / "qna.yaml").write_text("{")
    (tmp_path / UNATTRIBUTED / "qna.yaml").write_text("version: 3\n")
    (tmp_path / SECOND / "qna.yaml").write_text((tmp_path / SECOND / "qna.yaml").read_text() + "# changed\n")
    return tmp_path


def proposal(tree: Path) -> str:
    from tests.helpers.repository import git_in

    git_in(tree, "checkout", "-qb", "proposal")
    sha = commit(tree)
    git_in(tree, "checkout", "-q", "main")
    return sha


def test_the_sound_leaf_is_worked_on_and_the_comment_names_the_others(tree: Path) -> None:
    leaves, left_out, broken = _leaves(tree, proposal(tree), [], RECIPE)
    assert ([leaf.path for leaf in leaves], left_out) == ([SECOND], 0)
    assert [leaf.path for leaf in broken] == [UNATTRIBUTED, FEW]
    parts = {"next": "what comes next", "sample": "samples"}
    _add_broken(parts, broken)
    assert parts["next"] == "what comes next"
    assert "These leaves cannot be read, so they are left out here:" in parts["sample"]
    assert parts["sample"].count("\n- ") == 2


def test_a_leaf_that_is_named_and_cannot_be_read_is_an_error(tree: Path) -> None:
    with pytest.raises(UserError, match=f"^{FEW}/qna.yaml:2:1: "):
        _leaves(tree, proposal(tree), [FEW], RECIPE)


def test_where_none_can_be_read_the_error_names_all(tree: Path) -> None:
    (tree / SECOND / "qna.yaml").write_text("[")
    with pytest.raises(UserError, match="no leaf can be read") as caught:
        _leaves(tree, proposal(tree), [], RECIPE)
    assert all(path in str(caught.value) for path in (FEW, UNATTRIBUTED, SECOND))


def test_where_all_can_be_read_nothing_is_added() -> None:
    parts = {"precheck": "answers"}
    _add_broken(parts, ())
    assert parts == {"precheck": "answers"}


@pytest.mark.parametrize(
    ("layout", "text", "leaf"),
    [
        ("", f"5 {OLD_KNOWLEDGE}", OLD_KNOWLEDGE),
        ("", f"`{OLD_KNOWLEDGE}/`", OLD_KNOWLEDGE),
        ("taxonomy", f"taxonomy/{OLD_KNOWLEDGE} 5", OLD_KNOWLEDGE),
        ("taxonomy", OLD_KNOWLEDGE, OLD_KNOWLEDGE),
        ("data/tax", f"data/tax/{OLD_KNOWLEDGE}/", OLD_KNOWLEDGE),
    ],
)
def test_a_leaf_is_named_as_the_repository_shows_it(layout: str, text: str, leaf: str) -> None:
    assert read_arguments(text, Layout(layout))[1] == [leaf]
