# HBase and its Thrift servers, as scripts/hbase runs them: same jars, same configuration.
# Built from the repository's root, as compose.yaml does.
FROM debian:bookworm-slim AS base
RUN apt-get update \
    && apt-get install -y --no-install-recommends openjdk-17-jre-headless python3 \
    && rm -rf /var/lib/apt/lists/*
ENV XDG_CACHE_HOME=/opt/cache EARLGREY_HBASE_DIR=/data
COPY scripts/hbase /opt/scripts/hbase
COPY scripts/hbase.d /opt/scripts/hbase.d

FROM base AS jars
RUN /opt/scripts/hbase.d/jars

FROM base
RUN useradd --create-home hbase && mkdir /data && chown hbase /data
COPY --from=jars --chown=hbase /opt/cache /opt/cache
USER hbase
VOLUME /data
ENTRYPOINT ["/opt/scripts/hbase", "run"]
CMD ["hbase"]
