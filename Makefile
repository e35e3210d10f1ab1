# Two commands do it all: `make run` and `make test`. Each first sets up .venv if needed: `run` with
# what running needs, the others with the tools besides. Whatever is installed has a wheel: no
# compiler is asked for. Without make, see the README.
PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
RUN := $(VENV)/.run
DEV := $(VENV)/.dev

.PHONY: run test test-all test-without-numba bench numbers mutate lint clean

run: $(RUN)
	$(BIN)/routing-game check --out runs/check

test: $(DEV)
	$(BIN)/pytest -n 2 --dist worksteal -m "not slow"

test-all: $(DEV)
	$(BIN)/pytest -n 2 --dist worksteal

TWO_ENGINES := compiled theory_provider theory_user env_engine env_sampler env_user env_provider
test-without-numba: $(DEV)
	PYTHONPATH=tests $(BIN)/pytest -n 2 -m "not slow" -p hide_numba $(TWO_ENGINES:%=tests/test_%.py)

bench: $(DEV)
	mkdir -p .benchmarks
	$(BIN)/pytest benchmarks -s --benchmark-columns=min,median,ops --benchmark-sort=fullname \
		--benchmark-json=.benchmarks/bench.json

numbers: $(DEV)
	$(BIN)/python docs/results/make.py

MUTATE ?= --sample 3 --workers 2
mutate: $(DEV)
	$(BIN)/pip install -q cosmic-ray
	$(BIN)/python tests/mutate.py $(MUTATE)

lint: $(DEV)
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy

PIP = $(BIN)/pip install -q --disable-pip-version-check --only-binary :all: -c constraints.txt

$(RUN): pyproject.toml constraints.txt
	@$(PYTHON) -c "import sys; sys.exit(sys.version_info < (3, 11) and 'routing_game needs Python 3.11 or newer: make PYTHON=python3.11 ...')"
	@echo "Setting up $(VENV) once: PyTorch, stable-baselines3, matplotlib and what they need (some minutes) ..."
	test -d $(VENV) || $(PYTHON) -m venv $(VENV)
	$(PIP) -e ".[experiments]"
	@touch $@
	@echo "... done; to use it yourself: . $(BIN)/activate"

$(DEV): $(RUN)
	@echo "Adding what tests need to $(VENV): pytest, hypothesis, numba, mypy, ruff ..."
	$(PIP) -e ".[dev]"
	@touch $@

clean:
	rm -rf $(VENV) build *.egg-info .pytest_cache .mypy_cache .ruff_cache .hypothesis .benchmarks
