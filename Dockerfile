# One image for web, workers and commands, for amd64 and arm64: every library comes as a wheel of both.
# docs/containers.md; `make lint` reads it (hadolint), and tests/containers walks its steps without an engine.
FROM python:3.12-slim-trixie AS build
WORKDIR /opt/mobilize
RUN python -m venv .venv
COPY requirements.txt ./
RUN .venv/bin/python -m pip install --no-cache-dir --disable-pip-version-check --require-hashes \
    --only-binary=:all: -r requirements.txt
COPY config.py wsgi.py pyproject.toml ./
COPY mobilize mobilize
COPY workers workers
COPY templates templates
COPY deploy deploy
COPY docs/guides docs/guides
COPY docs/examples docs/examples
COPY docs/api.md docs/webhooks.md docs/
RUN .venv/bin/pybabel --quiet compile -d mobilize/translations \
    && .venv/bin/python -m compileall -q config.py wsgi.py mobilize workers deploy

FROM python:3.12-slim-trixie
# pg_dump, of the PostgreSQL in compose.yaml: for backups. Its version is the release's.
# hadolint ignore=DL3008
RUN apt-get update \
    && apt-get install --yes --no-install-recommends postgresql-client-17 \
    && rm -rf /var/lib/apt/lists/* \
    && groupadd --gid 10001 mobilize \
    && useradd --uid 10001 --gid mobilize --no-create-home --home-dir /tmp --shell /usr/sbin/nologin mobilize \
    && install --directory --owner mobilize --group mobilize --mode 0700 /backups /journal
COPY --from=build /opt/mobilize /opt/mobilize
WORKDIR /opt/mobilize
ENV PATH=/opt/mobilize/.venv/bin:$PATH \
    PYTHONDONTWRITEBYTECODE=1 \
    PYTHONUNBUFFERED=1 \
    PYTHONUTF8=1 \
    FLASK_APP=wsgi \
    RUN_BY=containers \
    HOST=0.0.0.0 \
    PORT=5000 \
    BACKUP_FOLDER=/backups \
    JOURNAL_FOLDER=/journal
USER 10001:10001
EXPOSE 5000
VOLUME /backups /journal
HEALTHCHECK --interval=10s --timeout=5s --start-period=60s --retries=3 CMD ["python", "deploy/containers/health.py", "web"]
CMD ["python", "-m", "mobilize.web.server"]
