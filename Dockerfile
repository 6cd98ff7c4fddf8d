# The same hashed requirements as `make run`. Build arguments choose the base image and, for a
# private registry, pip's own environment variables choose the index (docs/decisions.md).
ARG PYTHON=python:3.11-slim-bookworm
# The same with a C compiler.
ARG COMPILER=python:3.11-bookworm

FROM ${PYTHON} AS build
ENV PIP_DISABLE_PIP_VERSION_CHECK=1 PIP_NO_CACHE_DIR=1
COPY requirements/run.txt /build/run.txt
RUN python -m venv /opt/venv \
 && /opt/venv/bin/python -m pip install --require-hashes --only-binary :all: -r /build/run.txt \
 && /opt/venv/bin/python -m pip uninstall --yes pip setuptools

# What a hit goes through, compiled (docs/operations.md).
FROM ${COMPILER} AS compiled
ENV PIP_DISABLE_PIP_VERSION_CHECK=1 PIP_NO_CACHE_DIR=1
COPY requirements/compile.txt /build/compile.txt
RUN python -m pip install --require-hashes --only-binary :all: -r /build/compile.txt
WORKDIR /app
COPY setup.py ./
COPY storage storage
COPY gateway gateway
RUN python setup.py -q build_ext --inplace

FROM ${PYTHON}
ENV PATH=/opt/venv/bin:$PATH PYTHONUNBUFFERED=1 PYTHONDONTWRITEBYTECODE=1 \
    LOOKUP_HOST=0.0.0.0 LOOKUP_PORT=8080 DATABASE_URL=sqlite+aiosqlite:////var/lib/lookup/lookup.db
RUN useradd --system --uid 10001 --user-group --no-create-home lookup \
 && install --directory --owner lookup --group lookup /var/lib/lookup
COPY --from=build /opt/venv /opt/venv
WORKDIR /app
COPY adapters adapters
COPY warmup warmup
COPY --from=compiled /app/*.so ./
COPY --from=compiled /app/storage storage
COPY --from=compiled /app/gateway gateway
COPY data data
COPY config.yaml config.schema.json ./
USER 10001:10001
VOLUME /var/lib/lookup
EXPOSE 8080
HEALTHCHECK --interval=10s --timeout=3s --start-period=10s --retries=3 \
  CMD ["python", "-c", "import os, urllib.request as u; u.urlopen('http://127.0.0.1:' + os.environ['LOOKUP_PORT'] + '/healthz', timeout=2)"]
# exec form: the process is PID 1 and gets SIGTERM itself; it finishes what is in flight.
STOPSIGNAL SIGTERM
ENTRYPOINT ["python", "-m", "gateway"]
CMD ["serve"]
