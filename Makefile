# Every target sets up what it needs in .venv, from nothing but Python 3.11 or newer and a package index.
PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
VIDEO ?=
# Tests of one file stay in one process, which makes its fixtures once.
WORKERS ?= --numprocesses auto --maxprocesses 8 --dist loadfile

.PHONY: demo test test-all coverage lint format docs encoder clean

# One stamp per set of packages: repeated runs install nothing.
$(VENV)/demo: EXTRAS := demo
$(VENV)/test: EXTRAS := demo,test
$(VENV)/recipes: EXTRAS := demo,test,recipes
$(VENV)/docs: EXTRAS := docs
$(VENV)/demo $(VENV)/test $(VENV)/recipes $(VENV)/docs: pyproject.toml constraints.txt
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' \
		|| { echo "motionveil needs Python 3.11 or newer; say which with: make PYTHON=python3.12"; exit 1; }
	@test -x $(BIN)/python || $(PYTHON) -m venv $(VENV)
	@echo "installing into $(VENV) ..."
	@$(BIN)/python -m pip install --quiet --disable-pip-version-check --constraint constraints.txt --editable '.[$(EXTRAS)]'
	@touch $@

demo: $(VENV)/demo
	@$(BIN)/python examples/demo.py $(if $(VIDEO),"$(VIDEO)")

lint: $(VENV)/test
	$(BIN)/ruff check
	$(BIN)/ruff format --check
	$(BIN)/mypy

test: lint
	$(BIN)/python -m pytest $(WORKERS) -m "not slow and not gpu and not weights"

test-all: lint
	$(BIN)/python -m pytest $(WORKERS)

# The report lies in build/coverage/index.html.
coverage: $(VENV)/test
	$(BIN)/python -m pytest $(WORKERS) -m "not slow and not gpu and not weights" --cov --cov-report=term --cov-report=html

# The website: build/site/index.html. Warnings, such as broken links, are errors; nothing is loaded from elsewhere.
docs: $(VENV)/docs
	NO_MKDOCS_2_WARNING=1 $(BIN)/python -m mkdocs build --strict --clean

format: $(VENV)/test
	$(BIN)/ruff format
	$(BIN)/ruff check --fix

# Train the embedded encoder again: make encoder DATA=folder with parts/, parts_indoor/ and wild/
encoder: $(VENV)/recipes
	$(BIN)/python -m recipes.encoder.train --data "$(DATA)" --out build/encoder
	$(BIN)/python -m recipes.encoder.export --checkpoint build/encoder/checkpoint.pt --data "$(DATA)"
	$(BIN)/python -m recipes.encoder.evaluate --data "$(DATA)"

clean:
	rm -rf $(VENV) build demo .mypy_cache .ruff_cache .pytest_cache
