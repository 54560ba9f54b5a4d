# Targets are listed by `make help`. Everything happens in .venv; nothing else is touched.
.DEFAULT_GOAL := help
SHELL := /bin/sh

VENV := .venv
BIN := $(VENV)/bin
PIP := $(BIN)/python -m pip --disable-pip-version-check
LOCKED := install --require-hashes --only-binary :all:
STAMP := $(VENV)/.installed

# The newest supported Python that can make a virtual environment; `make PYTHON=/path/to/python` wins.
PYTHON ?=
SUPPORTED := import sys, venv, ensurepip; sys.exit(not (3, 11) <= sys.version_info[:2] <= (3, 13))

# Two processes suit the smallest machine the suite is meant for; 0 runs it in one.
WORKERS ?= 2
PYTEST := $(BIN)/python -m pytest
ARGS ?=

EXAMPLE := config/grid/lighter-long-btc.yaml

# A virtual environment cannot be moved: scripts and the editable install hold its path.
ifneq ($(shell cat $(STAMP) 2>/dev/null),$(CURDIR))
$(STAMP): FORCE
endif

.PHONY: help
help: ## list the targets
	@awk -F ':.*## ' '/^[a-z-]+:.*## / { printf "make %-12s %s\n", $$1, $$2 }' $(MAKEFILE_LIST)

.PHONY: install
install: $(STAMP) ## make .venv from the lock: the core, and what the tests need

.PHONY: install-all
install-all: $(STAMP) ## add every extra that installs without a compiler
	$(PIP) $(LOCKED) -r requirements-all.lock

$(STAMP): pyproject.toml requirements.lock
	@rm -f $@
	@grep -qs '$(CURDIR)/$(VENV)/' $(BIN)/pip \
	  && $(BIN)/python -c '$(SUPPORTED)' 2>/dev/null \
	  || { \
	    for python in $(or $(PYTHON),python3.13 python3.12 python3.11 python3 python); do \
	      "$$python" -c '$(SUPPORTED)' 2>/dev/null && break; \
	      python=; \
	    done; \
	    [ -n "$$python" ] || { \
	      echo "$(if $(PYTHON),$(PYTHON) will not do: )ctos needs Python 3.11, 3.12 or 3.13 with venv (Debian: apt install python3-venv; another one: make PYTHON=/path/to/python)" >&2; \
	      exit 1; }; \
	    "$$python" -m venv --clear $(VENV); \
	  }
	@echo "installing the locked packages into $(VENV) (about a minute the first time)" >&2
	@$(PIP) --quiet --quiet $(LOCKED) -r requirements.lock
	@$(PIP) --quiet --quiet install --no-index --no-deps --no-build-isolation --editable .
	@printf '%s\n' '$(CURDIR)' > $@

.PHONY: run
run: $(STAMP) ## open the example grid on paper; no key and no network needed
	@exec $(BIN)/ctos grid $(EXAMPLE) $(or $(ARGS),--feed sim)

.PHONY: test
test: lint types suite ## every check that a change must pass

.PHONY: lint
lint: $(STAMP) ## style and format
	$(BIN)/ruff check
	$(BIN)/ruff format --check

.PHONY: types
types: $(STAMP) ## static types
	$(BIN)/mypy

.PHONY: suite
suite: $(STAMP) ## the tests, import contracts among them
	$(PYTEST) -n $(WORKERS) --dist worksteal -m "not nightly and not campaign" $(ARGS)

.PHONY: check
check: test audit ## test, and what else is known about the packages and the spelling

# --strict: a package that could not be looked up is no package that is fine.
.PHONY: audit
audit: $(STAMP) ## known vulnerabilities in the lock (asks the package index), and spelling
	$(BIN)/codespell $$(git ls-files)
	$(BIN)/pip-audit --strict --disable-pip --require-hashes -r requirements.lock

.PHONY: cover
cover: $(STAMP) ## the tests with branch coverage, and that of what money depends on by area
	$(BIN)/coverage erase
	$(BIN)/coverage run -m pytest -m "not nightly and not campaign" $(ARGS)
	$(BIN)/coverage combine --quiet
	$(BIN)/coverage report
	$(BIN)/coverage json --quiet -o .coverage.json
	$(BIN)/python test/mutation/branches.py .coverage.json

.PHONY: mutate
mutate: $(STAMP) ## change the code that money depends on, and count what the tests notice; SAMPLE=n of each area
	@$(BIN)/python test/mutation/mutate.py $(if $(SAMPLE),--sample $(SAMPLE)) --report docs/mutation.md $(ARGS)

.PHONY: bench
bench: $(STAMP) ## measure; prints its tables
	@$(BIN)/python test/bench/run.py $(ARGS)

.PHONY: kill-test
kill-test: $(STAMP) ## SIGKILL real engines again and again; KILLS=N says how often
	CTOS_TEST_KILLS=$(or $(KILLS),200) $(PYTEST) -m kill --timeout 0 $(ARGS)

.PHONY: fuzz
fuzz: $(STAMP) ## messages that no venue would send, to every parser; EXAMPLES=N says how many of each
	CTOS_TEST_EXAMPLES=$(or $(EXAMPLES),2000) $(PYTEST) -n $(WORKERS) --timeout 0 test/unit/venues/test_fuzz.py $(ARGS)

.PHONY: simulate
simulate: $(STAMP) ## the whole program under faults: SEEDS=n HOURS=h, or one run again: SEED=n ONLY=a,b VENUE=v
	@$(BIN)/python test/simulation/simulate.py $(if $(SEEDS),--seeds $(SEEDS)) $(if $(HOURS),--hours $(HOURS)) \
	  $(if $(FIRST),--first $(FIRST)) $(if $(SEED),--seed $(SEED)) $(if $(ONLY),--only $(ONLY)) \
	  $(if $(VENUE),--venue $(VENUE)) $(ARGS)

.PHONY: campaign
campaign: $(STAMP) ## the long part of the simulation: ablations, every crash point, many seeds
	$(PYTEST) -n $(WORKERS) --dist worksteal -m campaign --timeout 0 test/simulation $(ARGS)

.PHONY: format
format: $(STAMP) ## bring the code into shape
	$(BIN)/ruff check --fix
	$(BIN)/ruff format

.PHONY: docs
docs: $(STAMP) ## write the generated parts of docs/ and the schemas in config/schema/
	@$(BIN)/python docs/generate.py

.PHONY: sbom
sbom: $(STAMP) ## write the list of parts (CycloneDX) to build/, from the lock
	@$(BIN)/python docs/sbom.py

# Versions younger than a week are left to others to try. ctos's own needs are resolved for all
# supported Pythons and systems at once; the second lock follows the first.
COOLED = $(shell $(or $(wildcard $(BIN)/python),python3) -c 'import datetime as d; print(d.date.today() - d.timedelta(days=7))')
UV ?= uv
# Extras whose tests run everywhere: in the first lock, so that no machine leaves them out.
TESTED := data fast hyperliquid ibkr
COMPILE = $(UV) pip compile pyproject.toml --quiet --upgrade --universal --python-version 3.11 \
	--generate-hashes --no-annotate --no-header --no-emit-index-url --exclude-newer $(COOLED)

.PHONY: lock
lock: ## refresh both lock files (wants uv)
	@command -v $(UV) >/dev/null || { echo "make lock wants uv on the path, or make UV=/path/to/uv lock" >&2; exit 1; }
	$(COMPILE) $(TESTED:%=--extra %) --group test --group dev --group build --output-file requirements.lock
	$(COMPILE) --extra all --constraints requirements.lock --output-file requirements-all.lock

.PHONY: clean
clean: ## remove .venv and everything that tools left behind
	rm -rf $(VENV) .coverage .coverage.* .hypothesis .import_linter_cache .mypy_cache .pytest_cache \
	  .ruff_cache build dist htmlcov snapshot_report.html
	find core tui test -name __pycache__ -type d -prune -exec rm -rf {} +

.PHONY: FORCE
FORCE:
