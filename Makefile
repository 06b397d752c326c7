# Two commands on a fresh machine (Python 3.11+, make, a network to a package index):
#
#   make rehearsal     the paper's main line in small, for real, on this machine; sets everything up
#   make test          unit, contract and end-to-end tests
#
# Others: make setup | environments | lint | bench | faults | profile | lock | clean
#   make rehearsal RECIPE="recipes/janus.yaml recipes/rehearsal.yaml mine.yaml" ARGS="-n"

PYTHON ?= python3
RECIPE ?=
ARGS ?=
BIN := .venv/bin

# pip and uv look for wheels in the same places, and for packages in the same index.
export UV_FIND_LINKS ?= $(PIP_FIND_LINKS)
ifdef PIP_INDEX_URL
export UV_DEFAULT_INDEX ?= $(PIP_INDEX_URL)
endif

# Some images set it: every step would then compile its imports anew, which takes longer than most steps.
unexport PYTHONDONTWRITEBYTECODE

.PHONY: setup environments rehearsal test lint bench faults profile lock clean

setup: .venv/.ready

.venv/.ready: requirements.lock pyproject.toml
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11) and "Python 3.11 or newer is needed: make PYTHON=python3.12 ...")'
	$(PYTHON) -m venv --clear .venv
	$(BIN)/python -m pip install --quiet --disable-pip-version-check "$$(sed -n 's/^\(uv==[0-9.]*\).*/\1/p' requirements.lock)"
	$(BIN)/uv pip sync --quiet --compile-bytecode --python $(BIN)/python requirements.lock
	$(BIN)/uv pip install --quiet --compile-bytecode --python $(BIN)/python --no-deps --editable .
	$(BIN)/python -m compileall -q janus_recipes
	@touch $@

rehearsal: setup
	$(BIN)/snakemake --profile profiles/rehearsal $(if $(RECIPE),--configfile $(RECIPE)) $(ARGS)

environments: setup
	$(BIN)/snakemake --profile profiles/rehearsal --quiet all -- environments

# Three workers, also on two cores: many tests wait, for a kill, a time-out or a job of Slurm, and compute little.
test: environments
	$(BIN)/pytest -n 3 --dist loadfile --no-loadscope-reorder $(ARGS)

lint: setup
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	$(BIN)/snakefmt --check Snakefile rules
	$(BIN)/python tests/lint_snakemake.py

# ARGS="peers" sets curator, distilabel and litellm beside ours; ARGS="asking ledger" runs some parts; ARGS=-h says which.
bench: setup
	$(BIN)/python -m tests.bench $(ARGS)

# Trainings broken on purpose, and killed in their middle, each in a copy of the finished rehearsal. About an hour.
faults: setup
	$(BIN)/snakemake --profile profiles/rehearsal --quiet all
	$(BIN)/python -m tests.faults $(ARGS)
	$(BIN)/pytest -m matrix

# `snakemake --profile slurm` looks in the user's profile folder; this links ours there, and never replaces another.
profile:
	@mkdir -p "$${XDG_CONFIG_HOME:-$$HOME/.config}/snakemake"
	@target="$${XDG_CONFIG_HOME:-$$HOME/.config}/snakemake/slurm"; \
	if [ -e "$$target" ] && [ "$$(readlink -f "$$target")" != "$(CURDIR)/profiles/slurm" ]; then \
	  echo "$$target is there already and is not ours: use --profile profiles/slurm, or move it away" >&2; exit 1; \
	fi; \
	ln -sfn "$(CURDIR)/profiles/slurm" "$$target" && echo "linked $$target"

# Re-pin every environment to the newest versions that fit.
lock: setup
	$(BIN)/uv pip compile --quiet --no-header --extra dev --universal --generate-hashes --upgrade pyproject.toml -o requirements.lock
	$(BIN)/janus env lock

# Environments, caches and rehearsal results. Other results and the ledger of paid answers stay: remove them by hand.
clean:
	rm -rf .venv .envs results/rehearsal work/rehearsal .pytest_cache .mypy_cache .ruff_cache *.egg-info
