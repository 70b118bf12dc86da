"""Import the libraries that jobs use, so that their bytecode is part of a new environment.

The set-up step runs this in each environment with extras that it created, after it checked the files. Each
job deletes bytecode that earlier jobs added, since a stranger's job may have written it. Without this, each
job would compile torch and transformers again.
"""

from importlib import import_module
from importlib.util import find_spec

MODULES = (
    *("torch", "torch.optim.adamw", "transformers.modeling_utils", "transformers.generation.utils"),
    *("transformers.models.auto.modeling_auto", "transformers.models.auto.tokenization_auto"),
    *("transformers.models.llama.modeling_llama", "pyarrow.parquet", "matplotlib.pyplot"),
    *("bot.cli", "cryptography.x509", "fsspec.implementations.local", "github", "huggingface_hub.hf_api"),
    *("jsonschema", "rich.progress"),
)
"""What takes longest to compile. A library that is not installed is left out."""

if __name__ == "__main__":
    for module in MODULES:
        if find_spec(module.partition(".")[0]):
            import_module(module)
