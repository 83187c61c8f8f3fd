# Two commands on a fresh machine with Python 3.11 to 3.14, git and make:
#
#   make demo [REPO=<url or path>]    the whole product once, on this machine, and its answers
#   make test                         everything that can be tested
#
# and: make up (the same stack, left running), make check (the fast inner loop), make clean, and
#
#   make chaos [SEED=1] [JOBS=200] [SEEDS=1]    kills, lost replies, freezes: is anything lost, is anything doubled?
#
# Without make (Windows: py bootstrap.py, then .venv\Scripts\pharos …):
#
#   python3 bootstrap.py
#   .venv/bin/pharos demo [<url or path>]
#   .venv/bin/pharos up
#   .venv/bin/python -m pytest

REPO ?=
SEED ?= 1
JOBS ?= 200
SEEDS ?= 1
VENV := .venv/bin/python

# The first Python that fits is found by running it: a name on the PATH may be a shim that only fails. One that brings
# no venv is taken last, so that bootstrap.py can name the package that is missing.
FITS := import sys; sys.exit(not (3, 11) <= sys.version_info[:2] <= (3, 14))
WHOLE := import ensurepip, venv; $(FITS)
CANDIDATES := python3.14 python3.13 python3.12 python3.11 python3 python
define FIND_PYTHON
for program in "$(WHOLE)" "$(FITS)"; do for name in $(CANDIDATES); do \
	if $$name -c "$$program" >/dev/null 2>&1; then echo $$name; exit; fi; done; done
endef
PYTHON = $(or $(shell $(FIND_PYTHON)),$(error Python 3.11 to 3.14 is needed and none was found. \
	Bring it with: apt install python3 python3-venv (Debian), brew install python@3.13 (macOS)))

.PHONY: demo up test chaos check format clean

demo: bootstrap-demo
	@$(VENV) -m pharos demo $(if $(REPO),'$(subst ','\'',$(REPO))')

up: bootstrap-up
	@$(VENV) -m pharos up

test: bootstrap-test
	@$(VENV) -m pytest -n logical --maxprocesses 4 --dist loadgroup

chaos: bootstrap-test
	@$(VENV) -m tests.chaos --seed $(SEED) --jobs $(JOBS) --seeds $(SEEDS)

check: bootstrap-check
	@$(VENV) -m ruff format --check .
	@$(VENV) -m ruff check .
	@$(VENV) -m mypy
	@$(VENV) -c "from importlinter.cli import lint_imports_command; lint_imports_command()"
	@$(VENV) -m pytest tests/unit tests/architecture -n 2 --dist loadgroup

format: bootstrap-check
	@$(VENV) -m ruff format .
	@$(VENV) -m ruff check --fix .

bootstrap-%:
	@$(PYTHON) bootstrap.py --for $*

# The data of the stacks (.pharos*) stay.
clean:
	rm -rf .venv build dist *.egg-info .mypy_cache .ruff_cache .pytest_cache .hypothesis .import_linter_cache
	find . -name __pycache__ -type d -prune -exec rm -rf {} +
