# The image of the one binary. Built in two stages; runs as uid 10001, keeps its data in /var/lib/vitals.
FROM rust:1.95-bookworm AS build
WORKDIR /src
COPY . .
# One profile for everything (see Cargo.toml): what users run is what the tests ran.
RUN --mount=type=cache,target=/usr/local/cargo/registry \
    --mount=type=cache,target=/target \
    CARGO_TARGET_DIR=/target cargo build --locked --workspace --bin vitals \
    && cp /target/debug/vitals /usr/local/bin/vitals

FROM debian:bookworm-slim
# postgresql: the embedded server, for a container without --database-url. curl: the health check.
RUN mkdir -p /etc/postgresql-common \
    && echo 'create_main_cluster = false' > /etc/postgresql-common/createcluster.conf \
    && apt-get update \
    && apt-get install -y --no-install-recommends -o Dpkg::Options::=--force-confold \
       ca-certificates curl postgresql tzdata zlib1g \
    && rm -rf /var/lib/apt/lists/* \
    && groupadd --gid 10001 vitals \
    && useradd --uid 10001 --gid 10001 --home-dir /var/lib/vitals --create-home vitals
COPY --from=build /usr/local/bin/vitals /usr/local/bin/vitals
LABEL org.opencontainers.image.title="vitals" \
      org.opencontainers.image.description="The vital signs of many small businesses, always current" \
      org.opencontainers.image.licenses="MIT"
USER 10001:10001
WORKDIR /var/lib/vitals
ENV VITALS_DATA_DIR=/var/lib/vitals/data VITALS_LISTEN=0.0.0.0:8080 \
    VITALS_PG_LISTEN=0.0.0.0:5433 VITALS_FLIGHT_LISTEN=0.0.0.0:50051
VOLUME /var/lib/vitals
EXPOSE 8080 5433 50051
STOPSIGNAL SIGTERM
HEALTHCHECK --interval=10s --timeout=5s --start-period=60s --retries=6 \
    CMD ["curl", "--fail", "--silent", "--show-error", "http://127.0.0.1:8080/readyz"]
ENTRYPOINT ["vitals"]
CMD ["up"]
