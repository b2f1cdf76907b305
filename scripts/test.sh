#!/usr/bin/env bash
# Runs every test of the workspace with a real Kafka broker beside it, and stops the broker afterwards.
#
# Arguments go to `cargo test` (after `--workspace`). A broker of your own is used when VITALS_KAFKA=host:port
# is set. The broker of this run has its own directory, so that several runs do not meet.
set -euo pipefail
cd "$(dirname "$0")/.."
export CARGO_TARGET_DIR="${CARGO_TARGET_DIR:-${XDG_CACHE_HOME:-$HOME/.cache}/vitals/target}"

# Built first: the broker need not wait beside the compiler.
cargo test --workspace --no-run "$@"

if [ -z "${VITALS_KAFKA:-}" ]; then
  VITALS_KAFKA_DIR="$(mktemp -d)"
  export VITALS_KAFKA_DIR VITALS_KAFKA_FOLLOW=$$
  trap 'scripts/kafka.sh stop >&2 || true; rm -rf "$VITALS_KAFKA_DIR"' EXIT
  scripts/kafka.sh install >&2
  VITALS_KAFKA="$(scripts/kafka.sh start)"
  export VITALS_KAFKA
fi

cargo test --workspace "$@"
