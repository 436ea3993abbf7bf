# The words of this repository. Each makes the virtual environment that it needs from nothing but a
# Python >= 3.11 and the package registry. `make help` lists them.

VENV := .venv
PY := $(VENV)/bin/python
# All that developers need; what the demo needs; the peers of the benchmarks.
STAMP := $(VENV)/.stamp
DEMO_STAMP := $(VENV)/.stamp-demo
BENCH_STAMP := $(VENV)/.stamp-bench
PIP := $(PY) -m pip install --quiet --disable-pip-version-check

.DEFAULT_GOAL := help
.PHONY: help demo test lint format pytest test-cluster docs bench scale bench-cluster campaign races spin clean

help:
	@echo "make demo    run real tasks on real worker processes, cancel some, show each one's way"
	@echo "make test    everything: lint, types, tests, coverage"
	@echo "make lint    ruff (rules and format) and mypy --strict"
	@echo "make docs    regenerate the generated tables and diagrams"
	@echo "make test-cluster  the tests on real clusters, and those too long for make test"
	@echo "make bench   ours beside its peers, measured; writes docs/benchmarks.md (under 10 minutes)"
	@echo "make bench-cluster  ours beside Scaler's own client, on a real cluster (some 20 minutes)"
	@echo "make scale   ten thousand simulated workers, a million tasks: into docs/why/scale.md"
	@echo "make campaign  slow: twenty rounds of mixed tasks, chance examples, a long simulation"
	@echo "make races   slow: the race kit's full targets, written into docs/races-results.md"
	@echo "make spin    slow: all that \`futurefsm check\` says, said once more by SPIN"
	@echo "DEMO=\"--workers 4\" make demo passes options on; BENCH=\"--quick\" make bench too"

# A name that is found need not run (a version manager's shim may not), so each is tried.
$(PY):
	@found=""; tried=""; \
	for name in $(or $(PYTHON),python3.13 python3.12 python3.11 python3 python); do \
	  version=$$($$name -c 'import sys; print("%d.%d" % sys.version_info[:2])' 2>/dev/null) || continue; \
	  tried="$$tried $$name is $$version;"; \
	  if $$name -c 'import sys, venv, ensurepip; sys.exit(sys.version_info < (3, 11))' 2>/dev/null; \
	  then found=$$name; break; fi; \
	done; \
	if [ -z "$$found" ]; then \
	  echo "futurefsm needs Python 3.11 or newer with its venv module:$${tried:- no python3 was found}" >&2; \
	  echo "Install one, or name it: make PYTHON=/path/to/python3.12 ..." >&2; \
	  exit 1; \
	fi; \
	echo "making $(VENV) with $$found ($$($$found --version))"; \
	$$found -m venv --clear $(VENV)

$(DEMO_STAMP): pyproject.toml | $(PY)
	@echo "installing futurefsm into $(VENV)"
	@$(PIP) --editable '.[cli]'
	@touch $@

$(STAMP): pyproject.toml | $(PY)
	@echo "installing futurefsm and the tools of its developers into $(VENV)"
	@$(PIP) --editable '.[dev]'
	@touch $(DEMO_STAMP) $@

$(BENCH_STAMP): pyproject.toml | $(STAMP)
	@echo "installing the peers of the benchmarks into $(VENV)"
	@$(PIP) --editable '.[bench]'
	@touch $@

demo: $(DEMO_STAMP)
	@$(PY) -m futurefsm demo $(DEMO)

test: lint pytest

lint: $(STAMP)
	$(PY) -m ruff check
	$(PY) -m ruff format --check
	$(PY) -m mypy

format: $(STAMP)
	$(PY) -m ruff check --fix
	$(PY) -m ruff format

# Not `python -m`: that would put this folder on the path, and with it bare modules called fsm and
# client. The thresholds are in pyproject.toml. `make pytest ARGS=tests/fsm` runs a part. The whole
# is run in two halves side by side: those with workers of their own wait much. What the second one
# says comes behind the first. It does not hear of Ctrl-C, as nothing does that a shell has put aside.
PYTEST := $(VENV)/bin/coverage run --parallel-mode $(VENV)/bin/pytest -m "not cluster_long"
WAITING := tests/client tests/cluster
pytest: $(STAMP)
	@rm -f .coverage .coverage.*
ifdef ARGS
	$(PYTEST) $(ARGS)
else
	@said=$$(mktemp); other=; \
	trap 'kill $$other 2>/dev/null; rm -f "$$said"' EXIT; trap 'exit 1' INT TERM; \
	$(PYTEST) $(WAITING:%=--ignore=%) >"$$said" 2>&1 & other=$$!; \
	$(PYTEST) $(WAITING); one=$$?; \
	wait $$other; two=$$?; other=; cat "$$said"; \
	[ $$one -eq 0 ] && [ $$two -eq 0 ]
endif
	@$(PY) -m coverage combine --quiet
	$(PY) -m coverage report

# All that needs a real cluster, the long part too.
test-cluster: $(STAMP)
	$(VENV)/bin/pytest tests/cluster $(ARGS)

docs: $(STAMP)
	$(PY) docs/generate.py

# With this folder on the path: the workers of all peers find the functions that they run.
bench: $(BENCH_STAMP)
	$(PY) -m benchmarks $(BENCH)

# Some ten minutes. `make scale SCALE="--quick"` prints a small one; --real 1000000 is a part of its own.
scale: $(STAMP)
	$(PY) -m benchmarks.scale $(or $(SCALE),--write)

bench-cluster: $(STAMP)
	$(PY) -m benchmarks.cluster --write docs/benchmarks-cluster.md $(BENCH)

# What is too slow for every run, or different in each: twenty rounds of the mixed tasks, examples
# drawn by chance, and a long simulation.
campaign: $(STAMP)
	FUTUREFSM_ROUNDS=20 $(VENV)/bin/pytest -s tests/client/test_mixed.py
	FUTUREFSM_CHANCE=1 $(VENV)/bin/pytest -m hypothesis
	$(PY) -m futurefsm.client.testing campaign $(CAMPAIGN)

# The race kit's full targets: every bug of the gallery under twenty seeds, no false alarms, rates,
# mutants. Some half an hour of one core. `make races RACES="gallery --seeds 3"` runs a part;
# RACES=proofs runs proofs to their end, another hour.
races: $(STAMP) $(if $(RACES),,spin)
	$(PY) -m futurefsm.fsm.testing campaign $(RACES) --jobs $$(nproc) \
	  --also futurefsm.client.testing.live:LIVE --write docs/races-results.md

# Every system that ships, every property, by a model checker of other authors (Debian: spin, gcc).
spin: $(STAMP)
	$(PY) benchmarks/spin.py --if-installed $(SPIN)

clean:
	rm -rf $(VENV) build dist .mypy_cache .ruff_cache .pytest_cache .coverage .coverage.*
