"""attribution.txt as people write it; the licence is asked for, never chosen for them."""

from typing import Any

import pytest

from bot.config.recipe import LintRecipe
from bot.lint import lint_tree
from tests.helpers.lint_tree import ATTRIBUTION, KNOWLEDGE

PATH = f"{KNOWLEDGE}/attribution.txt"


def found(tree: Any, text: str) -> list[Any]:
    tree.write(PATH, text)
    return list(tree.lint().findings)


@pytest.mark.parametrize(
    "text",
    [
        "[Title of work] = Oru\n[Link to work] = oru.md\n[License of the work] = CC-BY-4.0\n[Creator] = K\n",
        "**Title of work:** Oru\n**Link:** oru.md\n**License of the work:** CC-BY-4.0\n**Creator:** K\n",
        "**Title of work**: Oru\n**Link**: <https://oru.example>\n**License**: `CC-BY-4.0`\n**Author**: K\n",
        "- Title: Oru\n- Link: oru.md\n- License of the work: **CC-BY-4.0**\n- Creator names: K\n",
        "1. Title: Oru\n2. Link: oru.md\n3. Licence: [CC-BY-4.0](https://cc.example/by)\n4. Creator: K\n",
        "* [Title of work]: Oru\r\n* [Link]: oru.md\r\n* [License]: [CC-BY-4.0]\r\n* [Creator names]: K\r\n",
        "title_of_work: Oru\nlink_to_work: oru.md\nlicense_of_the_work: CC-BY-4.0\ncreator_names: K\n",
    ],
    ids=["brackets", "bold with colon", "bold", "bullets", "numbers", "all at once", "underscores"],
)
def test_markup_is_read(tree: Any, text: str) -> None:
    assert found(tree, text) == []


def test_a_wrong_licence_within_markup_is_told_at_its_place_and_fixed_there(tree: Any) -> None:
    (finding,) = found(
        tree, ATTRIBUTION.replace("License of the work: CC-BY-4.0", "- **License:** *CC BY 4.0*")
    )
    assert (finding.line, finding.column, finding.end_column) == (3, 17, 26)
    assert finding.fixed_line == "- **License:** *CC-BY-4.0*"


@pytest.mark.parametrize(
    "text",
    [
        "Title of work: Oru\nLink to work: https://en.wikipedia.org/wiki/Oru\nCreator names: K\n",
        "https://en.wikipedia.org/wiki/Oru\n",
        "Self-authored\n",
        "Title of work: Oru\nLink to work: oru.md\nLicense of the work:\nCreator names: K\n",
        "Title of work: Oru\nLink to work: oru.md\nLicense of the work: IBM\nCreator names: K\n",
        "Title of work: Oru\nLink to work: oru.md\nLicense of the work: Self-authored\nCreator names: K\n",
    ],
    ids=["no line", "a link alone", "a word", "empty", "a company", "an author"],
)
def test_the_licence_is_asked_for_and_not_proposed(tree: Any, text: str) -> None:
    (finding,) = [one for one in found(tree, text) if one.rule == "attribution-licence"]
    assert "the SPDX name of the work's own licence (Wikipedia: CC-BY-SA-4.0)" in finding.help
    assert "for your own work, choose an allowed licence; allowed licences: Apache-2.0" in finding.help
    assert finding.fix is None


WORK = "Title of work: {0}\nLink to work: {0}.md\n{1}Creator names: K\n"
LICENCE = "License of the work: CC-BY-4.0\n"


@pytest.mark.parametrize(
    ("licences", "lines"),
    [
        ((LICENCE, ""), [6]),
        (("", LICENCE), [1]),
        ((LICENCE, "", ""), [6, 10]),
        ((LICENCE, "", LICENCE), [6]),
        ((LICENCE, LICENCE), []),
        (("License of all works: CC-BY-4.0\n", ""), []),
    ],
)
def test_each_work_names_its_licence(tree: Any, licences: tuple[str, ...], lines: list[int]) -> None:
    text = "\n".join(WORK.format(f"W{number}", licence) for number, licence in enumerate(licences))
    findings = found(tree, text)
    assert [(one.rule, one.line, one.column) for one in findings] == [
        ("attribution-licence", line, 1) for line in lines
    ]
    assert all("has no licence" in one.message and "own licence" in one.help for one in findings)


def test_works_need_no_empty_line_between_them(tree: Any) -> None:
    assert [one.line for one in found(tree, WORK.format("A", LICENCE) + WORK.format("B", ""))] == [5]


@pytest.mark.parametrize("said", ["public domain", "Public Domain", "public-domain (US government)", "PD"])
def test_the_public_domain_has_a_way(tree: Any, said: str) -> None:
    tree.replace(PATH, "CC-BY-4.0", said)
    (finding,) = tree.lint().findings
    assert "if the author gave up all rights, write CC0-1.0" in finding.help
    assert "LicenseRef-Public-Domain, which a maintainer must first allow in `lint.licences`" in finding.help
    assert finding.fix is None


def test_a_maintainer_may_allow_the_public_domain(tree: Any) -> None:
    tree.replace(PATH, "CC-BY-4.0", "LicenseRef-Public-Domain")
    assert tree.rules() == ["attribution-licence"]
    allowed = LintRecipe(licences=("CC-BY-4.0", "LicenseRef-Public-Domain"))
    assert lint_tree(tree.root, settings=allowed).findings == []


def test_an_empty_template_is_one_finding(tree: Any) -> None:
    text = "Title of work:\nLink to work:\nRevision:\n\nLicense of the work:\nCreator names:\n"
    (finding,) = found(tree, text)
    assert (finding.rule, finding.message) == ("attribution-empty", "no field is filled in")
    assert "Title of work, Link to work" in finding.help
