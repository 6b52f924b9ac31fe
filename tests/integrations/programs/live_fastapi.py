"""An application of FastAPI that uses a rotated key without a restart. Each worker of uvicorn has its own watcher."""

import asyncio
import json
import os
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Annotated, Any

from fastapi import Depends, FastAPI, Request
from itsdangerous import Signer

import secretsync
from secretsync import Live


@asynccontextmanager
async def lifespan(app: FastAPI) -> AsyncIterator[None]:
    """Resolve the configuration before the first request, and refresh it until the server ends."""
    app.state.live = live = await asyncio.to_thread(secretsync.live)
    try:
        with live.install_log_masking():
            yield
    finally:
        await asyncio.to_thread(live.close)


def get_live(request: Request) -> Live:
    """Return the configuration. Tests replace this dependency."""
    live: Live = request.app.state.live
    return live


app = FastAPI(lifespan=lifespan)


@app.get("/")
def index(live: Annotated[Live, Depends(get_live)]) -> dict[str, Any]:
    """Return a text that the newest secret key has signed."""
    return {"signed": Signer(live["SECRET_KEY"]).sign("text").decode()}


if __name__ == "__main__":
    from fastapi.testclient import TestClient

    with TestClient(app) as client:
        before = client.get("/").json()
        Path(os.environ["SECRETSYNC_ROOT"], "files", "key").write_text(os.environ["NEXT_KEY"])
        app.state.live.refresh()
        sys.stdout.write(json.dumps([before["signed"], client.get("/").json()["signed"]]))
