"""A site of FastAPI behind uvicorn on a loopback socket, with uvicorn's own log configuration."""

import http.client
import logging
import re
import threading
import time
from urllib.parse import quote

import fastapi
import uvicorn

from tests.config.libraries.programs import load, log_all

config, texts = load()
config.install_log_masking()
app = fastapi.FastAPI()
IS_TARGET = re.compile(r"[A-Za-z0-9%/:@+,;=_.~-]+").fullmatch  # can be in a request line as it is


@app.get("/{rest:path}")
def page(rest: str, number: int) -> None:
    """Log a text, then fail with it."""
    log_all(logging.getLogger("uvicorn.error"), [texts[number]])
    if rest.endswith("fails"):
        raise ValueError(texts[number])


def main() -> None:
    """Request a page for each form."""
    server = uvicorn.Server(uvicorn.Config(app, port=0))
    thread = threading.Thread(target=server.run)
    thread.start()
    while not server.started:
        time.sleep(0.01)
    port = server.servers[0].sockets[0].getsockname()[1]
    for number, text in enumerate(texts):
        for end in ("", "/fails"):
            connection = http.client.HTTPConnection("127.0.0.1", port)
            target = text if IS_TARGET(text) else quote(text)
            connection.request("GET", f"/{target}{end}?number={number}&token={quote(text)}")
            connection.getresponse().read()
            connection.close()
    server.should_exit = True
    thread.join()


main()
