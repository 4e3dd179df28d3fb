# Everything from a fresh clone, with nothing but Python 3.11 or newer, git and make:
#   make demo    the retail year end to end, result as tables
#   make test    every test
SHELL := /bin/bash
.SHELLFLAGS := -euo pipefail -c
.DEFAULT_GOAL := help
.DELETE_ON_ERROR:
MAKEFLAGS += --no-builtin-rules
# Tests start hundreds of processes: each would compile all of it again where the environment says so.
unexport PYTHONDONTWRITEBYTECODE

VENV := .venv
BIN := $(VENV)/bin
# Packages come from the locks alone, every file checked by its hash.
PIP_INSTALL = $(BIN)/python -m pip install --quiet --disable-pip-version-check --no-input
TESTS ?= tests
# So many tests run side by side; those of one file stay together and share their brokers. Half of a test's time is
# waiting for brokers and processes: one more than a small machine has cores keeps it busy.
WORKERS ?= 3
DEMO ?=

.PHONY: help setup setup-demo setup-dev setup-bench setup-base demo up test lint check fix bench lock hooks clean

help: ## list what can be made
	@awk 'BEGIN {FS = ":.*## "} /^[a-z-]+:.*## / {printf "  make %-12s %s\n", $$1, $$2}' $(MAKEFILE_LIST)

# One lock contains the next smaller one (base < demo < dev < bench, one resolution), so a stamp of a wider set
# serves the narrower target as well, and going back and forth installs nothing anew.
BASE_STAMP := $(VENV)/.base
DEMO_STAMP := $(VENV)/.demo
DEV_STAMP := $(VENV)/.dev
BENCH_STAMP := $(VENV)/.bench

$(BIN)/python:
	@python="$(PYTHON)"; \
	if [ -z "$$python" ]; then \
	  for candidate in python3 python3.13 python3.12 python3.11 python3.14 python; do \
	    if command -v "$$candidate" >/dev/null 2>&1 && \
	       "$$candidate" -c 'import sys; sys.exit(sys.version_info < (3, 11))' 2>/dev/null; then \
	      python="$$candidate"; break; \
	    fi; \
	  done; \
	fi; \
	if [ -z "$$python" ]; then \
	  echo "make: no Python 3.11 or newer on the PATH (found: $$(python3 --version 2>&1 || true))." >&2; \
	  echo "make: install one, or name it: make PYTHON=/path/to/python3.12 ..." >&2; exit 1; \
	fi; \
	"$$python" -c 'import sys; sys.exit(sys.version_info < (3, 11))' || \
	  { echo "make: $$python is older than Python 3.11" >&2; exit 1; }; \
	echo "Making $(VENV) with $$("$$python" --version)"; \
	"$$python" -m venv $(VENV) || \
	  { echo "make: $$python cannot make a virtual environment (Debian: apt-get install python3-venv)" >&2; \
	    rm -rf $(VENV); exit 1; }

# $(1) lock, $(2) stamps that it satisfies
define install
@echo "Installing requirements/$(1).txt, hashes checked (the first time: a download of some minutes)"
@$(PIP_INSTALL) --require-hashes -r requirements/$(1).txt
@$(PIP_INSTALL) --no-build-isolation --no-deps -e .
@touch $(2)
endef

# Each lock also carries what builds the project (hatchling, editables).
$(BASE_STAMP): requirements/base.txt pyproject.toml | $(BIN)/python
	$(call install,base,$(BASE_STAMP))
$(DEMO_STAMP): requirements/demo.txt pyproject.toml | $(BIN)/python
	$(call install,demo,$(BASE_STAMP) $(DEMO_STAMP))
$(DEV_STAMP): requirements/dev.txt pyproject.toml | $(BIN)/python
	$(call install,dev,$(BASE_STAMP) $(DEMO_STAMP) $(DEV_STAMP))
$(BENCH_STAMP): requirements/bench.txt pyproject.toml | $(BIN)/python
	$(call install,bench,$(BASE_STAMP) $(DEMO_STAMP) $(DEV_STAMP) $(BENCH_STAMP))

setup: setup-dev ## everything to work on the project
setup-base: $(BASE_STAMP) ## what production runs
setup-demo: $(DEMO_STAMP) ## production, the embedded stack and the demo's data
setup-dev: $(DEV_STAMP)
setup-bench: $(BENCH_STAMP)

demo: $(DEMO_STAMP) ## the retail year end to end (DEMO="--all" takes every household)
	@$(BIN)/touchpath demo $(DEMO)

up: $(DEMO_STAMP) ## the whole local stack, until Ctrl-C
	@$(BIN)/touchpath up

test: $(DEV_STAMP) ## every test; what cannot run here is said at the end (TESTS=tests/unit for a part)
	@$(BIN)/python -m pytest -n $(WORKERS) --dist loadfile $(TESTS)

lint: $(DEV_STAMP) ## format, lint, types
	@$(BIN)/ruff format --check .
	@$(BIN)/ruff check .
	@$(BIN)/mypy

check: lint ## format, lint, types, and the quick tests
	@$(BIN)/python -m pytest -q tests/unit tests/properties

fix: $(DEV_STAMP) ## put the format right, and what the linter can mend
	@$(BIN)/ruff format .
	@$(BIN)/ruff check --fix .

bench: $(BENCH_STAMP) ## the measured table of the README, on this machine
	@$(BIN)/python -m tests.benchmarks

lock: ## resolve the dependencies anew and write requirements/*.txt (needs uv)
	@command -v uv >/dev/null || { echo "make: the locks are written with uv: install it first" >&2; exit 1; }
	@requirements/lock.sh

hooks: $(DEV_STAMP) ## run the checks before each commit
	@$(BIN)/pre-commit install

clean: ## remove the environment and all caches, not your data
	rm -rf $(VENV) .mypy_cache .ruff_cache .pytest_cache .hypothesis dist
