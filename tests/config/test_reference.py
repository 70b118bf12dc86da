"""The pages that `make docs` makes are those that are committed."""

import json

import pytest

from bot.cli.reference import PAGES, commands_page, reference
from bot.config.load import SCHEMA
from bot.config.reference import page
from bot.core.errors import UserError
from bot.github.slash_commands import COMMANDS
from tests import ROOT


@pytest.mark.parametrize("name", PAGES)
def test_the_committed_page_is_what_the_command_prints(name: str, capsys: pytest.CaptureFixture[str]) -> None:
    reference(name)
    assert (ROOT / "docs" / f"{name}.md").read_text() == capsys.readouterr().out


def test_a_page_that_is_none() -> None:
    with pytest.raises(UserError, match="reference card: there are commands, recipe, rules"):
        reference("card")


def test_the_recipe_page_has_every_setting() -> None:
    schema = json.loads(SCHEMA.read_text())
    objects = [schema, *schema["properties"].values(), *schema["$defs"].values()]
    objects.append(schema["properties"]["train"]["properties"]["general"])
    titles = [line.strip("# ") for line in page().splitlines() if line.startswith("#")]
    for part in objects:
        for name, one in part.get("properties", {}).items():
            assert f"| `{name}` |" in page() or any(name in title for title in titles), name
            assert one["description"] in page()
    assert "| `samples` | whole number at least 1 | required |" in page()
    assert "| `schedule` | `constant`, `linear`, `cosine` | `constant` |" in page()


def test_the_commands_page_has_every_command_but_hidden_ones() -> None:
    assert all(f"| `/arborist {name}" in commands_page() for name in COMMANDS)
    assert "\n### arborist bench learning\n" in commands_page()
    assert (
        "| `PATH` |  | The taxonomy's folder in the repository. Default: as arborist.yaml says. |"
        in commands_page()
    )
    assert "arborist reference" not in commands_page()
