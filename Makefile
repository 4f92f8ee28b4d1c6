# Everything here needs Python 3.11 or newer with venv, make and git; nothing else beforehand.
#   make run     the sandbox          make test    the whole test suite (ARGS="-k stop")
#   make lint    style and types      make bench   the measurements (ARGS="P1 --full", "--peers")
#   make bench-check  fails when accepting texts is a third slower than recorded
#   make soak    storms of faults and kills (SIZE=small|middle|full SECONDS=120 SEED=1 ENGINE=sqlite)
#   make mutants takes out one mechanism after the other, and sees that a test notices (ARGS=NAME)
#   make env     only the environment (.venv); FULL=1 adds what the browser tests need
#   make lock    the lock files anew (UPGRADE=1: with the newest versions)
#   make clean   removes what the others made, the environment included, never a database

VENV := .venv
BIN := $(VENV)/bin
# A full environment stays one: `make test` after `make env FULL=1` takes nothing away from it.
FULL ?= $(if $(wildcard $(VENV)/.full),1,)
KIND := $(if $(FULL),full,dev)
LOCK := $(if $(FULL),requirements-ci.lock,requirements-dev.lock)
STAMP := $(VENV)/.$(KIND)

COMPILE := $(BIN)/uv pip compile --quiet --universal --python-version 3.11 --generate-hashes \
	--no-config --no-emit-index-url --no-emit-find-links --no-header $(if $(UPGRADE),--upgrade,)

.DEFAULT_GOAL := help
.PHONY: help env run test mutants lint bench bench-check soak lock clean

help:
	@sed -n 's/^#   //p' Makefile

env: $(STAMP)

run: $(STAMP)
	@$(BIN)/bridge demo $(ARGS)

test: $(STAMP)
	@$(BIN)/pytest --numprocesses auto --maxprocesses 4 --dist worksteal $(ARGS)

mutants: $(STAMP)
	@$(BIN)/python -m tests.faults.mutations $(ARGS)

lint: $(STAMP)
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	$(BIN)/codespell
	$(BIN)/shellcheck .ci/run .ci/environment

bench: $(STAMP)
	@$(BIN)/python -m tests.bench $(ARGS)

bench-check: $(STAMP)
	@$(BIN)/python -m tests.bench.check

# SECONDS is a variable of some shells: only what is given to make itself counts.
soak: $(STAMP)
	@$(BIN)/python -m tests.faults.soak $(if $(SIZE),--size $(SIZE)) $(if $(SEED),--seed $(SEED)) \
		$(if $(filter command line,$(origin SECONDS)),--seconds $(SECONDS)) \
		$(if $(ENGINE),--engine $(ENGINE)) $(ARGS)

# One shell script rather than twenty recipe lines: it has to choose and to fall back.
$(STAMP): pyproject.toml $(LOCK) requirements-build.lock
	@sh .ci/environment $(VENV) $(LOCK)
	@rm -f $(VENV)/.full $(VENV)/.dev
	@touch $@

# The largest set is resolved first and binds the smaller ones, so that all agree.
lock: $(STAMP)
	$(COMPILE) --extra dev --extra ci pyproject.toml --output-file requirements-ci.lock
	$(COMPILE) --extra dev --constraint requirements-ci.lock pyproject.toml \
		--output-file requirements-dev.lock
	$(COMPILE) --constraint requirements-ci.lock pyproject.toml --output-file requirements.lock
	$(COMPILE) --extra postgres --constraint requirements-ci.lock pyproject.toml \
		--output-file requirements-postgres.lock
	printf '%s\n' uv hatchling | $(COMPILE) --constraint requirements-ci.lock - \
		--output-file requirements-build.lock
	@! grep -n '://' requirements*.lock || { echo "a lock file holds an address" >&2; exit 1; }

clean:
	rm -rf $(VENV) .mypy_cache .ruff_cache .pytest_cache .hypothesis dist build
	find . -name __pycache__ -type d -prune -exec rm -rf {} +
