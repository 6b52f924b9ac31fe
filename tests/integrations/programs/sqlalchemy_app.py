"""A connection pool of SQLAlchemy that takes the password when it connects."""

import json
import sys
from typing import Any

from sqlalchemy import URL, Engine, create_engine, event, text

from secretsync import Config, resolve_config


def engine_of(config: Config) -> Engine:
    """Return an engine for the service `database`. The URL of the engine does not have the password."""
    database = config.service("database")
    engine = create_engine(
        URL.create(
            database["DRIVER"],
            username=database.get("USER_NAME", None),
            host=database.get("HOST", None),
            port=database.get_int("PORT", None),
            database=database["NAME"],
        )
    )
    current = [config]

    @event.listens_for(engine, "do_connect")
    def give_password(_dialect: Any, _record: Any, _args: Any, options: dict[str, Any]) -> None:
        """Give each new connection the password that the store has now, so that a rotation needs no restart."""
        if "USER_NAME" in database:
            current[0] = current[0].refresh().config
            options["password"] = current[0].service("database")["PASSWORD"]

    return engine


if __name__ == "__main__":
    engine = engine_of(resolve_config())
    with engine.connect() as connection:
        found = connection.execute(text("select 40 + 2")).scalar_one()
    sys.stdout.write(json.dumps({"found": found, "engine": repr(engine)}))
