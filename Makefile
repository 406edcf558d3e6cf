# make test: everything that CI checks.  make demo: from nothing to a report on real digits.
PYTHON ?= python3
BIN := .venv/bin
SHELL := /bin/bash

.PHONY: help test test-slow lint types demo clean

help:
	@grep -E '^# ' Makefile | sed 's/^# //'

# Rebuilt when the dependencies change.
.venv/installed: setup.cfg pyproject.toml
	@echo "installing into .venv: a minute or two"
	$(PYTHON) -m venv .venv
	$(BIN)/python -m pip install --quiet --upgrade pip
	$(BIN)/python -m pip install --quiet --editable '.[dev]'
	touch $@

lint: .venv/installed
	$(BIN)/ruff check .
	$(BIN)/ruff format --check --quiet .

types: .venv/installed
	$(BIN)/mypy

# Several workers, a thread each: the tests' models are too small for more. One more than cores: some wait for processes.
WORKERS := $(shell n=$$(nproc 2>/dev/null || echo 3); echo $$((n < 4 ? n + 1 : 4)))
test: lint types
	OMP_NUM_THREADS=1 $(BIN)/python -m pytest --numprocesses $(WORKERS) --dist loadfile --no-loadscope-reorder

test-slow: .venv/installed
	$(BIN)/python -m pytest -m slow

# The commands that a user would type, echoed; two at a time, a thread each, and what one has said stands together.
demo: .venv/installed
	@source $(BIN)/activate; start=$$SECONDS; export OMP_NUM_THREADS=1; \
	run() { echo "+ $$*"; said=$$("$$@" 2>&1); code=$$?; printf '+ %s:\n%s\n\n' "$$*" "$$said"; return $$code; }; \
	train() { for job in "$$@"; do run python train.py fit --config configs/digits/$$job.yaml || return; done; }; \
	train features flow classifier & first=$$!; train autoencoders svm oracle oracle_noise & second=$$!; \
	wait $$first && wait $$second || exit; \
	run python explain.py --config configs/digits/explain_4_to_9.yaml & first=$$!; \
	run python explain.py --config configs/digits/explain.yaml & second=$$!; \
	wait $$first && wait $$second || exit; \
	echo "demo: $$((SECONDS - start)) s after installation; runs/digits/explain_4_to_9/report.html and runs/digits/explain/report.html"

clean:
	rm -rf .venv runs *.egg-info .mypy_cache .ruff_cache .pytest_cache
