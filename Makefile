# `make serve` and `make test` are all that a fresh machine needs: Python 3.11 or newer, make and gcc.

PYTHON ?= python3
HOST ?= 127.0.0.1
PORT ?= 8000

# onnxruntime and onnxruntime-gpu cannot be in one environment: the driver decides.
COMMA := ,
RUNTIME := $(if $(shell command -v nvidia-smi),gpu,cpu)
BACKENDS := $(if $(filter cpu,$(RUNTIME)),cpu$(COMMA)openvino,gpu)
INSTALL := install --disable-pip-version-check --constraint constraints.txt
PIP := -m pip $(INSTALL)
SOURCES := pyproject.toml constraints.txt

.PHONY: help setup serve test lint bench fuzz licences hashes sbom kinds clean
.DEFAULT_GOAL := help

help: ## Show this list
	@grep -hE '^[a-z.-]+:.*## ' $(MAKEFILE_LIST) | awk -F ':.*## ' '{printf "  make %-10s %s\n", $$1, $$2}'

setup: .venv/.served ## Install, pull the default models, export what needs exporting
	@echo "==> Model files"
	@.venv/bin/kernelsight models pull
	@if [ -n "$$(.venv/bin/kernelsight models list --to-export)" ]; then \
		$(MAKE) --no-print-directory .venv-export/.exports && \
		echo "==> Exporting models to ONNX" && .venv-export/bin/kernelsight models export; \
	fi

serve: setup ## Set up and serve on http://HOST:PORT (127.0.0.1:8000)
	@.venv/bin/kernelsight serve --host $(HOST) --port $(PORT)

test: setup .venv/.developed .venv-export/.developed ## Set up and run all tests
	.venv/bin/pytest --numprocesses 2 --dist loadfile --no-loadscope-reorder # most of their time is a wait for some other process
	.venv-export/bin/pytest tests/export

lint: .venv/.developed ## Run ruff, mypy and import-linter
	.venv/bin/ruff check .
	.venv/bin/ruff format --check .
	.venv/bin/mypy
	.venv/bin/lint-imports

bench: setup .venv/.developed ## Measure: engine, runtime and HTTP on this machine (minutes)
	.venv/bin/kernelsight models bench efficientnet-lite0
	.venv/bin/python benchmarks/http_load.py

FUZZ_EXAMPLES ?= 4000
FUZZERS := tests/pipelines/image/test_fuzz.py tests/pipelines/documents/pdf/test_fuzz.py \
	tests/service/http/test_damaged_uploads.py tests/service/http/test_openapi_conformance.py

fuzz: setup .venv/.developed ## Damage FUZZ_EXAMPLES images and PDFs (4000), upload more, ask every route: others in each run
	FUZZ_EXAMPLES=$(FUZZ_EXAMPLES) .venv/bin/pytest -k "damaged or as_the_document_says" $(FUZZERS)

licences: .venv/.developed ## List the licences of what the service needs
	@.venv/bin/python -m deploy.licences

hashes: .venv/.developed ## Write requirements/*.txt, the image's packages with their hashes, after a change of constraints.txt
	.venv/bin/python -m deploy.hashes

sbom: .venv-sbom/.installed ## Write sbom.json, a CycloneDX bill of materials of what the service needs
	.venv-sbom/tool/bin/cyclonedx-py environment --pyproject pyproject.toml --output-reproducible \
		--output-file sbom.json .venv-sbom/service/bin/python

photo.png: .venv/.served ## Fetch pictures to try things with (photo.png, portrait.png, page.png: scikit-image's)
	@.venv/bin/python -m pip download --quiet --disable-pip-version-check --no-deps --constraint constraints.txt \
		--dest .photo scikit-image
	@.venv/bin/python -m zipfile -e .photo/*.whl .photo
	@mv .photo/skimage/data/astronaut.png portrait.png && mv .photo/skimage/data/page.png page.png && mv .photo/skimage/data/coffee.png $@ && rm -r .photo
	@echo "==> photo.png, portrait.png and page.png"

kinds: .venv-kinds/.installed ## Train the head that tells the kind of a picture, and print its figures (an hour)
	QT_LOGGING_RULES='*=false' .venv-kinds/bin/python -m benchmarks.kinds.train .venv-kinds/pictures

clean: ## Remove the environments (the model store stays)
	rm -rf .venv .venv-export .venv-sbom .venv-kinds

.venv/.served: $(SOURCES)
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' || \
		{ echo "KernelSight needs Python 3.11 or newer; name one with: make PYTHON=python3.11 $(MAKECMDGOALS)"; exit 1; }
	@echo "==> Installing KernelSight ($(RUNTIME)) into .venv"
	@$(PYTHON) -m venv .venv
	.venv/bin/python $(PIP) --editable '.[$(BACKENDS),embedded,batch]'
	@touch $@

.venv/.developed: .venv/.served
	@echo "==> Installing what tests and linting need into .venv"
	.venv/bin/python $(PIP) --editable '.[$(BACKENDS),embedded,batch,dev]'
	@touch $@

.venv-kinds/.installed: $(SOURCES) benchmarks/kinds/requirements.txt
	@echo "==> Installing what draws the training pictures into .venv-kinds"
	@$(PYTHON) -m venv .venv-kinds
	.venv-kinds/bin/python $(PIP) --editable '.[$(RUNTIME)]' --requirement benchmarks/kinds/requirements.txt
	@touch $@

# The tool has an environment of its own: it needs twenty packages that the bill must not list.
.venv-sbom/.installed: $(SOURCES)
	@echo "==> Installing what the service needs, and cyclonedx-bom, into .venv-sbom"
	@$(PYTHON) -m venv .venv-sbom/tool
	@$(PYTHON) -m venv --without-pip .venv-sbom/service
	.venv-sbom/tool/bin/python $(PIP) --quiet cyclonedx-bom
	.venv-sbom/tool/bin/python -m pip --python .venv-sbom/service/bin/python $(INSTALL) --quiet --editable '.[$(BACKENDS),embedded,batch,otel]'
	@touch $@

# PyTorch is for export alone, so it has an environment of its own. Without a GPU its builds for CPUs do,
# a tenth of pip's default in size; they are on PyTorch's own index, which not every machine can reach.
TORCH_CPU_INDEX ?= https://download.pytorch.org/whl/cpu

.venv-export/.exports: $(SOURCES)
	@echo "==> Installing PyTorch into .venv-export, for exporting models (once; up to 6 GB with CUDA)"
	@$(PYTHON) -m venv .venv-export
	@if [ $(RUNTIME) = cpu ] && .venv-export/bin/python -c \
		'import urllib.request; urllib.request.urlopen("$(TORCH_CPU_INDEX)/torch/", timeout=5)' 2>/dev/null; then \
		.venv-export/bin/python $(PIP) --no-deps --index-url $(TORCH_CPU_INDEX) torch torchvision || true; \
	fi
	.venv-export/bin/python $(PIP) --editable '.[cpu,export]'
	@touch $@

.venv-export/.developed: .venv-export/.exports
	.venv-export/bin/python $(PIP) --editable '.[cpu,export,parity,dev]'
	@touch $@
