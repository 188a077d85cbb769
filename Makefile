# `make` lists the targets. Each sets up what it needs, once, in .venv.

PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
READY := $(VENV)/.ready
JOBS ?= 2
SECONDS ?= 300
FIRST ?= 0
LOG ?=

.DEFAULT_GOAL := help
.PHONY: help setup check test test-all lint format bench screenshots clean fuzz mutants

help: ## list the targets
	@awk -F ':.*## ' '/^[a-z-]+:.*## / {printf "  make %-11s %s\n", $$1, $$2}' $(MAKEFILE_LIST)

setup: $(READY) ## make .venv with zdcheck and its tools

$(READY): pyproject.toml
	$(PYTHON) -c 'import sys; sys.exit("zdcheck needs Python 3.11 or newer") if sys.version_info < (3, 11) else None'
	test -x $(BIN)/python || $(PYTHON) -m venv $(VENV)
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --editable '.[dev]'
	touch $@

check: $(READY) ## check every shipped spec against its expected verdicts
	$(BIN)/zdcheck check specs

lint: $(READY) ## formatting, lint, types, imports
	$(BIN)/ruff check --quiet .
	$(BIN)/ruff format --check --quiet .
	$(BIN)/mypy --strict zdcheck
	$(BIN)/lint-imports --no-cache > .lint-imports.log || { cat .lint-imports.log; exit 1; }
	$(BIN)/zdcheck fmt --check specs models

test: lint ## everyday tests, a few minutes
	$(BIN)/python -m pytest -m 'not slow' -n $(JOBS)

test-all: lint ## all tests, slow ones too
	$(BIN)/python -m pytest -n $(JOBS)

format: $(READY) ## lay out the Python and the specs
	$(BIN)/ruff check --quiet --fix-only .
	$(BIN)/ruff format --quiet .
	$(BIN)/zdcheck fmt specs models

bench: $(READY) ## compare the explorer with hand-written C, SPIN and rumur
	$(BIN)/python bench/run.py

screenshots: $(READY) ## make the pictures of the README
	$(BIN)/python docs/screenshots.py

fuzz: $(READY) ## random specs for SECONDS, from seed FIRST or after those in LOG; every engine's opinion
	$(BIN)/python -m tests.generator.campaign --seconds $(SECONDS) --jobs $(JOBS) $(if $(LOG),--log $(LOG),--first $(FIRST))

mutants: $(READY) ## mistakes put into zdcheck itself: which do the tests notice?
	$(BIN)/python -m tests.mutants.campaign --root .mutants

clean: ## remove what was built here
	rm -rf $(VENV) build dist *.egg-info .lint-imports.log .mutants
