"""A connection pool of SQLAlchemy for PostgreSQL whose user and password rotate."""

import time
from typing import Any

from sqlalchemy import URL, Engine, create_engine, event

from secretsync import Live

# Seconds between logins that the database refused: a rotation changes the database and the store one after the other.
PAUSES = (0, 0.2, 0.5, 1, 2)


def is_login_refused(error: Exception) -> bool:
    """Return True if PostgreSQL refused the password, and False if it did not answer."""
    return any(mark in str(error) for mark in ("28P01", "password authentication failed"))


def engine_of(live: Live) -> Engine:
    """Return an engine for the service `database`. Each new connection logs in with the newest user and password."""
    database = live.service("database")
    url = URL.create(
        database["DRIVER"], host=database["HOST"], port=database.get_int("PORT", 5432), database=database["NAME"]
    )
    engine = create_engine(url, pool_pre_ping=True)

    @event.listens_for(engine, "do_connect")
    def log_in(dialect: Any, _record: Any, args: Any, options: dict[str, Any]) -> Any:
        """Log in. If the database refuses the password, ask the store, and try again."""
        for pause in PAUSES:
            options.update(login())
            try:
                return dialect.connect(*args, **options)
            except dialect.loaded_dbapi.Error as error:
                if not is_login_refused(error):
                    raise
            time.sleep(pause)
            live.refresh()
        options.update(login())
        return dialect.connect(*args, **options)

    def login() -> dict[str, str]:
        newest = live.config.service("database")  # one configuration, so that user and password belong together
        return {"user": newest["USER_NAME"], "password": newest["PASSWORD"]}

    # Close idle connections of the old user. A connection that is in use stays until its request ends. PostgreSQL keeps
    # connections whose password changed, so they stay too.
    live.on_change("USER_NAME", lambda _change: engine.dispose())
    return engine
