# Two commands: `make desk` opens the desk, `make test` checks everything but the soaks.
# Each sets up what is missing and rebuilds only what changed.

VENV := .venv
BIN := $(VENV)/bin
ORACLE := .venv-oracle
CLIENTS := .venv-clients
PYTHON ?= $(shell for python in python3 python3.14 python3.13 python3.12 python3.11; do \
	$$python -c 'import sys; sys.exit(sys.version_info < (3, 11))' 2>/dev/null && echo $$python && break; \
	done)

KERNEL_SOURCES := Cargo.toml Cargo.lock pyproject.toml $(shell find pricing-core -name '*.rs' -o -name Cargo.toml)
PACKAGE_SOURCES := $(shell find quantdesk -type f -not -name '*.pyc' -not -name '*.so')
PIP := -m pip --disable-pip-version-check install --quiet --require-hashes

.PHONY: desk test check rust python clean-install oracle clients soak bench bench-surface lock format clean

desk: $(VENV)/.kernel
	@$(BIN)/quantdesk

test: check rust python oracle clients clean-install
	@echo "make test: every check passed"

# Formatters, linters, types, stubs, layers.
check: $(VENV)/.kernel
	cargo fmt --all --check
	cargo clippy --quiet --workspace --all-targets --locked -- -D warnings
	cargo clippy --quiet --workspace --features python --locked -- -D warnings
	$(BIN)/ruff format --check .
	$(BIN)/ruff check .
	$(BIN)/mypy
	$(BIN)/python -m mypy.stubtest quantdesk._core
	$(BIN)/lint-imports

rust: $(VENV)/.kernel
	cargo test --quiet --workspace --locked

python: $(VENV)/.kernel
	$(BIN)/python -m pytest -m "not soak" -n auto --dist loadfile --ignore tests/install

# Against libraries we did not write, which live in an environment of their own.
oracle: $(ORACLE)/.ready
	$(ORACLE)/bin/python -m pytest tests/reference -m "not soak"

# Other people's clients, in an environment of their own, trade on `quantdesk simulate`.
clients: $(CLIENTS)/.ready $(VENV)/.kernel
	QUANTDESK=$(CURDIR)/$(BIN)/quantdesk $(CLIENTS)/bin/python -m pytest tests/clients -m "not soak"

# The wheel, installed in a new environment and driven in a pseudo-terminal.
clean-install: dist/.wheel
	$(BIN)/python -m pytest tests/install -m "not soak"

soak: $(VENV)/.kernel
	$(BIN)/python -m pytest -m soak --timeout 3600

bench: $(VENV)/.kernel
	$(BIN)/python -m pytest benches --benchmark-only --timeout 0

# Surfaces beside scipy and QuantLib, in the environment that has both.
bench-surface: $(ORACLE)/.ready
	$(ORACLE)/bin/python -m pytest benches/bench_svi_slice.py benches/bench_surface_fit.py \
		benches/bench_surface_query.py --benchmark-only --timeout 0

format: $(VENV)/.deps
	cargo fmt --all
	$(BIN)/ruff check --fix .
	$(BIN)/ruff format .

# The lock files, from pyproject.toml; needs uv.
lock:
	uv pip compile pyproject.toml --universal --generate-hashes --python-version 3.11 --no-header --no-annotate -q -o requirements/core.lock
	uv pip compile pyproject.toml --group dev --universal --generate-hashes --python-version 3.11 --no-header --no-annotate -q -o requirements/dev.lock
	uv pip compile pyproject.toml --group oracle --universal --generate-hashes --python-version 3.11 --no-header --no-annotate -q -o requirements/oracle.lock
	uv pip compile pyproject.toml --group clients --universal --generate-hashes --python-version 3.11 --no-header --no-annotate -q -o requirements/clients.lock

clean:
	rm -rf $(VENV) $(ORACLE) $(CLIENTS) target dist quantdesk/_core*.so

$(BIN)/python:
	@test -n "$(PYTHON)" || { echo "quantdesk needs Python 3.11 or newer with venv; none was found" >&2; exit 2; }
	@command -v cargo >/dev/null || { echo "quantdesk needs Rust 1.89 or newer (cargo was not found)" >&2; exit 2; }
	$(PYTHON) -m venv $(VENV)

$(VENV)/.deps: requirements/dev.lock | $(BIN)/python
	$(BIN)/python $(PIP) -r requirements/dev.lock
	@touch $@

$(VENV)/.kernel: $(VENV)/.deps $(KERNEL_SOURCES)
	PATH="$(CURDIR)/$(BIN):$$PATH" MATURIN_PEP517_ARGS=--locked $(BIN)/python -m pip --disable-pip-version-check \
		install --quiet --no-deps --no-build-isolation --editable .
	@touch $@

dist/.wheel: $(VENV)/.kernel $(PACKAGE_SOURCES)
	rm -rf dist
	$(BIN)/maturin build --quiet --release --locked --interpreter $(BIN)/python --out dist
	@touch $@

$(ORACLE)/.ready: requirements/oracle.lock dist/.wheel
	test -x $(ORACLE)/bin/python || $(PYTHON) -m venv $(ORACLE)
	# The lock is complete; --no-deps leaves out what it leaves out on purpose.
	$(ORACLE)/bin/python $(PIP) --no-deps -r requirements/oracle.lock
	$(ORACLE)/bin/python -m pip --disable-pip-version-check install --quiet --no-deps --force-reinstall dist/*.whl
	@touch $@

$(CLIENTS)/.ready: requirements/clients.lock
	test -x $(CLIENTS)/bin/python || $(PYTHON) -m venv $(CLIENTS)
	$(CLIENTS)/bin/python $(PIP) -r requirements/clients.lock
	@touch $@
