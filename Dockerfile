# The Hub's own images. Bases are arguments, for networks that have their images from elsewhere; scripts/container-image.sh
# makes everything out of Debian packages and a compiled program, without any image registry.
#
#   docker build -t executor-hub:0.1.0 .                          the program and certificates: for compose, Helm, any PostgreSQL
#   docker build -t executor-hub:0.1.0-whole --target whole .     and PostgreSQL's programs: `docker run` alone is a whole Hub
#
# Builds of Executors need a Docker Engine: give a `worker` one (docker-compose.yml), never the part that faces people.
# Needs BuildKit (Docker 23, or DOCKER_BUILDKIT=1).

ARG RUST_IMAGE=rust:1.95-slim-bookworm
# Needs glibc 2.36 or later, libgcc and /etc/ssl/certs/ca-certificates.crt; no shell.
ARG RUNTIME_IMAGE=gcr.io/distroless/cc-debian12:nonroot
ARG DEBIAN_IMAGE=debian:bookworm-slim
# "compiled" here, or "given": a file `executor-hub` beside this one, made on glibc 2.36 or earlier.
ARG PROGRAM=compiled

FROM ${RUST_IMAGE} AS compiled
WORKDIR /src
COPY Cargo.toml Cargo.lock ./
COPY .sqlx .sqlx
COPY config config
COPY migrations migrations
COPY templates templates
COPY assets assets
COPY benches benches
COPY src src
# Queries are checked against .sqlx; a build never meets a database.
ENV SQLX_OFFLINE=true
RUN --mount=type=cache,target=/usr/local/cargo/registry --mount=type=cache,target=/src/target \
    cargo build --release --locked --bin executor-hub \
    && install -D target/release/executor-hub /out/executor-hub

FROM scratch AS given
COPY executor-hub /out/executor-hub

# hadolint ignore=DL3006
FROM ${PROGRAM} AS program

# hadolint ignore=DL3006
FROM ${DEBIAN_IMAGE} AS whole
# postgresql-common first: the package would otherwise make a cluster and a service of its own; only programs are wanted.
# Versions are Debian's to choose: old ones leave its archive with every security update.
# hadolint ignore=DL3008
RUN apt-get update \
    && apt-get install --yes --no-install-recommends ca-certificates postgresql-common \
    && sed -ri 's/^#?(create_main_cluster) .*/\1 = false/' /etc/postgresql-common/createcluster.conf \
    && apt-get install --yes --no-install-recommends postgresql-15 \
    && rm -rf /var/lib/apt/lists/* \
    # A user with a name: initdb refuses to run as a number without one.
    && useradd --system --uid 65532 --user-group --home-dir /data --shell /usr/sbin/nologin hub \
    && install --directory --owner hub --group hub --mode 0700 /data
COPY --from=program --chmod=0755 /out/executor-hub /usr/local/bin/executor-hub
USER 65532:65532
WORKDIR /data
ENV HUB_SERVER__LISTEN=0.0.0.0:8080 \
    HUB_SERVER__DATA_DIR=/data
VOLUME /data
EXPOSE 8080
HEALTHCHECK --interval=10s --timeout=5s --start-period=60s CMD ["executor-hub", "ping"]
STOPSIGNAL SIGTERM
ENTRYPOINT ["executor-hub"]
CMD ["serve"]
ARG VERSION=0.1.0
ARG REVISION=unknown
LABEL org.opencontainers.image.title="Executor Hub, with PostgreSQL" \
    org.opencontainers.image.description="A self-hosted registry for Jina Executors: the server behind jina hub push" \
    org.opencontainers.image.licenses="Apache-2.0" \
    org.opencontainers.image.source="https://github.com/executor-hub/executor-hub" \
    org.opencontainers.image.version="$VERSION" \
    org.opencontainers.image.revision="$REVISION"

# hadolint ignore=DL3006
FROM ${RUNTIME_IMAGE} AS hub
COPY --from=program --chmod=0755 /out/executor-hub /usr/local/bin/executor-hub
USER 65532:65532
# Made for that user; a new volume takes over its owner.
WORKDIR /data
ENV HUB_SERVER__LISTEN=0.0.0.0:8080 \
    HUB_SERVER__DATA_DIR=/data \
    SSL_CERT_FILE=/etc/ssl/certs/ca-certificates.crt
VOLUME /data
EXPOSE 8080
# `ping` asks /readyz of the server that this configuration describes; a worker is asked for by `ping --worker`.
HEALTHCHECK --interval=10s --timeout=5s --start-period=60s CMD ["/usr/local/bin/executor-hub", "ping"]
# The Hub drains on SIGTERM for ten seconds: give it thirty (`docker stop -t 30`).
STOPSIGNAL SIGTERM
ENTRYPOINT ["/usr/local/bin/executor-hub"]
CMD ["serve"]
ARG VERSION=0.1.0
ARG REVISION=unknown
LABEL org.opencontainers.image.title="Executor Hub" \
    org.opencontainers.image.description="A self-hosted registry for Jina Executors: the server behind jina hub push" \
    org.opencontainers.image.licenses="Apache-2.0" \
    org.opencontainers.image.source="https://github.com/executor-hub/executor-hub" \
    org.opencontainers.image.version="$VERSION" \
    org.opencontainers.image.revision="$REVISION"
