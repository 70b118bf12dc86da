#!/usr/bin/env bash
# Install arborist into a folder of an image, through set-up (.github/actions/setup): the versions of
# constraints.txt, and torch and vLLM for a GPU or without one. A build sees no GPU, so the caller says which.
#
#   image/install.sh dependencies|install FOLDER gpu|cpu [EXTRA…]
#
# `dependencies` reads only pyproject.toml, constraints.txt, converter.txt and set-up, so an image has what arborist
# requires in a layer that changes with these files alone. Both need python3 (3.11 or newer, with venv) and git.
set -euo pipefail

if [[ $# -lt 3 || ! $1 =~ ^(dependencies|install)$ || ! $3 =~ ^(gpu|cpu)$ ]]; then
  echo "image/install.sh: write: image/install.sh dependencies|install FOLDER gpu|cpu [EXTRA…]" >&2
  exit 2
fi
[[ $# -gt 3 ]] || set -- "$@" train release deepspeed gguf rag kuberay s3 gcs vllm
# An image is read-only, so Python could not write what it compiles.
export UV_COMPILE_BYTECODE=1 UV_LINK_MODE=copy
source=$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd)
exec python3 -I -S "$source/.github/actions/setup" "$@"
