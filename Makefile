# make demo   one model learns eight problems, prints what it learned, writes demo/run/report.html
# make test   all tests but the slow ones
# make bench  the quick half of all benchmarks, five to eight minutes (benchmarks/README.md)
# Each creates .venv and installs into it; when setup.cfg has not changed since, that takes no time.

PYTHON ?= python3
VENV := .venv
RUN := $(VENV)/bin/python
INSTALLED := $(VENV)/.installed

export TF_CPP_MIN_LOG_LEVEL ?= 3

.DELETE_ON_ERROR:
.PHONY: help demo test test-slow bench install clean

help:
	@echo "make demo | test | test-slow | bench | install | clean"

demo: $(INSTALLED)
	$(RUN) -m t2t_mm.cli.demo

# Two processes, a test file to each.
test: $(INSTALLED)
	$(RUN) -m pytest -n 2 --dist loadfile

test-slow: $(INSTALLED)
	$(RUN) -m pytest -n 2 --dist loadfile -m slow

bench: $(INSTALLED)
	$(RUN) -m benchmarks

install: $(INSTALLED)

$(INSTALLED): setup.cfg pyproject.toml
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' || { \
	  echo "Python 3.11 or newer is needed, and '$(PYTHON)' is not one. Name one: make PYTHON=python3.11 $(MAKECMDGOALS)" >&2; \
	  exit 1; }
	test -x $(RUN) || $(PYTHON) -m venv $(VENV)
	$(RUN) -m pip install --quiet --disable-pip-version-check --editable '.[demo,test]'
	@touch $@

# Keeps .venv; remove that by hand. The demo's data and run go.
clean:
	rm -rf demo build dist *.egg-info .pytest_cache
	find t2t_mm tests -name __pycache__ -type d -prune -exec rm -rf {} +
