"""An issue as GitHub makes it of what somebody wrote into the form for documents."""

from typing import Any

import yaml

from bot.setup.init import FORM
from tests import ROOT

EMPTY = "_No response_"


def form_body(document: str, **answers: str) -> str:
    """The issue's text: each field's label as a heading, in the form's order.

    Args:
        answers: field -> what was written; the others were left empty.
    """
    fields = yaml.safe_load((ROOT / FORM).read_text())["body"]
    given: dict[str, Any] = {**answers, "document": document}
    parts = [
        f"### {field['attributes']['label']}\n\n{given.get(field['id'], EMPTY)}"
        for field in fields
        if field["type"] != "markdown"
    ]
    return "\n\n".join(parts)
