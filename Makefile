# Every target sets up what it needs: a virtual environment in .venv, and for what talks to other
# programs those programs as well. A target whose needs cannot be met fails; nothing is skipped.

PYTHON ?= python3
VENV ?= .venv
BIN := $(VENV)/bin
PY := $(BIN)/python
FRONT ?= 20000
NDR ?= 1000000
SOAK ?= 100
STAMP := $(VENV)/.installed
BENCH_STAMP := $(VENV)/.installed-bench
PIP := $(PY) -m pip --disable-pip-version-check --quiet
export PIP_ROOT_USER_ACTION := ignore

GENERATED = samples/*/stubs/*.py runtime/idlrt/stubs runtime/idlrt/prelude tests/golden/*/*.py

.PHONY: help setup demo test lint stubs generated pytest build check-dist interop corpus bench fuzz soak clean

help:  ## what can be made
	@awk -F ':.*## ' '/^[a-z-]+:.*## / { printf "make %-11s %s\n", $$1, $$2 }' Makefile

setup: $(STAMP)  ## a virtual environment with both distributions, editable, and the tools

$(STAMP): pyproject.toml runtime/pyproject.toml
	$(PYTHON) -m venv $(VENV)
	$(PIP) install -e ./runtime -e '.[dev]'
	@touch $@

$(BENCH_STAMP): $(STAMP)
	$(PIP) install -e ./runtime -e '.[dev,bench]'
	@touch $@

stubs: $(STAMP)  ## what the samples import, compiled from their IDL
	@for idl in samples/*/*.idl; do $(BIN)/idlc compile $$idl -o $$(dirname $$idl)/stubs || exit; done

generated: $(STAMP)  ## what the runtime ships of idlc's own output, and the golden files
	$(PY) -m idlc.syntax.grammar
	$(BIN)/idlc compile runtime/idlrt/idl/*.idl -o runtime/idlrt/stubs
	$(BIN)/idlc compile idlc/language/builtin/* -o runtime/idlrt/prelude
	$(PY) -m pytest -q --bless tests/golden

demo: $(STAMP)  ## 256 MiB through asynchronous pipes, and asynchronous calls of objects, each way there is
	$(PY) -m samples.file_transfer.demo
	$(PY) -m samples.async_call.demo
	$(PY) -m samples.recordset.demo

test: lint pytest  ## lint and all tests that need nothing but Python

lint: $(STAMP) stubs  ## ruff, mypy --strict, and black over what is generated
	$(BIN)/ruff check --quiet .
	$(BIN)/mypy --strict idlc runtime/idlrt tests samples
	$(BIN)/black --check --quiet $(GENERATED)

pytest: $(STAMP)
	$(PY) -m pytest -q -n 2 tests

build: $(STAMP)  ## wheels and source distributions of both, in dist/
	rm -rf dist
	cd runtime && ../$(PY) -m hatchling build -d ../dist
	$(PY) -m hatchling build -d dist

check-dist: build  ## that both install from their source distributions, and work away from the checkout
	rm -rf build/installed build/elsewhere
	$(PYTHON) -m venv build/installed
	build/installed/bin/python -m pip --disable-pip-version-check --quiet install dist/idlrt-*.tar.gz dist/idlc-*.tar.gz
	mkdir build/elsewhere
	cp samples/hello/hello.idl build/elsewhere
	cd build/elsewhere && ../installed/bin/idlc compile hello.idl -o stubs && ../installed/bin/python -c 'import stubs.hello'

interop: $(BENCH_STAMP)  ## other implementations: Wine, Samba, impacket, tshark (installs Debian packages)
	tests/interop/install
	$(PY) -m pytest -q -o addopts='' tests/interop

corpus: $(STAMP)  ## sets of IDL files compiled, imported and checked (installs Wine's, a Debian package)
	tests/corpus/install
	$(PY) -m tests.corpus

bench: $(BENCH_STAMP)  ## ours and the rivals' speed, in one run
	$(PY) -m tests.bench

fuzz: $(STAMP)  ## random bytes and random IDL, fixed seeds, for minutes; FRONT=1000000 texts take an hour, NDR=10000000 stubs some minutes
	IDLC_FUZZ_ROUNDS=50 $(PY) -m pytest -q -n 2 tests/fuzz tests/roundtrip tests/cli/test_fuzz.py
	$(PY) -m tests.fuzz.front $(FRONT)
	$(PY) -m tests.fuzz.ndr $(NDR)

soak: $(STAMP)  ## streams for as long as SOAK=100 GiB take, slow ends, slow networks, the demo for longer: memory must not rise
	$(PY) -m tests.com.model 100000
	$(PY) -m tests.com.leaks 100000
	$(PY) -m tests.dcom.leaks 100000
	$(PY) -m tests.faults.soak $(SOAK)
	$(PY) -m samples.file_transfer.demo --rounds 8 --no-progress

clean:  ## forget what was made here
	rm -rf $(VENV) dist build samples/*/stubs .mypy_cache .pytest_cache .ruff_cache .hypothesis
