# `make demo` and `make test` need Python 3.11 or newer with venv and pip, and nothing else.
PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
READY := $(VENV)/ready

# Without compiled modules each process that a test starts compiles the program anew.
unexport PYTHONDONTWRITEBYTECODE

.PHONY: demo test test-versions snapshots docs pictures lint format clean

demo: $(READY)
	$(BIN)/workbench demo $(ARGS)

test: $(READY)
	$(BIN)/python -m pytest -n 6 --dist loadfile --no-loadscope-reorder $(ARGS)

test-versions: $(READY)
	$(BIN)/python tests/versions.py

snapshots: $(READY)
	$(BIN)/python -m pytest -q tests/workbench/tui/test_snapshots.py --renew $(ARGS)

docs: $(READY)
	$(BIN)/python tests/command_pages.py
	$(BIN)/python tests/key_page.py

pictures: $(READY)
	$(BIN)/workbench demo --no-ui
	$(BIN)/python tests/pictures.py demo-workspace

lint: $(READY)
	$(BIN)/ruff format --check .
	$(BIN)/ruff check .
	$(BIN)/mypy
	$(BIN)/lint-imports

format: $(READY)
	$(BIN)/ruff format .
	$(BIN)/ruff check --fix .

$(READY): pyproject.toml constraints.txt
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' || \
		{ echo "Python 3.11 or newer is needed; name one with make PYTHON=python3.12"; exit 1; }
	$(PYTHON) -m venv $(VENV)
	$(BIN)/python -m pip install --quiet --disable-pip-version-check -c constraints.txt -e '.[dev]'
	@touch $(READY)

clean:
	rm -rf $(VENV) .venv-3.* build dist demo-workspace
