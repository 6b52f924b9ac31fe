"""A small application: it reads its configuration, signs a session with it, and says what it was given."""

import hashlib
import hmac

from secretsync import resolve_config


def main() -> None:
    """Run the application once."""
    config = resolve_config()  # `run` has resolved it already: no store is asked a second time
    print(f"started in {config['ENVIRONMENT']}: debug {config.get_bool('DEBUG')}, log level {config['LOG_LEVEL']}")

    database = config.service("database")
    print(f"database {database['DATABASE_NAME']} at {database['DATABASE_HOST']}:{database.get_int('DATABASE_PORT')}")

    secret_key = config.secret("SECRET_KEY")
    timeout = config.get_int("SESSION_TIMEOUT")
    signature = hmac.digest(secret_key.reveal().encode(), b"user=1", hashlib.sha256)
    valid = hmac.compare_digest(signature, hmac.digest(config["SECRET_KEY"].encode(), b"user=1", hashlib.sha256))
    print(f"a session of {timeout} seconds, signed with SECRET_KEY={secret_key!r}: {'valid' if valid else 'forged'}")


if __name__ == "__main__":
    main()
