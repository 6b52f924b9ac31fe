"""A small application: it reads its configuration, signs a session with it, and says what it was given."""

import hashlib
import hmac

from secretsync import resolve_config


def main() -> None:
    """Run the application once."""
    config = resolve_config()  # `run` has resolved it already: no store is asked a second time
    database = config.service("database")

    print(f"environment   {config['ENVIRONMENT']}, debug {config.get_bool('DEBUG')}, log level {config['LOG_LEVEL']}")
    print(f"sessions      end after {config.get_int('SESSION_TIMEOUT')} seconds")
    print(f"database      {database['DATABASE_NAME']} at {database['DATABASE_HOST']}, password {config.secret('DATABASE_PASSWORD')}")

    session = b"user=1"
    signature = hmac.digest(config["SECRET_KEY"].encode(), session, hashlib.sha256)
    again = hmac.digest(config.secret("SECRET_KEY").reveal().encode(), session, hashlib.sha256)
    print(f"session       signed with SECRET_KEY {config.secret('SECRET_KEY')}, verified: {hmac.compare_digest(signature, again)}")
    print(f"SECRET_KEY    came from {', '.join(config.origin('SECRET_KEY').references)}")


if __name__ == "__main__":
    main()
