"""Tiny models of random weights, which train in a moment; the tokenizer is the embedded model's."""

from pathlib import Path

import yaml

from bot.evaluate.retention import SHIPPED
from bot.inference.models import load_tokenizer, model_folder

CONVERSATIONS = [
    [("user", "Who made the Corvane clock?"), ("assistant", "Petra Osgood.")],
    [("user", "When?"), ("assistant", "The clock was made in the year 1702, in Ulmstead.")],
    [("user", "Where does it stand, and how often does it strike?"), ("assistant", "Ulmstead, 13 times")],
    [("user", "Hello"), ("assistant", "Hi")],
    [("user", "Of what stone is the face of the clock made?"), ("assistant", "It is made of green slate.")],
]


def ask_few(recipe: Path) -> None:
    """Change a recipe so that seven general questions are asked, and answered in a few tokens.

    A tiny student never ends an answer by itself; more of its answers would only take time.
    """
    text = recipe.read_text()
    for old, new in {
        "max_new_tokens: 32\n": "max_new_tokens: 4\n  general: general.yaml\n",
        "passages: 3 ": "passages: 0 ",
    }.items():
        assert old in text
        text = text.replace(old, new)
    recipe.write_text(text)
    general = yaml.safe_load(SHIPPED.read_text())
    few = {**general, "questions": general["questions"][::32]}
    recipe.with_name("general.yaml").write_text(yaml.safe_dump(few, allow_unicode=True))


def write_tiny(folder: Path, family: str = "Llama") -> Path:
    """Save a tiny model of a family of transformers, with the embedded model's tokenizer."""
    import torch
    import transformers

    torch.manual_seed(7)
    config = getattr(transformers, f"{family}Config")(
        vocab_size=49152,
        hidden_size=32,
        intermediate_size=48,
        num_hidden_layers=2,
        num_attention_heads=4,
        num_key_value_heads=2,
        head_dim=8,
        tie_word_embeddings=True,
    )
    getattr(transformers, f"{family}ForCausalLM")(config).save_pretrained(folder)
    load_tokenizer(model_folder("embedded")).save_pretrained(folder)
    return folder
