#!/usr/bin/env bash
# Serve a teacher model with a profile of this folder: runners/vllm/serve.sh MODEL [PROFILE] [PORT]
# Use it in arborist.yaml with teacher: {engine: openai, url: http://127.0.0.1:PORT/v1, model: MODEL, continues: true, structured: true}
set -euo pipefail
model=${1:?usage: serve.sh MODEL [PROFILE] [PORT]; MODEL is a folder, or org/name on the Hub}
profile=$(dirname "$0")/${2:-gpu}.yaml
test -f "$profile" || { echo "serve.sh: no profile $profile; PROFILE is the name of a .yaml file beside serve.sh" >&2; exit 2; }
exec "${PYTHON:-python}" -m vllm.entrypoints.openai.api_server --config "$profile" \
  --host 127.0.0.1 --port "${3:-8000}" --model "$model"
