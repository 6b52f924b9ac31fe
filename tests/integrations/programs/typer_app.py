"""A command line of Typer, which is built on click."""

from typing import Annotated

import typer
from itsdangerous import Signer

from secretsync import Config, SecretSyncError, resolve_config

app = typer.Typer(pretty_exceptions_show_locals=False)


@app.callback()
def main(
    context: typer.Context, environment: Annotated[str | None, typer.Option("-e", "--environment")] = None
) -> None:
    """Resolve the configuration once, for all commands."""
    try:
        context.obj = resolve_config(environment)
    except SecretSyncError as error:
        typer.echo(str(error), err=True)
        raise typer.Exit(int(error.exit_status)) from None


@app.command()
def sign(context: typer.Context, text: str) -> None:
    """Print TEXT as the secret key signs it."""
    config: Config = context.obj
    typer.echo(Signer(config["SECRET_KEY"]).sign(text).decode())


if __name__ == "__main__":
    app()
