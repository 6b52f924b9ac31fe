"""An application of Flask."""

import json
import sys
from typing import Any

from flask import Flask, current_app
from itsdangerous import Signer

from secretsync import resolve_config


def create_app() -> Flask:
    """Return the application, with the configuration as its extension."""
    config = resolve_config()
    app = Flask(__name__)
    app.config["SECRET_KEY"] = config["SECRET_KEY"]
    app.config["DEBUG"] = config.get_bool("DEBUG", default=False)
    app.extensions["secretsync"] = config
    config.install_log_masking()

    @app.get("/")
    def index() -> dict[str, Any]:
        signed = Signer(current_app.config["SECRET_KEY"]).sign("text")
        return {"signed": signed.decode(), "database": current_app.extensions["secretsync"].service("database")["NAME"]}

    return app


if __name__ == "__main__":
    sys.stdout.write(json.dumps(create_app().test_client().get("/").get_json()))
