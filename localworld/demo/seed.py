"""The demo's repository: fewer leaves and a quicker recipe than this checkout's, so that it takes minutes."""

from pathlib import Path

import yaml

from bot.core.errors import UserError
from bot.evaluate.retention import SHIPPED
from localworld.seed import Seed
from localworld.world import GGUF, SAMPLES

LEFT_OUT = (
    "taxonomy/knowledge",
    "taxonomy/compositional_skills/extraction",
    "taxonomy/foundational_skills",
)
"""One skill is left; the pull request brings the first leaf of knowledge."""
QUICKER = {
    "samples: 40 ": "samples: 24 ",
    "samples: 350 ": "samples: 60 ",
    "epochs: 3\n    ensemble: 2 ": "epochs: 2\n    ensemble: 1 ",
    "  # samples: lab/taxonomy-model-samples ": f"  samples: {SAMPLES} ",
    "  # gguf: lab/taxonomy-model-GGUF ": f"  gguf: {GGUF} ",
    "max_new_tokens: 32\n": "max_new_tokens: 24\n  general: general.yaml\n",
    "passages: 3 ": "passages: 1 ",
}
"""Settings of the recipe -> those of the demo."""
EVERY = 7
"""The demo asks every seventh of the shipped general questions."""


def demo_seed(checkout: Path) -> Seed:
    """Return how the demo's repository differs from a checkout.

    Raises:
        UserError: the checkout's recipe lacks a setting that the demo replaces.
    """
    recipe = (checkout / "arborist.yaml").read_text()
    for setting, other in QUICKER.items():
        if setting not in recipe:
            raise UserError(f"arborist.yaml: the demo replaces {setting.strip()!r}, which is not there")
        recipe = recipe.replace(setting, other)
    general = yaml.safe_load(SHIPPED.read_text())
    few = yaml.safe_dump({**general, "questions": general["questions"][::EVERY]}, allow_unicode=True)
    return Seed(LEFT_OUT, {"arborist.yaml": recipe, "general.yaml": few})
