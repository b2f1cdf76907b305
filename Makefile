# The two commands that do all the set-up: `make run` and `make test`.
#
# Both install what is missing first (Debian or Ubuntu, as root or through sudo), and build into one shared
# target directory outside the checkout, so that a second checkout or a cleaned one starts warm.

export CARGO_TARGET_DIR ?= $(if $(XDG_CACHE_HOME),$(XDG_CACHE_HOME),$(HOME)/.cache)/vitals/target
VITALS := $(CARGO_TARGET_DIR)/debug/vitals
ARGS ?=

.PHONY: run test where build fmt lint doc ci help

help: ## Lists these commands.
	@sed -n 's/^\([a-z]*\):.*## \(.*\)/make \1\t\2/p' Makefile

run: ## Installs what is missing, builds, and starts Vitals with a simulated studio and shop flowing.
	@scripts/install.sh run
	cargo build --workspace --bin vitals
	@exec $(VITALS) up --demo $(ARGS)

test: ## Installs what is missing and runs every test (real PostgreSQL, real Kafka).
	@scripts/install.sh test
	@scripts/test.sh $(ARGS)

where: ## Prints the directory of the built binary.
	@echo $(CARGO_TARGET_DIR)/debug

build: ## Builds everything, tests included.
	cargo build --workspace --all-targets

fmt: ## Formats the code.
	cargo fmt --all

lint: ## Checks formatting and lints; warnings are errors.
	cargo fmt --all --check
	cargo clippy --workspace --all-targets -- -D warnings

doc: ## Builds the documentation; warnings are errors.
	RUSTDOCFLAGS="-D warnings" cargo doc --workspace --no-deps --document-private-items

ci: ## What CI runs.
	.ci/run
