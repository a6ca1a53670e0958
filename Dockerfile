# The Hub's own image: the one binary, and PostgreSQL's programs, so that `docker run` alone gives a whole Hub that keeps
# everything in /data. With HUB_DATABASE__URL set the embedded PostgreSQL stays off. Builds of Executors need an engine:
# give a `worker` one (docker-compose.yml), never the part that faces people.

FROM debian:bookworm-slim AS postgres
# The package would make a cluster and a service of its own; only its programs are wanted.
RUN apt-get update \
    && apt-get install --yes --no-install-recommends ca-certificates postgresql-common \
    && sed -ri 's/^#?(create_main_cluster) .*/\1 = false/' /etc/postgresql-common/createcluster.conf \
    && apt-get install --yes --no-install-recommends postgresql-15 \
    && rm -rf /var/lib/apt/lists/*

FROM rust:1.95-slim-bookworm AS build
WORKDIR /src
COPY Cargo.toml Cargo.lock ./
COPY .sqlx .sqlx
COPY config config
COPY migrations migrations
COPY templates templates
COPY assets assets
COPY src src
# Queries are checked against .sqlx; a build never meets a database.
ENV SQLX_OFFLINE=true
RUN cargo build --release --locked --bin executor-hub

FROM postgres
ARG VERSION=0.1.0
ARG REVISION=unknown
LABEL org.opencontainers.image.title="Executor Hub" \
    org.opencontainers.image.description="A self-hosted registry for Jina Executors: the server behind jina hub push" \
    org.opencontainers.image.licenses="Apache-2.0" \
    org.opencontainers.image.version="$VERSION" \
    org.opencontainers.image.revision="$REVISION" \
    org.opencontainers.image.base.name="debian:bookworm-slim"
# A user with an entry in /etc/passwd: initdb refuses to run as a number without a name.
RUN useradd --system --uid 65532 --user-group --home-dir /data --shell /usr/sbin/nologin hub \
    && install --directory --owner hub --group hub --mode 0700 /data
COPY --from=build /src/target/release/executor-hub /usr/local/bin/executor-hub
USER 65532:65532
ENV HUB_SERVER__LISTEN=0.0.0.0:8080 \
    HUB_SERVER__DATA_DIR=/data
VOLUME /data
EXPOSE 8080
# `ping` asks /readyz of the server that this configuration describes; the image has no curl.
HEALTHCHECK --interval=10s --timeout=5s --start-period=60s CMD ["executor-hub", "ping"]
# The Hub drains on SIGTERM for ten seconds and then stops PostgreSQL: give it thirty (`docker stop -t 30`).
STOPSIGNAL SIGTERM
ENTRYPOINT ["executor-hub"]
CMD ["serve"]
