# Everything from nothing: needs git, make and Python 3.11 or later, and nothing that is installed or activated.
SHELL := bash
VENV := .venv
# What make builds; TOX may name another command in its place.
OUR_TOX := $(VENV)/bin/tox
TOX := $(OUR_TOX)
HARNESS := .tox/harness/bin

comma := ,
space := $(subst ,, )

# No list to keep: whatever folder holds requirements is a framework with an environment of its own.
frameworks := $(patsubst adapters/%/requirements.txt,%,$(wildcard adapters/*/requirements.txt))
missing := $(foreach env,harness test $(frameworks),$(if $(wildcard .tox/$(env)/bin/python),,$(env)))
locks := $(wildcard locks/*.txt adapters/*/requirements.lock)
recipes := tox.ini pyproject.toml .python-version $(locks) $(wildcard adapters/*/python-version adapters/*/build-constraints.txt)

# uv does not read pip's configuration files: what they say of a mirror or a folder of wheels reaches it through the
# environment (see tox.ini). Where no folder of wheels is named, uv is told to take torch's CPU build: on Linux the
# package index's own build brings gigabytes of CUDA. UV_TORCH_BACKEND=auto asks for another build.
define configured_as_for_pip
for key in index-url find-links; do \
    name="PIP_$$(tr 'a-z-' 'A-Z_' <<< $$key)"; \
    value="$${!name:-$$($(VENV)/bin/python -m pip config get global.$$key 2> /dev/null)}"; \
    if [ -n "$$value" ]; then export "$$name=$$value"; fi; \
done; \
if [ -z "$${UV_FIND_LINKS:-}$${PIP_FIND_LINKS:-}" ]; then export UV_TORCH_BACKEND="$${UV_TORCH_BACKEND:-cpu}"; fi;
endef

define not_built
make: an environment could not be built; the reason is above.
  No interpreter: install the Python that adapters/<framework>/python-version names, or let uv fetch it.
  No package index: name a mirror in UV_DEFAULT_INDEX or PIP_INDEX_URL, or use pip in place of uv: \
TOX_DEFAULT_RUNNER=virtualenv make
endef
export not_built

.PHONY: report sample test test-nightly check lowest latest moved bounds bench lint environments clean always lock nightly judge-night matrix atlas
.DEFAULT_GOAL := report

report: environments
	$(HARNESS)/gradconform run --out reports/latest $(ARGS)

# A small run with a real divergence, which specs/known lists: shown as if it were news, and pictures of its page.
sample: environments
	$(HARNESS)/gradconform run reports/sample/pooled_branch.yaml --no-known --out reports/sample/run; test $$? -eq 1
	.tox/test/bin/python tests/report/screenshots.py reports/sample/run/index.html reports/sample

test: environments
	@$(configured_as_for_pip) $(TOX) run -e test --skip-pkg-install $(if $(ARGS),-- $(ARGS))

# Every case of every operator, and what is marked `nightly`: `make test` takes a few cases of each operator.
test-nightly: environments
	@$(configured_as_for_pip) $(TOX) run -e test --skip-pkg-install -- -n auto --dist loadfile --nightly $(ARGS)

# What frameworks do at the edges of operators: all of it, strictly; ARGS='--out docs' writes the page and the table anew.
atlas: environments
	$(HARNESS)/gradconform atlas $(ARGS)

# What needs no framework, no browser and no other process: in some three minutes.
check: $(OUR_TOX)
	@$(configured_as_for_pip) $(TOX) run -e test $(if $(wildcard .tox/test/bin/pytest),--skip-pkg-install) -- \
	    -m 'not process and not slow' -n auto $(ARGS)

# The promises of pyproject.toml: the lowest versions that it admits, and the newest of everything there is.
lowest: environments
	@$(configured_as_for_pip) $(TOX) run -e lowest $(if $(ARGS),-- $(ARGS))

latest: environments
	@$(configured_as_for_pip) $(TOX) run -e $(subst $(space),$(comma),$(frameworks:%=%-latest) latest) $(if $(ARGS),-- $(ARGS))

# What the newest moved away from the locks, as a table.
moved: $(OUR_TOX)
	@$(VENV)/bin/python locks/moved.py

# One night: each environment captures, one machine judges. Each rule is a step of .github/workflows/, where every
# environment has a machine of its own; `make nightly` does them one after the other.
NIGHT := reports/night
HISTORY := reports/history
KEEP := yes
SPECS :=
# Of `gradconform capture`. The same for pull requests, which are held against the last night row by row.
OPTIONS := --numeric
MATRIX := $(frameworks) $(notdir $(wildcard adapters/*/versions/*))

matrix:
	@echo '$(subst $(space),$(comma),[$(MATRIX:%="%")])'

capture-%: $(OUR_TOX)
	@if ! test -x $(HARNESS)/gradconform -a -x .tox/$*/bin/python; then \
	    $(configured_as_for_pip) $(TOX) run --notest -e harness,$*; fi
	@rm -rf $(NIGHT)/captures/$*
	$(HARNESS)/gradconform capture $(SPECS) --adapter $* $(OPTIONS) --out $(NIGHT)/captures/$*

# An environment that gave no captures is named, and the others are judged.
judge-night: $(OUR_TOX)
	@if ! test -x $(HARNESS)/gradconform; then $(configured_as_for_pip) $(TOX) run --notest -e harness; fi
	$(HARNESS)/gradconform judge $(MATRIX:%=$(NIGHT)/captures/%) --out $(NIGHT)/report \
	    $(if $(KEEP),--history $(HISTORY)) $(if $(wildcard $(HISTORY)/*/run.json),--baseline $(HISTORY))

# All operators and long sums in half precision, which no spec asks for by itself: half-float16, half-bfloat16.
half-%: environments
	$(HARNESS)/gradconform run --dtype $* --out reports/$* specs/operators specs/half

nightly:
	@for environment in $(MATRIX); do $(MAKE) capture-$$environment || echo "$$environment: see above" >&2; done
	@$(MAKE) judge-night

# Every case of every operator, and whether each bound is one that some framework comes near: for a night.
bounds: environments
	$(HARNESS)/gradconform run specs/operators --out reports/operators $(ARGS)
	$(HARNESS)/gradconform coverage reports/operators --least 0.01

bench: environments
	$(HARNESS)/python benchmarks/run.py $(ARGS)

lint: $(OUR_TOX)
	@$(configured_as_for_pip) $(TOX) run -e lint

environments: .tox/built

# Every lock again: what still fits is kept; ARGS=--upgrade takes the newest of everything, ARGS='--upgrade-package
# rich' of one.
lock: $(OUR_TOX)
	@$(configured_as_for_pip) $(VENV)/bin/python locks/renew.py $(ARGS)

# The harness is installed in place, so a change of its sources needs no new build.
.tox/built: $(OUR_TOX) $(recipes) $(if $(missing),always)
	@rm -f $@
	@# tox compares what an environment was made from with what its lock says now, but not what builds the harness.
	@if [ locks/build.txt -nt .tox/.pkg ]; then rm -rf .tox/.pkg; fi
	@$(configured_as_for_pip) $(TOX) run-parallel --notest --parallel-no-spinner || { echo "$$not_built" >&2; exit 1; }
	@touch $@

$(OUR_TOX): tox.ini locks/tox.txt
	@for python in python3 python3.11 python3.12 python3.13 python3.14; do \
	    if $$python -c 'import sys; sys.exit(sys.version_info < (3, 11))' 2> /dev/null; then found=$$python; break; fi; \
	done; \
	if [ -z "$${found:-}" ]; then echo 'make: no Python 3.11 or later found as python3 or python3.11 to 3.14; install one' >&2; exit 1; fi; \
	$$found -m venv --clear $(VENV)
	$(VENV)/bin/python -m pip install --quiet --requirement locks/tox.txt
	@touch $@

clean:
	rm -rf $(VENV) .tox build dist .pytest_cache .mypy_cache .ruff_cache .hypothesis reports/latest reports/night
	rm -rf $(addprefix reports/,$(frameworks) float16 bfloat16)
