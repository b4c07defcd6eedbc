# make run    the main job: compile, convert, load and run examples/flows.c, and print its map; flows.py too
# make test   everything, with the core as plain Python and compiled
# make help   the rest
PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
OUT := build
COMPILED := $(CURDIR)/$(OUT)/compiled
PYTEST := $(BIN)/python -m pytest -n 2
PYTEST_ARGS ?=
# A UDP datagram from 10.0.0.1 to 10.0.0.2, port 80.
PACKET := 0200000000020200000000010800 4500001c00000000401100000a0000010a000002 1388005000080000
# For a compiled core the sources are installed beside, and found first.
WITH_COMPILED := PYTHONPATH=$(COMPILED)

.PHONY: run test check bench corpus clean distclean help tools compiled

# Exit code 3: there are no privileges to load programs.
run: $(VENV)/.run
	@mkdir -p $(OUT)
	$(BIN)/btfkit cc examples/flows.c -o $(OUT)/flows.o
	$(BIN)/btfkit show $(OUT)/flows.o
	$(BIN)/btfkit plan $(OUT)/flows.o
	$(BIN)/python examples/run_flows.py $(OUT)/flows.o
	$(BIN)/btfkit build examples/flows.py -o $(OUT)/flows-py.o
	$(BIN)/btfkit show $(OUT)/flows-py.o
	$(BIN)/btfkit run examples/flows.py --set limit=0 --hex "$(PACKET)" --maps || test $$? = 3

test: tools $(VENV)/.dev
	BTFKIT_PURE=1 $(PYTEST) $(PYTEST_ARGS)
	$(MAKE) compiled
	$(WITH_COMPILED) $(PYTEST) $(PYTEST_ARGS)

check: $(VENV)/.dev
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy --strict src
	$(PYTEST) tests/tidy tests/kernel/test_readme.py

bench: $(VENV)/.dev compiled
	$(WITH_COMPILED) $(BIN)/python benchmarks/run.py

corpus: tools $(VENV)/.dev compiled
	$(WITH_COMPILED) $(BIN)/python tools/corpus.py

# The programs that tests ask for a second opinion; says what is missing where it may not install it.
tools:
	tools/install-deps.sh

# Both environments are one: what `make run` needs, and then what development needs. The package is installed in
# place and as plain Python, so that a change of the sources needs no new installation.
$(VENV)/.run: pyproject.toml setup.py
	test -x $(BIN)/python || $(PYTHON) -m venv $(VENV)
	BTFKIT_PURE=1 $(BIN)/python -m pip install --quiet --disable-pip-version-check --editable '.[c]'
	@touch $@

$(VENV)/.dev: $(VENV)/.run
	BTFKIT_PURE=1 $(BIN)/python -m pip install --quiet --disable-pip-version-check --editable '.[c,dev]'
	@touch $@

# Always anew: what setuptools left from last time would be installed too.
compiled: $(VENV)/.dev
	rm -rf $(COMPILED) $(OUT)/lib* $(OUT)/bdist*
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --no-deps --no-build-isolation \
		--target $(COMPILED) .
	@$(WITH_COMPILED) $(BIN)/python -c 'import sys; from btfkit import _core; \
		sys.exit(None if _core.COMPILED else "the core was not compiled: is there a C compiler, and Python.h?")'

clean:
	rm -rf $(OUT) .pytest_cache .mypy_cache .ruff_cache .hypothesis
	find src tests examples -name __pycache__ -type d -prune -exec rm -rf {} +

distclean: clean
	rm -rf $(VENV) src/*.egg-info

help:
	@echo 'make run        the main job, on this machine'"'"'s kernel'
	@echo 'make test       all tests, twice: plain and compiled; PYTEST_ARGS=... is handed on'
	@echo 'make check      ruff, mypy, and the rules of the house'
	@echo 'make bench      time and memory, beside other tools'
	@echo 'make corpus     the programs of the kernel'"'"'s own tests, through every form'
	@echo 'make clean      remove what was built; make distclean: the environment too'
