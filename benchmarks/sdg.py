"""InstructLab's generator on the same endpoint; run by an environment of its own that has instructlab-sdg.

Usage: sdg.py URL MODEL INPUTS OUTPUTS NUMBER, where INPUTS is a folder of one JSONL file for each leaf.
"""

import shutil
import sys
from pathlib import Path

import openai
from instructlab.sdg.generate_data import generate_taxonomy

if __name__ == "__main__":
    url, model, inputs, outputs, number = sys.argv[1:]
    client = openai.OpenAI(base_url=url, api_key="none")
    for leaf in sorted(Path(inputs).glob("*.jsonl")):
        # It makes so many of each line of its input; all lines together are to come to the number.
        lines = len(leaf.read_text().splitlines())
        alone = Path(inputs) / leaf.stem
        alone.mkdir()
        Path(outputs).mkdir(exist_ok=True)
        shutil.copy(leaf, alone)
        generate_taxonomy(
            client,
            str(alone),
            str(Path(outputs) / leaf.stem),
            model_family="mixtral",
            model_id=model,
            num_cpus=8,
            num_instructions_to_generate=-(-int(number) // lines),
            pipeline="simple",
            batch_size=8,
            max_num_tokens=512,
        )
