# Everything that is done with backstop, by name; `make help` lists it.

SHELL := /bin/bash
.DEFAULT_GOAL := help
.PHONY: help run run-global test test-native test-e2e wasm build lint bench-quick bench-limits size clean tools tools-global

PYTHON := .tools/python/bin/python
export PYTHONPATH := tests
export PYTHONDONTWRITEBYTECODE := 1

help: ## list every target
	@awk -F ':.*## ' '/^[a-z0-9-]+:.*## / { printf "  make %-12s %s\n", $$1, $$2 }' $(MAKEFILE_LIST)

run: wasm tools ## start Envoy with the filter on 127.0.0.1:10000 and print requests to try (CONFIG=file.yaml for your own)
	@exec $(PYTHON) -m harness.demo $(CONFIG)

run-global: wasm tools tools-global ## start two Envoys, the rate limit service and Redis: one budget for both, with requests to try
	@exec $(PYTHON) -m harness.demo_global

test: wasm tools tools-global test-native test-e2e ## set-up, native tests, then end-to-end tests in every Envoy

test-native: ## native tests only
	@tests/setup/rust.sh
	cargo test --locked --quiet

test-e2e: wasm tools tools-global ## end-to-end tests only (TESTS="origin limit" runs the files that are named)
	@exec $(PYTHON) -m e2e $(TESTS)

wasm: ## build target/backstop.wasm
	@tests/setup/wasm.sh . target/backstop.wasm

build: ## build the native command line, target/release/backstop
	@tests/setup/rust.sh
	cargo build --locked --release --bin backstop

lint: ## clippy for both targets, and rustfmt
	@tests/setup/rust.sh
	cargo fmt --check
	cargo clippy --locked --all-targets -- -D warnings
	@tests/setup/wasm.sh --clippy .

bench-quick: wasm tools ## CPU per request, start-up time and module size, beside a bare Envoy and an empty filter
	@tests/setup/wrk.sh
	@tests/setup/wasm.sh tests/bench/empty target/empty.wasm
	@exec $(PYTHON) -m harness.bench

bench-limits: wasm tools tools-global ## accuracy, memory and cost of limits, local and global, into tests/bench/results/limits.md (DURATION=30 s a run)
	@tests/setup/h2load.sh
	@tests/setup/wrk.sh
	@exec $(PYTHON) -m bench.limits

size: wasm ## bytes of the module
	@stat --printf '%n %s bytes\n' target/backstop.wasm

clean: ## remove what was built and what set-up fetched
	rm -rf target .tools

tools:
	@tests/setup/python.sh

tools-global:
	@tests/setup/redis.sh
	@tests/setup/ratelimit.sh
