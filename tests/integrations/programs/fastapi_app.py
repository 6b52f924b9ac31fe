"""An application of FastAPI. Starlette has the same lifespan and the same state."""

import json
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Annotated, Any

from fastapi import Depends, FastAPI, Request
from itsdangerous import Signer

from secretsync import Config, resolve_config


@asynccontextmanager
async def lifespan(app: FastAPI) -> AsyncIterator[None]:
    """Resolve the configuration before the first request, so that an error ends the start."""
    app.state.config = resolve_config()
    with app.state.config.install_log_masking():
        yield


def get_config(request: Request) -> Config:
    """Return the configuration. Tests replace this dependency."""
    config: Config = request.app.state.config
    return config


app = FastAPI(lifespan=lifespan)


@app.get("/")
def index(config: Annotated[Config, Depends(get_config)]) -> dict[str, Any]:
    """Return a text that the secret key has signed."""
    signed = Signer(config["SECRET_KEY"]).sign("text")
    return {"signed": signed.decode(), "database": config.service("database")["NAME"]}


if __name__ == "__main__":
    from fastapi.testclient import TestClient

    with TestClient(app) as client:
        sys.stdout.write(json.dumps(client.get("/").json()))
