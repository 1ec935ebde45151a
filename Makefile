# Every target works alone on a fresh clone, with Python 3.11 or newer and its pip; GNU make 3.81 (macOS) is enough.
#
#   make demo      the whole journey on a server of its own
#   make test      all tests; PYTEST_ARGS="-n 2 --dist loadfile" spreads them over two processes
#   make torture   every fault at every request, every crash point: what `test` takes samples of; PYTEST_ARGS as above
#   make check     lint, format, types, import contracts, files, generated files: what CI runs before the tests
#   make format    what `check` would ask for, done
#   make generated JSON Schemas and docs/stores.md, written anew from their models and rows
#   make bench     s3plan and other tools on the same work, for hours; BENCH_ARGS=--quick for a try, --help for more
#   make build     wheel and sdist, into dist/
#   make clean     everything that these targets made

PYTHON ?= python3
VENV ?= .venv
PYTEST_ARGS ?=
BENCH_ARGS ?=

# Each command that a test starts would compile the whole house anew.
unexport PYTHONDONTWRITEBYTECODE

BIN := $(VENV)/bin
# Build tools are held by constraints.txt as well: pip up to 25.2 reads the first name for them, later ones the second.
PIP_INSTALL := PIP_CONSTRAINT=constraints.txt PIP_BUILD_CONSTRAINT=constraints.txt PIP_DISABLE_PIP_VERSION_CHECK=1 \
	$(BIN)/python -m pip install --quiet -c constraints.txt
# Each has GENERATED_FILE and generated_text(), and writes the one into the other when it is run.
GENERATED := s3plan.schemas.manifest.schema s3plan.planfile.documents.header_schema s3plan.planfile.documents.plan_schema \
	s3plan.storage.s3.stores.page

.PHONY: help demo test torture check format generated bench build clean
.DELETE_ON_ERROR:

help:
	@sed -n '3,11s/^#   //p' Makefile

demo: $(VENV)/.with-demo
	$(BIN)/s3plan demo

test: $(VENV)/.with-dev
	$(BIN)/python -m pytest $(PYTEST_ARGS)

torture: $(VENV)/.with-dev
	S3PLAN_TORTURE=1 $(BIN)/python -m pytest tests/campaign tests/crash tests/functional $(PYTEST_ARGS)

# import-linter takes no subpackages of a package as roots, so it sees the code as type checkers do, through .typing.
check: $(VENV)/.with-dev
	$(BIN)/ruff check
	$(BIN)/ruff format --check
	$(BIN)/mypy
	PYTHONPATH=.typing $(BIN)/lint-imports --no-logo
	$(BIN)/python -m pytest -q tests/unit/test_packaging.py
	@for module in $(GENERATED); do \
		$(BIN)/python -c 'import sys, importlib; made = importlib.import_module(sys.argv[1]); \
			sys.exit(made.GENERATED_FILE.read_text(encoding="utf-8") != made.generated_text())' $$module \
		|| { echo "what $$module makes is not up to date: run make generated"; exit 1; }; \
	done; echo "generated files are up to date"

format: $(VENV)/.with-dev
	$(BIN)/ruff check --fix-only
	$(BIN)/ruff format

generated: $(VENV)/.with-dev
	@for module in $(GENERATED); do $(BIN)/python -m $$module || exit 1; done

bench: $(VENV)/.with-demo
	$(BIN)/python -m benchmarks $(BENCH_ARGS)

# setuptools takes up what an earlier build left in build/, so it goes first.
build: $(VENV)/.with-dev
	rm -rf build dist
	$(BIN)/python -m build --no-isolation

clean:
	rm -rf $(VENV) build dist s3plan.egg-info .mypy_cache .ruff_cache .pytest_cache .import_linter_cache .hypothesis
	find . -name __pycache__ -type d -prune -exec rm -rf {} +

# The stamps say what is installed; `dev` holds all of `demo`, so a venv for tests is good for the demo too.
$(VENV)/.with-dev: pyproject.toml constraints.txt
	@$(MAKE_VENV)
	@echo "installing s3plan[dev] into $(VENV)"
	@$(PIP_INSTALL) -e '.[dev]'
	@touch $(VENV)/.with-demo $@

$(VENV)/.with-demo: pyproject.toml constraints.txt
	@$(MAKE_VENV)
	@echo "installing s3plan[demo] into $(VENV)"
	@$(PIP_INSTALL) -e '.[demo]'
	@touch $@

# A venv that works is kept and brought up to date; one whose Python has gone, or is too old, is made anew.
define MAKE_VENV
if ! $(BIN)/python -c 'import pip, sys; sys.exit(sys.version_info < (3, 11))' 2>/dev/null; then \
	if ! $(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' 2>/dev/null; then \
		echo "s3plan needs Python 3.11 or newer, and '$(PYTHON)' is `$(PYTHON) --version 2>&1 || true`." >&2; \
		echo "Name another one: make PYTHON=python3.12 ..." >&2; \
		exit 1; \
	fi; \
	echo "making $(VENV) with `$(PYTHON) --version`"; \
	$(PYTHON) -m venv --clear $(VENV) || { \
		echo "'$(PYTHON) -m venv' failed: Debian and Ubuntu have it in the package python3-venv." >&2; exit 1; }; \
fi
endef
