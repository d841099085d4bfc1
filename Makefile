# Bare `make` prints this help; what it says comes from the comments behind the targets.

PYTHON ?= python3
T ?= tests
ARGS ?=

# `services` holds a package named token, which must never hide the standard library's: nothing is put on sys.path unasked.
export PYTHONSAFEPATH = 1

PIP := .venv/bin/python -m pip --disable-pip-version-check --quiet
PINS := $(shell cat requirements.txt | cksum | tr ' ' '-')
DEV_PINS := $(shell cat requirements.txt requirements-dev.txt | cksum | tr ' ' '-')
BUT := $(if $(filter tests,$(T)),--ignore=tests/adversity)
RUN := .venv/pins-$(PINS)
DEV := .venv/dev-pins-$(DEV_PINS)

.PHONY: help run test adversity check format bench soak docs clean
.DEFAULT_GOAL := help

help: ## print this help
	@awk -F ':.*## ' '/^[a-z]+:.*## / { printf "  make %-7s %s\n", $$1, $$2 }' $(firstword $(MAKEFILE_LIST))

run: $(RUN) ## start everything on this machine, until Ctrl-C (ARGS="--tls --replicas token=2")
	@exec .venv/bin/limen up $(ARGS)

test: $(DEV) ## run the tests, all but the two kinds below or T=path
	@.venv/bin/python -m pytest -m "not soak" -n 3 --dist loadscope --no-loadscope-reorder $(BUT) $(T) $(ARGS)

adversity: $(DEV) ## run the tests that kill, pause and empty what runs, one stack after the other
	@.venv/bin/python -m pytest -m "not soak" tests/adversity $(ARGS)

check: $(DEV) ## lint, format, types and import contracts
	.venv/bin/ruff check .
	.venv/bin/ruff format --check .
	.venv/bin/mypy
	.venv/bin/lint-imports

format: $(DEV) ## mend what the linter and the formatter can mend
	.venv/bin/ruff check --fix .
	.venv/bin/ruff format .

bench: $(DEV) ## measure side by side, into docs/reference/performance.md
	@PYTHONPATH=. .venv/bin/python -m tests.bench $(ARGS)

soak: $(DEV) ## run the long tests
	@.venv/bin/python -m pytest -m soak $(T) $(ARGS)

docs: $(DEV) ## write the reference pages anew from the code
	@.venv/bin/python -m services.cli.docs $(ARGS)

clean: ## remove .venv, caches and build products; never a data directory
	@rm -rf .venv .mypy_cache .ruff_cache .pytest_cache .hypothesis .import_linter_cache build dist *.egg-info
	@find . -name __pycache__ -type d -not -path './.limen*' -prune -exec rm -rf {} +

# A virtual environment whose making was interrupted has no working pip and is made again.
$(RUN):
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' 2>/dev/null || \
	  { echo "Limen needs Python 3.11 or later as $(PYTHON); name another one: make PYTHON=python3.12"; exit 1; }
	@$(PYTHON) -c 'import ensurepip, venv' 2>/dev/null || \
	  { echo "$(PYTHON) -m venv is missing; install it, on Debian and Ubuntu: apt-get install python3-venv"; exit 1; }
	@$(PIP) --version >/dev/null 2>&1 || { echo "making .venv"; $(PYTHON) -m venv --clear .venv; }
	@echo "installing the pinned packages into .venv"
	@$(PIP) install --require-hashes -r requirements.txt
	@$(PIP) install --no-deps --no-build-isolation -e .
	@rm -f .venv/pins-* && touch $@

$(DEV): $(RUN)
	@echo "installing the pinned packages for development into .venv"
	@$(PIP) install --use-pep517 --no-build-isolation --require-hashes -r requirements.txt -r requirements-dev.txt
	@rm -f .venv/dev-pins-* && touch $@
