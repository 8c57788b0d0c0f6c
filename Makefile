# Works with GNU make 3.81 (what macOS ships) and later. The default target prints this file's ## lines.

VENV   := .venv
BIN    := $(VENV)/bin
PIP    := $(BIN)/python -m pip install --disable-pip-version-check --quiet --no-user --require-hashes
CORES  := $(shell getconf _NPROCESSORS_ONLN 2>/dev/null || echo 2)
PO     := $(wildcard mobilize/translations/*/LC_MESSAGES/*.po)
export PYTHONUTF8 := 1

.PHONY: help setup setup-dev run morning test lint security serve work bench chaos engines mutants words lock clean
.DEFAULT_GOAL := help

help: ## Print this list
	@awk -F ':.*## ' '/^[a-z-]+:.*## / { printf "  make %-8s %s\n", $$1, $$2 }' $(MAKEFILE_LIST)

setup: $(VENV)/.installed $(PO:.po=.mo) ## Make .venv and install the pinned, hashed requirements (run and test call it)

run: setup ## Run the whole service with an invented demo local (PORT=5000, HOST=127.0.0.1)
	@exec $(BIN)/python -m mobilize.demo.start

morning: setup ## Let a simulated morning happen in the demo that runs (SPEED=60 SEED=1937)
	@test -f var/environment || { echo "The demo is not running: start it with make run, in another terminal."; exit 1; }
	@set -a; . ./var/environment; set +a; exec $(BIN)/flask --app wsgi demo morning --speed $(or $(SPEED),60) --seed $(or $(SEED),1937)

test: setup-dev ## Run every test, with a real PostgreSQL, Redis and browser (ARGS="tests/roster -x")
	@$(BIN)/pytest -n $(if $(PROCESSES),$(PROCESSES),3) --dist worksteal $(ARGS)

lint: setup-dev ## Check style, formatting and types
	@$(BIN)/ruff check .
	@$(BIN)/ruff format --check .
	@$(BIN)/mypy

security: setup-dev ## Look for weaknesses in code, answers and their times (ONLY="code rules secrets headers dependencies crawl authority flood slow codes timing worlds")
	@$(BIN)/python -m tests.security $(ONLY)

serve: setup ## The production web server, from the environment (HOST, PORT, WEB_PROCESSES, WEB_THREADS)
	@exec $(BIN)/python -m mobilize.web_server

work: setup ## The workers and their clock (beat), from the environment (WORKER_PROCESSES)
	@exec $(BIN)/python deploy/work.py

bench: setup-dev ## Measure, print a table and write bench/results.json (ONLY=import|posters|checkin|texts|turnout)
	@$(BIN)/python -m bench

chaos: setup-dev ## Texts, or ONLY=checkin, under kill -9 and worse; ends with one JSON object (ROUNDS=40 SEED=n; FAULTS=a,b)
	@ROUNDS="$(ROUNDS)" SEED="$(SEED)" ONLY="$(ONLY)" FAULTS="$(FAULTS)" $(BIN)/python -m tests.chaos

engines: setup-dev $(VENV)/.installed-engines ## The gate in Firefox and in WebKit, the engine of every iPhone (Debian: firefox-esr webkit2gtk-driver xvfb)
	@$(BIN)/pytest tests/engines $(ARGS)

mutants: setup-dev $(VENV)/.installed-mutants ## Change the rules one place at a time and see that a test notices (ONLY=texts.receipts); an hour on two cores
	@$(BIN)/python -m tests.mutants $(ONLY)

words: setup-dev ## Collect what pages say into the Spanish catalogue, to be translated there
	@$(BIN)/pybabel -q extract -F pyproject.toml --no-location --sort-output --no-wrap -o $(VENV)/words.pot .
	@$(BIN)/pybabel -q update -i $(VENV)/words.pot -d mobilize/translations --no-wrap --no-fuzzy-matching --ignore-obsolete \
	  --ignore-pot-creation-date
	@grep -c '^msgstr ""$$' mobilize/translations/es/LC_MESSAGES/messages.po | xargs -I N echo "N words without Spanish (one is the header)"

lock: ## Resolve each requirements.in anew, against the public index alone (needs uv)
	@command -v uv >/dev/null || { echo "make lock needs uv: https://docs.astral.sh/uv/"; exit 1; }
	for file in requirements requirements-dev tests/engines/requirements tests/mutants/requirements; do \
	  UV_CUSTOM_COMPILE_COMMAND="make lock" uv pip compile --no-config --universal --python-version 3.11 \
	    --generate-hashes --upgrade -o $$file.txt $$file.in || exit 1; done

clean: ## Remove .venv and caches (the demo's data in var/ stays)
	rm -rf $(VENV) .pytest_cache .mypy_cache .ruff_cache $(PO:.po=.mo)

setup-dev: setup $(VENV)/.installed-dev

$(VENV)/bin/python:
	@sh deploy/make-venv.sh $(VENV)

$(VENV)/.installed: requirements.txt | $(VENV)/bin/python
	@echo "Installing requirements.txt ..."
	@$(PIP) -r requirements.txt
	@touch $@

$(VENV)/.installed-dev: requirements-dev.txt | $(VENV)/.installed
	@echo "Installing requirements-dev.txt ..."
	@$(PIP) -r requirements-dev.txt
	@touch $@

$(VENV)/.installed-%: tests/%/requirements.txt | $(VENV)/.installed-dev
	@echo "Installing $< ..."
	@$(PIP) -r $<
	@touch $@

%.mo: %.po | $(VENV)/.installed
	@$(BIN)/pybabel --quiet compile -i $< -o $@
