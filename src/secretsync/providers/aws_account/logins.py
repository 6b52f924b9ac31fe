"""Describe the ways to log in to AWS, in the order in which SecretSync and the SDK look for them."""

from __future__ import annotations

import configparser
import os
from collections.abc import Iterator, Mapping

from secretsync.core.files import Input, read_file
from secretsync.core.text import path_or
from secretsync.providers.aws_account.inputs import CREDENTIAL_INPUTS
from secretsync.providers.aws_account.way import FILES, Source, is_true
from secretsync.providers.interface import StoreContext
from secretsync.providers.logins import Login, Way, checklist, first_begun, look

_INSTANCE = "the role of the EC2 instance (the endpoint 169.254.169.254)"
# The settings of a profile that give keys, in the order of the SDK.
_OF_PROFILE = ("sso_session", "sso_start_url", "login_session", "aws_access_key_id", "credential_process")


def logins(context: StoreContext) -> tuple[Login, ...]:
    """Return the ways to log in. Nothing is requested, and no content of a file or variable is in the result."""
    profile = context.setting("profile") or context.environ.get("AWS_PROFILE") or None
    profile = profile or context.environ.get("AWS_DEFAULT_PROFILE") or None
    sections = dict(_sections(context, profile or "default"))
    ways = [
        _variables(context),
        _profile(profile, sections, ("role_arn",), "a role of a profile"),
        _inputs(context, Source.WEB_IDENTITY),
        _profile(profile, sections, _OF_PROFILE, "a profile"),
        _container(context),
        _instance(context),
    ]
    return checklist(ways, first_begun(ways))  # the SDK does not go on if this way is incomplete


def _variables(context: StoreContext) -> Way:
    way = _inputs(context, Source.KEYS)
    if profile := context.setting("profile"):  # the variables are not part of the chain then
        hint = f"remove the setting profile ({path_or(profile, 'its name is not shown')}), which comes before variables"
        return Way(name=way.name, missing=("(not looked for, because the setting profile is set)",), hint=hint)
    # Without an access key the SDK goes on to the next way.
    return way if context.environ.get("AWS_ACCESS_KEY_ID") else Way(name=way.name, missing=way.missing, hint=way.hint)


def _inputs(context: StoreContext, source: Source) -> Way:
    needed, optional = CREDENTIAL_INPUTS[source]
    way = look(context, source.value, needed, optional=optional)
    is_begun = source is Source.KEYS or context.environ.get("AWS_WEB_IDENTITY_TOKEN_FILE")
    # A role alone does not begin this way.
    return way if is_begun else Way(name=way.name, missing=way.missing, hint=way.hint)


def _container(context: StoreContext) -> Way:
    """Return the way of ECS and EKS, which needs one of two variables."""
    needed, optional = CREDENTIAL_INPUTS[Source.CONTAINER]
    ways = [look(context, Source.CONTAINER.value, (rule,), optional=optional) for rule in needed]
    found = next((way for way in ways if not way.missing), None)
    if found is not None:
        return found
    names = " or ".join(name for way in ways for name in way.missing)
    hint = "give the task or the pod a role; the platform sets the variable"
    return Way(name=Source.CONTAINER.value, missing=(names,), hint=hint)


def _instance(context: StoreContext) -> Way:
    if is_true(context.environ.get("AWS_EC2_METADATA_DISABLED")):
        return Way(name=_INSTANCE, missing=("AWS_EC2_METADATA_DISABLED is true",), hint="unset this variable")
    hint = "on another machine than EC2: set AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY, or run `aws configure`"
    return Way(name=_INSTANCE, is_unseen=True, hint=hint)


def _profile(profile: str | None, sections: Mapping[str, frozenset[str]], keys: tuple[str, ...], name: str) -> Way:
    """Return the way of a profile, by the names of the settings that its sections in files have."""
    shown = path_or(profile, "of this name") if profile else "default"
    title = f"{name}: {shown}"
    found = [f"{key} in {file}" for key in keys for file, names in sections.items() if key in names]
    if found:
        return Way(name=title, found=tuple(found))
    file = "~/.aws/config or ~/.aws/credentials"
    step = f" --profile {shown}" if profile else ""
    hint = f"run `aws configure{step}` or `aws configure sso{step}`"
    return Way(name=title, missing=(f"{' or '.join(keys)} in {file}",), hint=hint)


def _sections(context: StoreContext, profile: str) -> Iterator[tuple[str, frozenset[str]]]:
    """Yield each file of the SDK that has the profile, and the names of the settings there."""
    for variable, default in FILES:
        written = context.environ.get(variable) or default
        home = context.environ.get("HOME")
        path = os.path.join(home, written[2:]) if home and written.startswith("~/") else os.path.expanduser(written)
        data = read_file(path, Input.SECRET_FILE)
        if not isinstance(data, bytes):
            continue
        parser = configparser.RawConfigParser(strict=False, default_section="\0")
        try:
            parser.read_string(data.decode("utf-8", "replace"))
        except configparser.Error:
            continue  # the identity names this mistake
        for section in (profile, f"profile {profile}"):
            if parser.has_section(section):
                place = f"{path_or(written, 'the file')} ({variable})" if variable in context.environ else default
                yield place, frozenset(parser.options(section))
