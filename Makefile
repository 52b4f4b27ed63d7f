PYTHON ?= $(shell for name in python3.11 python3.12 python3; do \
	if command -v $$name >/dev/null && $$name -c 'import sys; sys.exit(not (3, 11) <= sys.version_info < (3, 13))'; \
	then echo $$name; break; fi; done)
BIN := .venv/bin
ARGS ?=
WORKERS ?= 3
# Long tests come first and together: the others of their worker go to whoever is idle. With bytecode on disk, the
# processes that tests start need not compile Millrace each on its own.
PYTEST = PYTHONDONTWRITEBYTECODE= $(BIN)/pytest -n $(WORKERS) --dist worksteal

.DEFAULT_GOAL := help
.PHONY: help demo test lint check bench torture

help: ## list the targets
	@awk -F ':.*## ' '/^[a-z]+:.*## / {printf "make %-8s %s\n", $$1, $$2}' $(MAKEFILE_LIST)

demo: .venv/installed ## install, and turn the whole wheel once; ARGS=--yes asks nothing
	$(BIN)/millrace demo $(ARGS)

test: .venv/installed-dev ## every test
	$(PYTEST) $(ARGS)

lint: .venv/installed-dev ## format, lint, types, import contracts
	$(BIN)/ruff format --check .
	$(BIN)/ruff check .
	$(BIN)/mypy
	$(BIN)/lint-imports

check: lint ## lint, and the unit tests
	$(PYTEST) -m "not prefect and not faults" $(ARGS)

bench: .venv/installed-dev ## measure, and write benchmarks/RESULTS.md
	$(BIN)/python -m benchmarks.run $(ARGS)

torture: .venv/installed-dev ## disturb every flow at many more places than `make test`
	MILLRACE_TORTURE=1 $(PYTEST) -m faults $(ARGS)

.venv/bin/python:
	@test -n "$(PYTHON)" || { echo "Millrace needs Python 3.11 or 3.12, and found neither" >&2; exit 1; }
	$(PYTHON) -m venv .venv

# torch first and by its exact version: any other request may pull a CUDA build. An installed one is left alone.
.venv/torch: .venv/bin/python
	$(BIN)/python -c 'import torch' 2>/dev/null || $(BIN)/pip install --disable-pip-version-check -q torch==2.13.0
	@touch $@

.venv/installed: .venv/torch pyproject.toml constraints.txt
	grep -v '^torch==' constraints.txt > .venv/constraints.txt
	$(BIN)/pip install --disable-pip-version-check -q -c .venv/constraints.txt -e .
	@touch $@

.venv/installed-dev: .venv/installed
	$(BIN)/pip install --disable-pip-version-check -q -c .venv/constraints.txt -e ".[dev]"
	@touch $@
