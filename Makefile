# Two commands do everything on a fresh machine: `make demo` and `make test`.
#
#   CLUSTER=current   use the cluster of the current kubeconfig context (never chosen by itself)
#   CLUSTER=kind      kind, with a Docker engine        (chosen where one answers)
#   CLUSTER=local     Kubernetes from source, as root   (chosen elsewhere on Linux)

SHELL := /bin/bash
PY := .venv/bin/python
CODE := operator protocol streamer dev bench tests
export PYTHONDONTWRITEBYTECODE := 1

.PHONY: help
help:
	@echo 'make demo        a cluster, two simulated phones, and their pictures in your browser'
	@echo 'make demo-down   remove everything that the demo started'
	@echo 'make test        lint and all tests, on a cluster that is removed afterwards'
	@echo 'make test-unit   the tests that need nothing but Python'
	@echo 'make bench NAME=glass|start|join|fanout   measure; the table also goes to bench/out/NAME.json'
	@echo 'make figures     print the figures of the README from bench/out'
	@echo 'make fuzz        fuzz all that reads the network, 60 s each; TIME=seconds, NAME=parser'
	@echo 'make lint        ruff, mypy, import-linter'
	@echo 'make images      build the images with Docker or buildah'
	@echo 'make lock        resolve requirements/*.txt anew'

.PHONY: setup
setup:
	@python3 dev/setup_venv.py

.PHONY: demo
demo: setup
	@$(PY) -m dev.demo up

.PHONY: demo-down
demo-down: setup
	@$(PY) -m dev.demo down

.PHONY: images
images: setup
	@$(PY) -m dev.images build

.PHONY: lint
lint: setup
	.venv/bin/ruff format --check $(CODE)
	.venv/bin/ruff check $(CODE)
	.venv/bin/mypy $(CODE)
	.venv/bin/lint-imports

.PHONY: test
test: lint
	@$(PY) -m dev.test

.PHONY: test-unit
test-unit: setup
	$(PY) -m pytest tests/unit

.PHONY: bench
bench: setup
	@$(PY) -m bench $(NAME)

.PHONY: figures
figures: setup
	@$(PY) -m bench.figures

.PHONY: fuzz
fuzz: setup
	@$(PY) -m tests.fuzz --seconds $(or $(TIME),60) $(NAME)

.PHONY: lock
lock: setup
	@$(PY) -m dev.lock
