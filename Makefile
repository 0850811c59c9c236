# Everything that is done with backstop, by name; `make help` lists it.

SHELL := /bin/bash
.DEFAULT_GOAL := help
.PHONY: help run run-global test test-native test-image test-manifests test-monitoring test-e2e monitoring drill dashboard load wasm image push sign mesh build lint bench bench-quick bench-limits bench-micro bench-instructions profile size clean tools tools-global fuzz dearest hostile deny reproducible updates soak

PYTHON := .tools/python/bin/python
export PYTHONPATH := tests
export PYTHONDONTWRITEBYTECODE := 1

help: ## list every target
	@awk -F ':.*## ' '/^[a-z0-9-]+:.*## / { printf "  make %-19s %s\n", $$1, $$2 }' $(MAKEFILE_LIST)

run: wasm tools ## start Envoy with the filter on 127.0.0.1:10000 and print requests to try (CONFIG=file.yaml for your own)
	@exec $(PYTHON) -m harness.demo $(CONFIG)

run-global: wasm tools tools-global ## start two Envoys, the rate limit service and Redis: one budget for both, with requests to try
	@exec $(PYTHON) -m harness.demo_global

test: wasm tools tools-global deny test-native hostile test-image test-manifests test-monitoring bench-instructions test-e2e ## set-up, dependencies, native tests, hostile host, image, manifests, alert rules, instruction counts, then end-to-end tests in every Envoy

test-native: ## native tests only
	@tests/setup/rust.sh
	cargo test --locked --quiet

test-image: wasm tools ## push the image to a real registry on this machine, pull it, and look into it
	@tests/setup/image.sh
	@exec $(PYTHON) -m image

test-manifests: wasm tools ## render what is in istio/, and check it by schemas, by Envoy and by `backstop check`
	@tests/setup/schemas.sh
	@tests/setup/rust.sh
	@cargo build --locked --quiet --bin backstop
	@exec $(PYTHON) -m manifests

test-e2e: wasm tools tools-global ## end-to-end tests only (TESTS="origin limit" runs the files that are named)
	@tests/setup/wrk.sh
	@tests/setup/h2load.sh
	@exec $(PYTHON) -m e2e $(TESTS)

test-monitoring: tools ## alert rules, runbook and dashboard of istio/monitoring, by promtool
	@tests/setup/prometheus.sh
	@exec $(PYTHON) -m monitoring.rules

monitoring: tools ## write istio/monitoring/prometheusrule.yaml from rules.yaml
	@exec $(PYTHON) -m monitoring.rules write

drill: wasm tools ## provoke the alerts in real Envoys under a real Prometheus, some minutes
	@tests/setup/monitoring.sh
	@exec $(PYTHON) -m monitoring.drill

dashboard: wasm tools ## run every query of the dashboard and draw its panels into target/dashboard.png
	@tests/setup/monitoring.sh
	@exec $(PYTHON) -m monitoring.dashboard

load: wasm tools ## the opening of a sale by k6, which is built first if it is not here (PEAK=20 fans a second, DURATION=60)
	@tests/setup/k6.sh
	@exec $(PYTHON) -m load.run

wasm: ## build target/backstop.wasm
	@tests/setup/wasm.sh . target/backstop.wasm

image: wasm ## write target/image (OCI layout) and its bill of materials, target/backstop.cdx.json
	@istio/image/build.py target/backstop.wasm target

REPOSITORY = backstop
TAG = $(shell sed -n 's/^version = "\(.*\)"/\1/p;T;q' Cargo.toml)

push: image ## push the image: REGISTRY=registry.example.com (REPOSITORY=backstop TAG=0.1.0; DRYRUN=1 only shows the steps)
	@$(if $(DRYRUN),,tests/setup/crane.sh)
	@istio/image/push.sh "$(REGISTRY)" "$(REPOSITORY)" "$(TAG)"

sign: image ## sign by cosign what was pushed: REGISTRY=... (REPOSITORY=backstop; KEY=cosign.key, keyless without; DRYRUN=1)
	@$(if $(DRYRUN),,tests/setup/cosign.sh)
	@istio/image/sign.sh "$(REGISTRY)" "$(REPOSITORY)"

mesh: wasm tools ## a real Istio on this machine with the prod overlay, and what happens on each failure (root; a quarter of an hour once, to build it; CASES="bad_config" runs some)
	@tests/setup/mesh.sh
	@cargo build --locked --quiet --bin backstop
	@exec $(PYTHON) -m mesh $(CASES)

build: ## build the native command line, target/release/backstop
	@tests/setup/rust.sh
	cargo build --locked --release --bin backstop

lint: ## clippy for both targets, and rustfmt
	@tests/setup/rust.sh
	cargo fmt --check
	cargo clippy --locked --all-targets -- -D warnings
	cd tests/bench/micro && cargo fmt --check && cargo clippy --locked --all-targets --target-dir ../../../target/micro -- -D warnings
	@tests/setup/cxx.sh
	cd tests/fuzz && cargo fmt --check && cargo clippy --locked --bins --features guided --target-dir ../../target/fuzz -- -D warnings
	cd tests/hostile && cargo fmt --check && cargo clippy --locked --release --target-dir ../../target/hostile -- -D warnings
	@tests/setup/wasm.sh --clippy .

CALLS = 300000

hostile: wasm ## the module in a host that wants to break it (CALLS=100000000 for long, SEED=n repeats a round)
	@tests/setup/rust.sh
	@cd tests/hostile && cargo build --locked --quiet --release --target-dir ../../target/hostile
	@exec target/hostile/release/hostile target/backstop.wasm $(CALLS) $(SEED)

deny: ## licences, sources, bans, duplicate versions and, where their database can be reached, advisories of all dependencies
	@tests/supply/deny.sh

reproducible: wasm ## build the module again in another folder, and compare the bytes; minutes
	@tests/supply/reproducible.sh

BENCH = --runs "$(RUNS)" --rounds "$(ROUNDS)" --seconds "$(SECONDS)" --requests "$(REQUESTS)" --scenarios "$(SCENARIOS)" --contestants "$(CONTESTANTS)"

bench: wasm tools ## what backstop costs, into tests/bench/results (RUNS, ROUNDS, SECONDS, REQUESTS, SCENARIOS, CONTESTANTS shorten it)
	@tests/setup/wrk.sh
	@tests/setup/wasm.sh tests/bench/empty target/empty.wasm
	@exec $(PYTHON) -m bench $(BENCH)

bench-quick: SCENARIOS = get json
bench-quick: CONTESTANTS = bare empty backstop
bench-quick: bench ## the same in a minute: two scenarios, beside a bare Envoy and an empty filter

bench-micro: ## native speed of decode, prefilter, scan and extract (ONLY=name runs some)
	@tests/setup/rust.sh
	@cd tests/bench/micro && exec cargo bench --locked --quiet --bench rooms --target-dir ../../../target/micro -- $(if $(ONLY),"$(ONLY)")

bench-instructions: wasm tools ## native and WebAssembly instructions of five kinds of request against tests/bench/instructions.json (RENEW=1 writes it)
	@tests/setup/rust.sh
	@tests/setup/valgrind.sh
	@exec $(PYTHON) -m bench.native $(if $(RENEW),renew)

profile: tools ## where the instructions of a GET and a JSON POST go, into tests/bench/results/profile.md
	@tests/setup/rust.sh
	@tests/setup/valgrind.sh
	@exec $(PYTHON) -m bench.native profile

fuzz: tools ## decoders, parsers, rules, config and whole requests under libFuzzer, findings into tests/fuzz/cases (MINUTES=5, TARGETS="json xml")
	@tests/setup/rust.sh
	@tests/setup/cxx.sh
	@MINUTES="$(MINUTES)" TARGETS="$(TARGETS)" $(PYTHON) -m fuzz

dearest: tools ## what the dearest inputs cost that were found, cold and warm, and how that grows (SEARCH=60 seconds looks for dearer ones)
	@tests/setup/rust.sh
	@tests/setup/valgrind.sh
	@SEARCH="$(SEARCH)" $(PYTHON) -m fuzz.dearest

bench-limits: wasm tools tools-global ## accuracy, memory and cost of limits, local and global, into tests/bench/results/limits.md (DURATION=30 s a run)
	@tests/setup/h2load.sh
	@tests/setup/wrk.sh
	@exec $(PYTHON) -m bench.limits

updates: wasm tools ## config updates and module upgrades under load (COUNT=1000, a quarter of an hour)
	@tests/setup/wrk.sh
	@exec $(PYTHON) -m soak.updates $(COUNT)

soak: wasm tools ## mixed requests of a million clients, and what is left of them (MINUTES=30)
	@tests/setup/wrk.sh
	@tests/setup/h2load.sh
	@exec $(PYTHON) -m soak $(MINUTES)

size: wasm ## bytes of the module
	@stat --printf '%n %s bytes\n' target/backstop.wasm

clean: ## remove what was built and what set-up fetched
	rm -rf target .tools

tools:
	@tests/setup/python.sh

tools-global:
	@tests/setup/redis.sh
	@tests/setup/ratelimit.sh
