# make book | make test : each one makes .venv, installs the pinned packages and does its work.
PYTHON ?= python3
VENV   := .venv
ifeq ($(OS),Windows_NT)
  BIN  := $(VENV)/Scripts
else
  BIN  := $(VENV)/bin
endif
READY  := $(VENV)/.ready

.PHONY: book test clean

book: $(READY)
	$(BIN)/course book

test: $(READY)
	$(BIN)/python -m pytest

# The stamp is written last: an interrupted installation starts again.
$(READY): requirements.txt pyproject.toml
	$(PYTHON) -c 'import sys; v = sys.version_info[:2]; sys.exit(None if (3, 11) <= v < (3, 14) else "Python 3.11, 3.12 or 3.13 is needed; $(PYTHON) is %d.%d. Try: make PYTHON=python3.12" % v)'
	$(PYTHON) -m venv $(VENV)
	$(BIN)/python -m pip install --disable-pip-version-check -r requirements.txt
	$(BIN)/python -m pip install --disable-pip-version-check --no-deps -e .
	@echo ready > $(READY)

clean:
	rm -rf _build
