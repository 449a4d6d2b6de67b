# The commands a contributor needs. Each installs what is missing (as root or with sudo, saying
# so) and then does its work. `make` alone lists them.

SHELL := /bin/sh
# Where cargo puts what it installs, which is not on everybody's way.
export PATH := $(PATH):$(or $(CARGO_HOME),$(HOME)/.cargo)/bin
MESH ?= examples/five-lans/mesh.yaml

.PHONY: help demo test soak lint bench fuzz deb security schema clean

help: ## List these commands
	@awk -F ':.*## ' '/^[a-z]+:.*## /{printf "make %-8s %s\n", $$1, $$2}' Makefile

demo: ## Build a whole mesh on this machine and let everyone ping everyone
	@.ci/setup demo
	@cargo build
	@target/debug/tieline lab run $(MESH)

test: ## Run every test, those with real daemons included
	@.ci/setup test
	@.ci/previous
	cargo test --no-fail-fast

soak: ## Run the long sweeps of which `make test` takes samples
	@.ci/setup test
	@.ci/previous
	cargo test --no-fail-fast -- --ignored --nocapture

lint: ## Check format, lints, licences and sources of dependencies
	@.ci/setup build
	cargo fmt --check
	cargo clippy --all-targets -- -D warnings
	@command -v cargo-deny >/dev/null || cargo install --locked cargo-deny
	cargo deny --all-features check bans licenses sources

bench: ## Measure, and print ratios against public tools
	@.ci/setup test
	cargo bench

FUZZ_SECONDS ?= 60
FUZZ_TARGETS ?= $(sort $(notdir $(wildcard tests/fuzz/seeds/*)))

fuzz: ## Fuzz every parser of foreign bytes, FUZZ_SECONDS (60) each; FUZZ_TARGETS names some
	@.ci/setup build
	@command -v cargo-fuzz >/dev/null || cargo install --locked cargo-fuzz
	@# The versions that the program has.
	@cp Cargo.lock tests/fuzz/Cargo.lock
	@for target in $(FUZZ_TARGETS); do \
		mkdir -p tests/fuzz/corpus/$$target && echo "== $$target" && \
		RUSTC_BOOTSTRAP=1 cargo fuzz run --fuzz-dir tests/fuzz --sanitizer none $$target \
			tests/fuzz/corpus/$$target tests/fuzz/seeds/$$target -- \
			-max_total_time=$(FUZZ_SECONDS) -timeout=10 -rss_limit_mb=1024 -verbosity=0 -print_final_stats=1 \
		|| exit; \
	done

deb: ## Build the Debian package into target/debian
	@.ci/setup build
	@command -v cargo-deb >/dev/null || cargo install --locked cargo-deb
	cargo build --release --locked
	.ci/package target

security: ## Print what systemd says of how well the units are walled in
	@for unit in packaging/systemd/*.service; do systemd-analyze security --offline=true --no-pager "$$unit" || exit; done

schema: ## Write the generated files again: JSON Schemas, golden files
	TIELINE_UPDATE=1 cargo test --quiet

clean: ## Remove what was built
	cargo clean
