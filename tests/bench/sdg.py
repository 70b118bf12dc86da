"""InstructLab's generator on the same endpoint; run by an environment of its own that has instructlab-sdg.

Usage: sdg.py URL MODEL INPUTS OUTPUTS NUMBER, where INPUTS is a folder of one JSONL file for each leaf.
"""

import sys

import openai
from instructlab.sdg.generate_data import generate_taxonomy

if __name__ == "__main__":
    url, model, inputs, outputs, number = sys.argv[1:]
    client = openai.OpenAI(base_url=url, api_key="none")
    generate_taxonomy(
        client,
        inputs,
        outputs,
        model_family="mixtral",
        model_id=model,
        num_cpus=8,
        num_instructions_to_generate=int(number),
        pipeline="simple",
        batch_size=8,
        max_num_tokens=512,
    )
