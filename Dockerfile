FROM python:3.12-slim-bookworm AS build
RUN apt-get update && apt-get install -y --no-install-recommends gcc libc6-dev && rm -rf /var/lib/apt/lists/*
WORKDIR /src
COPY pyproject.toml setup.py README.md LICENSE ./
COPY _native _native
COPY inngest_fast inngest_fast
COPY docs docs
RUN python -m venv /opt/inngest-fast && /opt/inngest-fast/bin/pip install --no-cache-dir . \
    && /opt/inngest-fast/bin/pip uninstall -y pip

FROM python:3.12-slim-bookworm
LABEL org.opencontainers.image.title="inngest-fast" \
      org.opencontainers.image.description="A self-hosted, wire-compatible server for Inngest SDKs" \
      org.opencontainers.image.licenses="Apache-2.0"
COPY --from=build /opt/inngest-fast /opt/inngest-fast
RUN useradd --uid 10001 --no-create-home inngest && mkdir /data && chown inngest /data
USER inngest
ENV PATH=/opt/inngest-fast/bin:$PATH PYTHONUNBUFFERED=1 INNGEST_SQLITE_DIR=/data
VOLUME /data
EXPOSE 8288
HEALTHCHECK --interval=10s --timeout=3s --start-period=5s CMD ["python", "-c", \
  "import urllib.request as r; r.urlopen('http://127.0.0.1:8288/livez', timeout=2)"]
STOPSIGNAL SIGTERM
# The shell form would not pass signals on; without an init of its own the server is process 1 and needs none.
ENTRYPOINT ["inngest-fast"]
CMD ["start"]
