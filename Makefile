# Everything a person does with this project. Each target sets up what it needs.
.DEFAULT_GOAL := help
.PHONY: help run test check bench e2e picture playground playground-test gallery approve texts lock clean

VENV := .venv
PYTHON ?= python3
PORT ?= 3980
LANGUAGE ?= en
PLAYGROUND_PORT ?= 56150
BIN := $(VENV)/bin
SOURCES := app.py bot cards sandbox tests benchmarks

help: ## show this list
	@awk -F ':.*## ' '/^[a-z0-9-]+:.*## / {printf "make %-15s %s\n", $$1, $$2}' $(MAKEFILE_LIST)

run: $(VENV)/.runtime ## start the bot in a simulated tenant; prints the address to open (PORT=3980)
	@$(BIN)/python app.py sandbox --port $(PORT)

test: $(VENV)/.dev ## run the tests
	$(BIN)/coverage erase
	$(BIN)/coverage run -m pytest --ignore tests/e2e --ignore tests/playground -n auto --maxprocesses 4 --dist worksteal -q
	$(BIN)/coverage combine -q
	$(BIN)/coverage report

check: $(VENV)/.dev ## style, types, structure, known vulnerabilities
	$(BIN)/ruff check $(SOURCES)
	$(BIN)/ruff format --check $(SOURCES)
	$(BIN)/mypy
	$(BIN)/lint-imports
	$(BIN)/python -m tests.audit

bench: $(VENV)/.dev ## measure how well and how fast messages are understood
	$(BIN)/python -m benchmarks.understanding

e2e: $(VENV)/.dev ## drive the chat page in a real browser (needs Chromium)
	$(BIN)/pytest tests/e2e

picture: $(VENV)/.dev ## take README's picture anew from the browser test
	KEEP_PICTURE=1 $(BIN)/pytest tests/e2e -k sentence

playground: $(VENV)/.runtime ## the same in the Microsoft 365 Agents Playground (needs Node; evaluation licence; PLAYGROUND_PORT=56150)
	@$(BIN)/python app.py sandbox --port 0 --playground $(PLAYGROUND_PORT)

playground-test: $(VENV)/.dev ## drive the Agents Playground in a real browser (needs Node and Chromium)
	$(BIN)/pytest tests/playground

gallery: $(VENV)/.dev ## draw every card in every situation into docs/gallery (LANGUAGE=en; needs Chromium)
	$(BIN)/python -m tests.gallery --language $(LANGUAGE)

approve: $(VENV)/.dev ## take the cards' JSON as it is now for approved; look at the difference first
	APPROVE=1 $(BIN)/pytest -q tests/unit/test_gallery.py

texts: $(VENV)/.dev ## bring the catalogs up to date with the sentences in the code
	$(BIN)/pybabel -q extract --no-location --sort-output --omit-header -k N_ -o $(VENV)/mfabot.pot bot cards
	$(BIN)/pybabel -q update --no-wrap --ignore-obsolete --ignore-pot-creation-date --no-fuzzy-matching -D mfabot -i $(VENV)/mfabot.pot -d bot/locale

lock: $(VENV)/.dev ## compile the pinned requirements anew
	$(BIN)/python -m pip install -q uv
	$(BIN)/uv pip compile -q --universal --generate-hashes --python-version 3.11 --no-header --no-annotate requirements.in -o requirements.txt
	$(BIN)/uv pip compile -q --universal --generate-hashes --python-version 3.11 --no-header --no-annotate requirements-dev.in -o requirements-dev.txt

clean: ## remove what was set up
	rm -rf $(VENV) .coverage .coverage.* .mypy_cache .ruff_cache .pytest_cache .hypothesis .import_linter_cache

$(BIN)/python:
	$(PYTHON) -m venv $(VENV)

$(VENV)/.runtime: requirements.txt | $(BIN)/python
	@echo "Setting up, which takes about a minute…"
	$(BIN)/python -m pip install -q --disable-pip-version-check --require-hashes -r requirements.txt
	@touch $@

$(VENV)/.dev: requirements-dev.txt | $(BIN)/python
	@echo "Setting up, which takes about a minute…"
	$(BIN)/python -m pip install -q --disable-pip-version-check --require-hashes -r requirements-dev.txt
	@touch $@ $(VENV)/.runtime
