#!/usr/bin/env bash
# A real Apache Kafka for tests: one broker in KRaft mode, on loopback, gone without a trace.
#
#   kafka.sh install        fetches Kafka by name from Maven Central, once
#   kafka.sh start [PORT]   starts a broker (or finds the one that runs) and prints host:port
#   kafka.sh halt           stops it and keeps its data, as a broker that is away for a while
#   kafka.sh resume         starts it again after a halt, at the same address
#   kafka.sh stop           stops it and removes its data
#   kafka.sh status         prints host:port and exits 0 if it runs, else exits 1
#
# VITALS_CACHE         where Kafka is kept (default ~/.cache/vitals)
# VITALS_KAFKA_DIR     where one broker has its data, pid and log; two directories are two brokers
#                      (default $VITALS_CACHE/kafka/run)
# VITALS_KAFKA_FOLLOW  a process id: the broker stops by itself when that process has ended
#
# Needs Java 17 or newer and, for install, mvn. Only host:port goes to standard output.
set -euo pipefail

readonly VERSION=4.1.1 SCALA=2.13 SLF4J=1.7.36
readonly START_SECONDS_MAX=60 STOP_SECONDS_MAX=15
CACHE="${VITALS_CACHE:-$HOME/.cache/vitals}"
LIB="$CACHE/kafka/$VERSION"
RUN="$(realpath -m "${VITALS_KAFKA_DIR:-$CACHE/kafka/run}")"

die() {
    echo "kafka.sh: $*" >&2
    exit 1
}

need() { command -v "$1" >/dev/null 2>&1 || die "$1 is missing; install it, for example: apt-get install $2"; }

java_options() {
    printf '%s\n' -Xms256m -Xmx512m -XX:+UseSerialGC -XX:TieredStopAtLevel=1 \
        -Djava.awt.headless=true -Dorg.slf4j.simpleLogger.defaultLogLevel=warn \
        -Dorg.slf4j.simpleLogger.log.kafka.server.KafkaRaftServer=info -cp "$LIB/*"
}

pom() {
    cat <<POM
<project xmlns="http://maven.apache.org/POM/4.0.0">
  <modelVersion>4.0.0</modelVersion>
  <groupId>vitals</groupId><artifactId>kafka</artifactId><version>1</version><packaging>pom</packaging>
  <dependencies>
    <dependency>
      <groupId>org.apache.kafka</groupId><artifactId>kafka_$SCALA</artifactId><version>$VERSION</version>
    </dependency>
    <dependency>
      <groupId>org.slf4j</groupId><artifactId>slf4j-simple</artifactId><version>$SLF4J</version>
    </dependency>
  </dependencies>
</project>
POM
}

install() {
    if [ -e "$LIB/.complete" ]; then return; fi
    need java openjdk-17-jre-headless
    need mvn maven
    mkdir -p "$CACHE/kafka"
    # Whoever comes second waits, then finds it complete.
    exec 8>"$CACHE/kafka/install.lock"
    flock 8
    if [ ! -e "$LIB/.complete" ]; then
        local work
        work="$(mktemp -d "$CACHE/kafka/install.XXXXXX")"
        pom >"$work/pom.xml"
        if ! mvn -q -B -f "$work/pom.xml" \
            org.apache.maven.plugins:maven-dependency-plugin:3.6.1:copy-dependencies \
            -DincludeScope=runtime -DoutputDirectory="$work/lib" >"$work/mvn.log" 2>&1; then
            tail -n 20 "$work/mvn.log" >&2
            rm -rf "$work"
            die "cannot fetch Kafka $VERSION; see the lines above and check that mvn reaches Maven Central"
        fi
        rm -rf "$LIB"
        mv "$work/lib" "$LIB"
        touch "$LIB/.complete"
        rm -rf "$work"
    fi
    exec 8>&-
}

# Ours is only a process that still runs with this directory's configuration: ids are used again.
running() {
    local pid
    [ -s "$RUN/pid" ] && [ -s "$RUN/address" ] || return 1
    pid="$(cat "$RUN/pid")"
    [ -r "/proc/$pid/cmdline" ] && tr '\0' '\n' <"/proc/$pid/cmdline" | grep -qxF "$RUN/server.properties"
}

answers() { (exec 3<>"/dev/tcp/127.0.0.1/$1") 2>/dev/null; }

free_port() {
    local port
    for _ in $(seq 100); do
        # Below the range from which the system takes the ports of outgoing connections.
        port=$((10240 + (RANDOM * 32768 + RANDOM) % 22000))
        if ! answers "$port"; then
            echo "$port"
            return
        fi
    done
    die "found no free port"
}

configuration() {
    local port="$1" controller="$2"
    cat <<CONF
process.roles=broker,controller
node.id=1
controller.quorum.voters=1@127.0.0.1:$controller
controller.listener.names=CONTROLLER
listeners=PLAINTEXT://127.0.0.1:$port,CONTROLLER://127.0.0.1:$controller
advertised.listeners=PLAINTEXT://127.0.0.1:$port
listener.security.protocol.map=PLAINTEXT:PLAINTEXT,CONTROLLER:PLAINTEXT
log.dirs=$RUN/data
auto.create.topics.enable=false
offsets.topic.num.partitions=1
offsets.topic.replication.factor=1
transaction.state.log.num.partitions=1
transaction.state.log.replication.factor=1
transaction.state.log.min.isr=1
group.initial.rebalance.delay.ms=0
num.network.threads=2
num.io.threads=4
log.cleaner.backoff.ms=200
log.cleaner.dedupe.buffer.size=8388608
CONF
}

# A random KRaft cluster id: 16 bytes in URL-safe base64, not beginning with a dash.
cluster_id() { echo "A$(head -c 16 /dev/urandom | base64 | tr '+/' '-_' | tr -d '=' | cut -c 2-22)"; }

# Makes a broker on the port, starts it and waits until it serves. Fails if it ends before that.
launch() {
    local port="$1" options
    mapfile -t options < <(java_options)
    rm -rf "$RUN/data"
    configuration "$port" "$(free_port)" >"$RUN/server.properties"
    if ! java "${options[@]}" kafka.tools.StorageTool format -t "$(cluster_id)" \
        -c "$RUN/server.properties" >"$RUN/log" 2>&1 </dev/null 9>&-; then
        return 1
    fi
    serve "$port"
}

# Starts the broker that was made here and waits until it serves. Fails if it ends before that.
serve() {
    local port="$1" pid options
    mapfile -t options < <(java_options)
    # A session of its own and none of our descriptors: it outlives this script and holds no pipe open.
    setsid java "${options[@]}" kafka.Kafka "$RUN/server.properties" </dev/null >"$RUN/log" 2>&1 9>&- &
    pid=$!
    echo "$pid" >"$RUN/pid"
    for _ in $(seq $((START_SECONDS_MAX * 10))); do
        if ! kill -0 "$pid" 2>/dev/null; then return 1; fi
        if grep -q "Kafka Server started" "$RUN/log" && answers "$port"; then
            echo "127.0.0.1:$port" >"$RUN/address"
            return 0
        fi
        sleep 0.1
    done
    kill -9 "$pid" 2>/dev/null || true
    return 1
}

start() {
    install
    need java openjdk-17-jre-headless
    mkdir -p "$RUN"
    exec 9>"$RUN/lock"
    flock 9
    if ! running; then
        local attempt
        rm -f "$RUN/address"
        # Another process may take a port between our look and the broker's bind: then another one.
        for attempt in 1 2 3; do
            if launch "${1:-$(free_port)}"; then break; fi
            if [ "$attempt" = 3 ] || [ -n "${1:-}" ]; then
                tail -n 20 "$RUN/log" >&2
                die "the broker did not start; see the lines above"
            fi
        done
        if [ -n "${VITALS_KAFKA_FOLLOW:-}" ]; then
            VITALS_KAFKA_DIR="$RUN" setsid "$BASH" "$0" follow "$VITALS_KAFKA_FOLLOW" </dev/null >/dev/null 2>&1 9>&- &
        fi
    fi
    cat "$RUN/address"
}

# Ends the broker's process, if it runs.
end() {
    if running; then
        local pid
        pid="$(cat "$RUN/pid")"
        kill "$pid" 2>/dev/null || true
        for _ in $(seq $((STOP_SECONDS_MAX * 10))); do
            running || break
            sleep 0.1
        done
        if running; then kill -9 "$pid" 2>/dev/null || true; fi
    fi
}

halt() {
    running || die "no broker runs in $RUN"
    touch "$RUN/halted"
    end
}

resume() {
    [ -e "$RUN/halted" ] || die "no broker was halted in $RUN"
    if ! serve "$(cut -d: -f2 "$RUN/address")"; then
        tail -n 20 "$RUN/log" >&2
        die "the broker did not start again; see the lines above"
    fi
    rm -f "$RUN/halted"
}

stop() {
    end
    rm -rf "$RUN/data"
    rm -f "$RUN/halted" "$RUN/pid" "$RUN/address" "$RUN/server.properties" "$RUN/log" "$RUN/lock"
    rmdir "$RUN" 2>/dev/null || true
}

follow() {
    while kill -0 "$1" 2>/dev/null && { running || [ -e "$RUN/halted" ]; }; do sleep 0.5; done
    stop
}

case "${1:-}" in
install) install ;;
start) start "${2:-}" ;;
halt) halt ;;
resume) resume ;;
stop) stop ;;
status) running && cat "$RUN/address" ;;
follow) follow "$2" ;;
*)
    sed -n '2,18s/^# \{0,1\}//p' "$0" >&2
    exit 2
    ;;
esac
