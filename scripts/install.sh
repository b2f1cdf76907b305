#!/usr/bin/env bash
# Installs what a Debian or Ubuntu machine with Rust still lacks: `install.sh run` for running Vitals,
# `install.sh test` for its tests too. Does nothing, quickly, when nothing is missing.
#
# Needs root or sudo only when something is missing. Says what it installs before it does.
set -euo pipefail

what="${1:-run}"
case "$what" in
  run | test) ;;
  *)
    echo "usage: scripts/install.sh [run|test]" >&2
    exit 2
    ;;
esac

have() { command -v "$1" >/dev/null 2>&1; }

# rustup puts cargo here, and a shell that has not been restarted does not know it yet.
[ -d "$HOME/.cargo/bin" ] && PATH="$HOME/.cargo/bin:$PATH"
if ! have cargo; then
  echo "install.sh: cargo is missing; install Rust 1.95 or newer from https://rustup.rs and run this again" >&2
  exit 1
fi

missing=()
have cc && have c++ && have make || missing+=(build-essential)
have pkg-config || missing+=(pkg-config)
[ -e /usr/include/zlib.h ] || missing+=(zlib1g-dev)
[ -e /etc/ssl/certs/ca-certificates.crt ] || missing+=(ca-certificates)
# Vitals starts its own PostgreSQL server from these programs, in its own data directory.
compgen -G '/usr/lib/postgresql/*/bin/initdb' >/dev/null || have initdb || missing+=(postgresql)
have psql || missing+=(postgresql-client)

if [ "$what" = test ]; then
  # The Kafka broker of the tests is a Java program, fetched with Maven by scripts/kafka.sh.
  if ! have java; then missing+=(java); fi
  have mvn || missing+=(maven)
  have curl || missing+=(curl)
  # Real clients of the doors are Python packages, in an environment of their own (see the end).
  python3 -c 'import ensurepip, venv' 2>/dev/null || missing+=(python3-venv)
fi

# The clients the tests speak to Vitals with: those of scripts/clients.txt, made anew when the list changes.
clients() {
  local list="${0%/*}/clients.txt" home="${VITALS_CACHE:-$HOME/.cache/vitals}/clients"
  [ "$what" = test ] || return 0
  cmp -s "$list" "$home/list.txt" && return 0
  echo "install.sh: installing the clients of $list into $home" >&2
  rm -rf "$home"
  mkdir -p "${home%/*}"
  python3 -m venv "$home"
  "$home/bin/pip" install --quiet --disable-pip-version-check --no-deps --requirement "$list" >&2
  cp "$list" "$home/list.txt"
}

if [ ${#missing[@]} -eq 0 ]; then
  clients
  exit 0
fi

if ! have apt-get; then
  echo "install.sh: please install ${missing[*]} with your system's package manager and run this again" >&2
  exit 1
fi
as_root=()
if [ "$(id -u)" -ne 0 ]; then
  if ! have sudo; then
    echo "install.sh: ${missing[*]} must be installed, which needs root: run 'apt-get install ${missing[*]}' as root" >&2
    exit 1
  fi
  as_root=(sudo)
fi

echo "install.sh: installing ${missing[*]}" >&2
export DEBIAN_FRONTEND=noninteractive
apt() { "${as_root[@]}" env DEBIAN_FRONTEND=noninteractive apt-get -qq -o Dpkg::Use-Pty=0 -o Dpkg::Options::=--force-confold "$@" >&2; }
apt update

packages=()
for name in "${missing[@]}"; do
  case "$name" in
    java)
      # Java 17 where there is one; Kafka runs on any newer one too.
      if apt-cache show openjdk-17-jre-headless >/dev/null 2>&1; then
        packages+=(openjdk-17-jre-headless)
      else
        packages+=(default-jre-headless)
      fi
      ;;
    postgresql)
      # Only the programs are wanted: without this, Debian would also create and start a server of its own.
      if [ ! -e /etc/postgresql-common/createcluster.conf ]; then
        "${as_root[@]}" mkdir -p /etc/postgresql-common
        echo 'create_main_cluster = false' | "${as_root[@]}" tee /etc/postgresql-common/createcluster.conf >/dev/null
      fi
      packages+=(postgresql)
      ;;
    *) packages+=("$name") ;;
  esac
done
apt install -y --no-install-recommends "${packages[@]}"
clients
