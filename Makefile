# Kyanite: every target works on a fresh checkout; `make help` is the default.

PYTHON ?= python3.11
VENV   := .venv
BIN    := $(VENV)/bin
STAMP  := $(VENV)/.installed

# Tests start hundreds of processes, and each would compile the sources anew (`make clean` removes
# what this leaves).
export PYTHONDONTWRITEBYTECODE :=

# Two processes share the files of tests; what measures runs by itself afterwards.
PROCESSES   ?= 2
IN_PARALLEL := --numprocesses $(PROCESSES) --dist loadfile --no-loadscope-reorder
MEASURED     = $(shell grep -rlE 'mark\.measured' tests --include='test_*.py')

.DEFAULT_GOAL := help
.PHONY: help demo install test test-all check bench serve format generate lock clean

help: ## Say what the targets do
	@awk -F ':.*## ' '/^[a-z-]+:.*## / {printf "  make %-10s %s\n", $$1, $$2}' $(MAKEFILE_LIST)

demo: install ## Protect, lose and restore machines of a small local Azure; every byte compared (KEEP=1 leaves it running)
	@$(BIN)/python -m demo $(if $(KEEP),--keep,)

install: $(STAMP) ## Make .venv with the locked dependencies and the project itself

$(STAMP): requirements.lock pyproject.toml
	@test -x $(BIN)/python || $(PYTHON) -m venv $(VENV)
	@echo "Installing the locked dependencies into $(VENV) ..."
	@$(BIN)/python -m pip install --quiet --disable-pip-version-check --require-hashes -r requirements.lock
	@$(BIN)/python -m pip install --quiet --disable-pip-version-check --no-deps --no-build-isolation --editable .
	@touch $(STAMP)

$(VENV)/.installed-dev: $(STAMP) requirements-dev.lock
	@echo "Installing the tools for tests and checks ..."
	@$(BIN)/python -m pip install --quiet --disable-pip-version-check --require-hashes -r requirements-dev.lock
	@touch $@

test: $(VENV)/.installed-dev ## Run every test that a change must pass
	@$(BIN)/python -m pytest $(IN_PARALLEL) -m "not slow and not measured"
	@$(BIN)/python -m pytest -m "measured and not slow" $(MEASURED)

test-all: $(VENV)/.installed-dev ## Run all tests, the slow ones too
	@$(BIN)/python -m pytest $(IN_PARALLEL) -m "not measured"
	@$(BIN)/python -m pytest -m measured $(MEASURED)

check: $(VENV)/.installed-dev ## Formatter, linter, types, import rules, contract, generated files
	@$(BIN)/ruff format --check .
	@$(BIN)/ruff check .
	@$(BIN)/mypy
	@$(BIN)/lint-imports
	@$(BIN)/python tools/check_generated.py
	@$(BIN)/kyanite openapi | $(BIN)/python contract/check_contract.py - --min-ops 159 --min-exact 159

bench: $(VENV)/.installed-dev ## Run the benchmarks, print tables, write bench/results/*.json
	@$(BIN)/python -m bench

serve: install ## Lab and appliance in the foreground, for trying things by hand
	@$(BIN)/python -m demo --serve

format: $(VENV)/.installed-dev ## Format the code
	@$(BIN)/ruff format .
	@$(BIN)/ruff check --fix .

generate: $(VENV)/.installed-dev ## Write the generated files anew
	@$(BIN)/python tools/check_generated.py --write

lock: $(VENV)/.installed-dev ## Resolve the dependencies anew (no addresses are written)
	@$(BIN)/uv pip compile -q --generate-hashes --no-emit-index-url --no-header --python-version 3.11 --extra build pyproject.toml -o requirements.lock
	@$(BIN)/uv pip compile -q --generate-hashes --no-emit-index-url --no-header --python-version 3.11 --extra build --extra dev -c requirements.lock pyproject.toml -o requirements-dev.lock

clean: ## Remove the virtual environment and caches
	@rm -rf $(VENV) .mypy_cache .ruff_cache .pytest_cache .import_linter_cache
	@find . -name __pycache__ -prune -exec rm -rf {} +
