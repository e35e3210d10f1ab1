# Two commands do it all: `make run` and `make test`. Each sets up .venv first if needed.
PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
READY := $(VENV)/.ready

.PHONY: run test test-all test-without-numba bench numbers mutate lint clean

run: $(READY)
	$(BIN)/routing-game check --out runs/check

test: $(READY)
	$(BIN)/pytest -n 2 -m "not slow"

test-all: $(READY)
	$(BIN)/pytest -n 2

TWO_ENGINES := compiled theory_provider theory_user env_engine env_sampler env_user env_provider
test-without-numba: $(READY)
	PYTHONPATH=tests $(BIN)/pytest -n 2 -m "not slow" -p hide_numba $(TWO_ENGINES:%=tests/test_%.py)

bench: $(READY)
	mkdir -p .benchmarks
	$(BIN)/pytest benchmarks -s --benchmark-columns=min,median,ops --benchmark-sort=fullname \
		--benchmark-json=.benchmarks/bench.json

numbers: $(READY)
	$(BIN)/python docs/results/make.py

MUTATE ?= --sample 3 --workers 2
mutate: $(READY)
	$(BIN)/pip install -q cosmic-ray
	$(BIN)/python tests/mutate.py $(MUTATE)

lint: $(READY)
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy

$(READY): pyproject.toml constraints.txt
	$(PYTHON) -c "import sys; sys.exit(sys.version_info < (3, 11) and 'routing_game needs Python 3.11 or newer: make PYTHON=python3.11 ...')"
	test -d $(VENV) || $(PYTHON) -m venv $(VENV)
	$(BIN)/pip install -q -c constraints.txt -e ".[dev]"
	touch $@

clean:
	rm -rf $(VENV) build *.egg-info .pytest_cache .mypy_cache .ruff_cache .hypothesis .benchmarks
