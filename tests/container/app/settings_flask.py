"""Flask application whose configuration comes from `resolve_config`, as the manual has it."""

import flask
from digests import digests  # type: ignore[import-not-found, unused-ignore]  # it is beside this file, in the image

from secretsync import resolve_config

config = resolve_config()
app = flask.Flask(__name__)
app.config.from_mapping(config)


def digest() -> dict[str, str]:
    """Return a salted digest of each setting."""
    shown: dict[str, str] = digests(flask.request.args["salt"], app.config)
    return shown


app.add_url_rule("/digest", view_func=digest)
