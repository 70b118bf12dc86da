"""Slash commands: the first word of a line, outside quotes and code."""

import pytest

from bot.github.command_comment import Command, find_commands


@pytest.mark.parametrize(
    ("body", "found"),
    [
        ("/arborist sample", Command("sample", "")),
        ("Thanks!\n\n/arborist sample 3 knowledge/birds\n", Command("sample", "3 knowledge/birds")),
        ("/arborist sample\r\n", Command("sample", "")),
        ("please run /arborist sample", None),
        ("> /arborist sample", None),
        ("    /arborist sample", None),
        ("```\n/arborist sample\n```", None),
        ("````\n```\n/arborist sample\n````", None),
        ("~~~\n/arborist sample\n~~~\n/arborist help", Command("help", "")),
        ("`/arborist sample`", None),
        ("- ```\n  /arborist sample\n  ```", None),
        ("1. see\n\n       /arborist sample", None),
        ("<!--\n/arborist sample\n-->", None),
        ("<!-- for later:\n\n/arborist sample\n\n-->\n\n/arborist help", Command("help", "")),
        ("Not yet <!--\n/arborist sample\n-->", None),
        ("<pre>\n\n/arborist sample\n</pre>", None),
        ("Not `yet\n/arborist sample` please", None),
        ("> They said\n/arborist sample", None),
        ("- /arborist sample", None),
        ("# /arborist sample", None),
        ("[/arborist sample](https://x.example)", None),
        ("/arborist sample 3 `knowledge/two_birds`", Command("sample", "3 knowledge/two_birds")),
        ("/arborist explain knowledge/_two_", Command("explain", "knowledge/_two_")),
        ("/arboristsample", None),
        ("/arborist smaple; rm -rf /", Command("smaple", "; rm -rf /")),
        ("/arborist", Command("", "")),
        ("/arborist  \r\n", Command("", "")),
        ("/Arborist sample", Command("sample", "")),
        ("/ARBORIST Sample 3 knowledge/Birds", Command("sample", "3 knowledge/Birds")),
        ("/arborist sample3", Command("sample3", "")),
        ("/arborist ?", Command("", "?")),
        ("/arborist-sample", None),
        ("", None),
    ],
)
def test_a_command_is_found_only_where_somebody_means_it(body: str, found: Command | None) -> None:
    assert find_commands(body)[:1] == ([found] if found else [])


@pytest.mark.parametrize(
    "body",
    [
        "/arborist lint\n/arborist sample 3",
        "/arborist lint\n\nand then\n\n/Arborist sample 3",
        "/arborist lint\n> /arborist hold\n\n/arborist sample 3\n\n    /arborist hold",
    ],
)
def test_every_command_of_a_comment_is_found(body: str) -> None:
    assert find_commands(body) == [Command("lint", ""), Command("sample", "3")]
