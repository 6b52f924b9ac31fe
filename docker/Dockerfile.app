# An application's own image. Two lines bring SecretSync in; everything else is the application's own affair.
#
#   docker build --file Dockerfile.app --tag app:1 .        (in the application's folder)
#
# The folder holds requirements.txt, the code, and env/ and providers/, which are safe to commit and therefore safe in
# an image. Copy Dockerfile.app.dockerignore with this file: it keeps .env, .git and secrets files out of the image.
#
# BASE has to be the image that the SecretSync image was built on: /opt/secretsync uses its interpreter.
ARG BASE=python:3.13.11-slim-trixie

# Empty, unless `--build-context wheels=FOLDER` puts a folder of wheels in its place.
FROM scratch AS wheels

FROM ${BASE} AS build
ARG PIP_NO_INDEX
COPY requirements.txt /src/requirements.txt
RUN --mount=type=bind,from=wheels,target=/wheels \
    --mount=type=secret,id=pip.conf,target=/etc/pip.conf \
    python -m venv /opt/app \
 && /opt/app/bin/python -m pip install --no-cache-dir --no-compile --find-links /wheels -r /src/requirements.txt \
 && /opt/app/bin/python -m pip uninstall --yes pip setuptools \
 && /opt/app/bin/python -m compileall -q --invalidation-mode unchecked-hash /opt/app/lib

FROM ${BASE}
# The public Python images carry no .pyc of the standard library.
RUN python -m compileall -q -f --invalidation-mode unchecked-hash \
        -x '/(site-packages|dist-packages|test|tests|idlelib|tkinter|turtledemo|lib2to3|ensurepip|pydoc_data)/' \
        "$(python -c 'import sysconfig; print(sysconfig.get_path("stdlib"))')" \
 && groupadd --gid 10001 app \
 && useradd --uid 10001 --gid app --no-create-home --home-dir /nonexistent --shell /usr/sbin/nologin app
COPY --from=build /opt/app /opt/app
WORKDIR /app
# Owned by root: the application cannot change its own code. The whole folder, without what the ignore file excludes.
COPY . .
ENV PATH=/opt/app/bin:$PATH
EXPOSE 8000
# No curl: the interpreter is there already. http.client asks no proxy variable.
HEALTHCHECK --interval=30s --timeout=5s --start-period=10s --retries=3 \
    CMD ["python", "-I", "-c", "import http.client as h; c = h.HTTPConnection('127.0.0.1', 8000, timeout=4); c.request('GET', '/health'); raise SystemExit(c.getresponse().status != 200)"]

# SecretSync, in two lines.
COPY --from=secretsync:0.1.0 /opt/secretsync /opt/secretsync
ENTRYPOINT ["/opt/secretsync/bin/python", "-I", "-m", "secretsync", "run", "--"]

USER 10001:10001
# Nothing is written: gunicorn's heartbeat files go to /dev/shm, its control socket is off.
CMD ["gunicorn", "--bind", "0.0.0.0:8000", "--workers", "2", "--worker-tmp-dir", "/dev/shm", "--no-control-socket", "app:app"]
