# Everything that is done with backstop, by name; `make help` lists it.

SHELL := /bin/bash
.DEFAULT_GOAL := help
.PHONY: help run test test-native test-manifests test-e2e wasm build lint bench bench-quick bench-micro bench-instructions profile size clean tools

PYTHON := .tools/python/bin/python
export PYTHONPATH := tests
export PYTHONDONTWRITEBYTECODE := 1

help: ## list every target
	@awk -F ':.*## ' '/^[a-z0-9-]+:.*## / { printf "  make %-19s %s\n", $$1, $$2 }' $(MAKEFILE_LIST)

run: wasm tools ## start Envoy with the filter on 127.0.0.1:10000 and print requests to try (CONFIG=file.yaml for your own)
	@exec $(PYTHON) -m harness.demo $(CONFIG)

test: wasm tools test-native test-manifests bench-instructions test-e2e ## set-up, native tests, manifests, instruction counts, then end-to-end tests in every Envoy

test-native: ## native tests only
	@tests/setup/rust.sh
	cargo test --locked --quiet

test-manifests: wasm tools ## render what is in istio/, and check it by schemas, by Envoy and by `backstop check`
	@tests/setup/schemas.sh
	@tests/setup/rust.sh
	@cargo build --locked --quiet --bin backstop
	@exec $(PYTHON) -m manifests

test-e2e: wasm tools ## end-to-end tests only (TESTS="origin limit" runs the files that are named)
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
	cd tests/bench/micro && cargo fmt --check && cargo clippy --locked --all-targets --target-dir ../../../target/micro -- -D warnings
	@tests/setup/wasm.sh --clippy .

BENCH = --rounds "$(ROUNDS)" --seconds "$(SECONDS)" --requests "$(REQUESTS)" --scenarios "$(SCENARIOS)" --contestants "$(CONTESTANTS)"

bench: wasm tools ## what backstop costs, into tests/bench/results (ROUNDS, SECONDS, REQUESTS, SCENARIOS, CONTESTANTS shorten it)
	@tests/setup/wrk.sh
	@tests/setup/wasm.sh tests/bench/empty target/empty.wasm
	@exec $(PYTHON) -m bench $(BENCH)

bench-quick: SCENARIOS = get json
bench-quick: CONTESTANTS = bare empty backstop
bench-quick: bench ## the same in a minute: two scenarios, beside a bare Envoy and an empty filter

bench-micro: ## native speed of decode, prefilter, scan and extract (ONLY=name runs some)
	@tests/setup/rust.sh
	@cd tests/bench/micro && exec cargo bench --locked --quiet --bench rooms --target-dir ../../../target/micro -- $(if $(ONLY),"$(ONLY)")

bench-instructions: tools ## instructions of three requests against tests/bench/instructions.json (RENEW=1 writes it)
	@tests/setup/rust.sh
	@tests/setup/valgrind.sh
	@exec $(PYTHON) -m bench.native $(if $(RENEW),renew)

profile: tools ## where the instructions of a GET and a JSON POST go, into tests/bench/results/profile.md
	@tests/setup/rust.sh
	@tests/setup/valgrind.sh
	@exec $(PYTHON) -m bench.native profile

size: wasm ## bytes of the module
	@stat --printf '%n %s bytes\n' target/backstop.wasm

clean: ## remove what was built and what set-up fetched
	rm -rf target .tools

tools:
	@tests/setup/python.sh
