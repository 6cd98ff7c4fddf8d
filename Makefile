# make run | test | check | fix | bench. PYTHON= chooses the interpreter, PORT= the port.
PYTHON ?= python3
PORT ?= 8080
VENV := .venv
BIN := $(VENV)/bin
CODE := gateway adapters storage warmup tests bench setup.py

.PHONY: run compile interpreted test fleet check fix contract test-browser bench bench-soak bench-grounding lock clean

run: $(VENV)/.run
	$(BIN)/python -m gateway serve --port $(PORT)

# What a hit goes through, as C (docs/operations.md): needs a C compiler and Python's headers.
compile: $(VENV)/.compile
	$(BIN)/python setup.py -q build_ext --inplace

# Tests are of the sources: Python prefers what is compiled to them.
interpreted:
	@rm -rf build *.so
	@find gateway storage -name "*.so" -delete

test: $(VENV)/.dev interpreted
	$(BIN)/python -m pytest

# PostgreSQL, Valkey and three gateways from packages, on free ports (docs/fleet.md).
fleet: $(VENV)/.dev
	$(BIN)/python -m bench.fleet

# Thousands of made-up requests against /openapi.json (docs/contract.md); two to ten minutes.
contract: $(VENV)/.dev $(VENV)-contract/.ready
	$(BIN)/python -m tests.contract --schemathesis $(VENV)-contract/bin/schemathesis

# The pages in a Chromium, which has to be installed, and axe's opinion of them, from npm.
test-browser: $(VENV)/.dev $(VENV)/axe/node_modules/axe-core/axe.min.js
	$(BIN)/python -m pytest tests/browser

check: $(VENV)/.dev
	$(BIN)/ruff check $(CODE)
	$(BIN)/ruff format --check $(CODE)
	$(BIN)/mypy

fix: $(VENV)/.dev
	$(BIN)/ruff check --fix $(CODE)
	$(BIN)/ruff format $(CODE)
	$(BIN)/python -m gateway schema > config.schema.json
	$(BIN)/python -m gateway.config.manual docs/configuration.md

# CACHE_TRACES= names a folder of popularity traces, one key a line; else one is drawn.
bench: $(VENV)/.dev
	$(BIN)/python -m bench
	$(BIN)/python -m bench crowd
	-$(MAKE) compile
	$(BIN)/python -m bench hitpath --plot docs/hits.svg
	$(BIN)/python -m bench instructions
	$(MAKE) interpreted
	$(BIN)/python -m bench misses
	$(BIN)/python -m bench shapes
	$(BIN)/python -m bench memory
	$(BIN)/python -m bench growth
	$(BIN)/python -m bench instructions
	$(BIN)/python -m bench caching_libraries
	$(BIN)/python -m bench eviction
	$(BIN)/python -m bench heavy_hitters
	$(BIN)/python -m bench savings
	$(BIN)/python -m bench popularity
	$(BIN)/python -m bench simulation
	$(BIN)/python -m bench observability
	$(BIN)/python -m bench coherence --in-process --fleets 4
	$(BIN)/python -m bench coherence --rounds 500

# Five minutes; python -m bench soak --seconds 60 is a short one.
bench-soak: $(VENV)/.dev
	$(BIN)/python -m bench soak

# FAITHFULNESS_DATA= names a folder of labelled pairs, which is no part of the project.
bench-grounding: $(VENV)/.dev
	$(BIN)/python -m bench.grounding

# Hashes and no index URLs: whoever installs chooses the registry (docs/decisions.md).
lock: $(VENV)/.uv
	$(BIN)/uv pip compile -q requirements/uv.in $(COMPILE) -o requirements/uv.txt
	$(BIN)/uv pip compile -q pyproject.toml $(COMPILE) -o requirements/run.txt
	$(BIN)/uv pip compile -q pyproject.toml --group dev $(COMPILE) -o requirements/dev.txt
	$(BIN)/uv pip compile -q requirements/compile.in $(COMPILE) -c requirements/dev.txt -o requirements/compile.txt
	$(BIN)/uv pip compile -q requirements/contract.in $(COMPILE) -o requirements/contract.txt
COMPILE := --upgrade --universal --python-version 3.11 --generate-hashes --no-emit-index-url --no-header

$(VENV)/.uv: requirements/uv.txt
	$(PYTHON) -m venv $(VENV)
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --require-hashes -r requirements/uv.txt
	@touch $@

# The dev set holds the run set: a venv that is ready for tests is ready to run.
$(VENV)/.run: requirements/run.txt $(VENV)/.uv
	@test -f $(VENV)/.dev || $(BIN)/uv pip install --quiet --require-hashes --python $(BIN)/python -r requirements/run.txt
	@touch $@

$(VENV)/.dev: requirements/dev.txt $(VENV)/.uv
	$(BIN)/uv pip install --quiet --require-hashes --python $(BIN)/python -r requirements/dev.txt
	@touch $@

$(VENV)/.compile: requirements/compile.txt $(VENV)/.run
	$(BIN)/uv pip install --quiet --require-hashes --python $(BIN)/python -r requirements/compile.txt
	@touch $@

# Of tools that are no part of the gateway, nor of its tests.
$(VENV)-contract/.ready: requirements/contract.txt $(VENV)/.uv
	$(PYTHON) -m venv $(VENV)-contract
	$(BIN)/uv pip install --quiet --require-hashes --python $(VENV)-contract/bin/python -r requirements/contract.txt
	@touch $@

$(VENV)/axe/node_modules/axe-core/axe.min.js: $(VENV)/.uv
	npm install --silent --no-audit --no-fund --prefix $(VENV)/axe axe-core@$(AXE_CORE)
	@touch $@
AXE_CORE := 4.14.1

clean: interpreted
	rm -rf $(VENV) $(VENV)-contract .mypy_cache .ruff_cache .pytest_cache
