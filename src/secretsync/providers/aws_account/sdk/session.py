"""A session of the SDK for one store, with the standard credential chain over a given environment."""

from __future__ import annotations

import os
import subprocess
from collections.abc import Mapping, Sequence
from typing import Any

import boto3
from botocore.config import Config
from botocore.configprovider import ConfigChainFactory
from botocore.credentials import (
    AssumeRoleCredentialFetcher,
    AssumeRoleWithWebIdentityProvider,
    ContainerProvider,
    DeferredRefreshableCredentials,
    EnvProvider,
    ProcessProvider,
    ProfileProviderBuilder,
    create_credential_resolver,
)
from botocore.loaders import Loader
from botocore.session import Session

from secretsync.core.errors import ProblemKind
from secretsync.core.files import Input, check_file
from secretsync.core.text import is_shown, suggestion
from secretsync.providers.aws_account.endpoints import SERVICES
from secretsync.providers.aws_account.identities import ProgramError
from secretsync.providers.aws_account.inputs import check_endpoint, unusable
from secretsync.providers.aws_account.way import configured_endpoint
from secretsync.providers.interface import Deadline, StoreContext

_CONNECT_TIMEOUT = 2.0  # seconds; botocore's own is 60
_PROGRAM_MARGIN = 0.3  # seconds before the deadline at which a program is killed
_READ_TIMEOUT = 5.0  # seconds between two pieces of an answer; the whole is bounded by the deadline


class CodeWantedError(Exception):
    """A profile needs the code of an MFA device."""


def make_session(context: StoreContext, connections: int) -> boto3.Session:
    """Return the session of a store. Raises AwsRequestError, and exceptions of botocore."""
    session = StoreSession(context, connections)
    session.check_profile()
    return boto3.Session(botocore_session=session)


def _ask_nobody(_question: str) -> str:
    # A prompt would switch off the terminal's echo, in a thread that may stay after the deadline.
    raise CodeWantedError


class _Program:
    """A started `credential_process`. Its output and its status are those of the program."""

    def __init__(self, deadline: Deadline | None, arguments: Sequence[str], **options: Any) -> None:
        """Start the program. Raises ProgramError. `deadline`: the end of its time."""
        self._name = arguments[0] if arguments else "the program"
        self._deadline = deadline
        self.returncode = 0
        cause = ""
        try:
            self._process = subprocess.Popen(arguments, **options)
        except (OSError, ValueError, IndexError) as error:
            cause = f"cannot be started: {getattr(error, 'strerror', None) or 'its command is not one'}"
        if cause:
            raise ProgramError(self._name, cause)

    def communicate(self) -> tuple[bytes, bytes]:
        """Return what the program wrote. Raises ProgramError if it fails, or has not ended shortly before the deadline.

        Otherwise the message would name the store, which was not asked.
        """
        left = None if self._deadline is None else max(0.1, self._deadline.remaining() - _PROGRAM_MARGIN)
        written = None
        try:
            written = self._process.communicate(timeout=left)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.wait()
            for pipe in (self._process.stdout, self._process.stderr):  # not read, because a child may hold them open
                if pipe is not None:
                    pipe.close()
        if written is None:
            raise ProgramError(self._name, "did not end in time")
        if status := self._process.returncode:
            raise ProgramError(self._name, f"ended with status {status}" if status > 0 else f"got signal {-status}")
        return written


class _Profiles(ProfileProviderBuilder):
    """Makes the sources of a profile with whose credentials a role is assumed."""

    def __init__(self, session: StoreSession) -> None:
        super().__init__(session)
        self._session_of_store = session
        self._load = lambda: session.full_config

    def providers(self, profile_name: str, disable_env_vars: bool = False) -> list[Any]:  # noqa: FBT001, FBT002
        """Return the sources of one profile."""
        found = super().providers(profile_name, disable_env_vars)
        process = ProcessProvider(profile_name, self._load, popen=self._session_of_store.start_program)
        return [process if provider.METHOD == process.METHOD else provider for provider in found]


class _FewServices(Loader):
    """Loads the SDK's descriptions of the services that secrets and credentials come from.

    botocore looks through the folders of four hundred before it loads one: a fifth of the time that a client takes.
    """

    def list_available_services(self, type_name: str) -> list[str]:
        """Return the services that may be loaded."""
        del type_name
        return [*SERVICES, "signin", "sso", "sso-oidc", "sts"]


class StoreSession(Session):
    """A session that reads the environment of `context`. A session of botocore reads that of the process.

    These are still taken from the process: proxies and HOME, the files of boto 2, the
    `credential_source` and `credential_process` of a profile, and the switch of the EC2 metadata service.
    """

    def __init__(self, context: StoreContext, connections: int) -> None:
        profile = context.setting("profile")
        super().__init__(profile=profile)
        # Empty counts as unset: Compose and CI set what they have no value for.
        self._environ = {name: value for name, value in context.environ.items() if value}
        self._context = context
        self.deadline: Deadline | None = None  # of the present request for credentials
        self._role = context.setting("role_arn")
        self._may_be_plain = context.settings.get("plain_http") is True
        self.user_agent_extra = "secretsync"
        self._read_configuration_from(self._environ)
        self._require_profile()
        if region := context.setting("region"):
            self.set_config_variable("region", region)
        self.set_default_client_config(
            Config(
                connect_timeout=_CONNECT_TIMEOUT,
                read_timeout=_READ_TIMEOUT,
                max_pool_connections=connections,
                # We retry ourselves: botocore knows nothing of the deadline.
                retries={"mode": "standard", "total_max_attempts": 1},
            )
        )
        self.register_component("credential_provider", self)
        data_path = self.get_config_variable("data_path")
        self.register_component("data_loader", _FewServices(data_path.split(os.pathsep) if data_path else None))

    def _read_configuration_from(self, environ: Mapping[str, str]) -> None:
        chains = ConfigChainFactory(self, environ)
        store = self.get_component("config_store")
        # AWS_REGION is every SDK's but botocore's.
        variables: dict[str, Any] = {**self.SESSION_VARIABLES}
        variables["region"] = ("region", ["AWS_REGION", "AWS_DEFAULT_REGION"], None, None)
        for name, (config_names, variable, default, convert) in variables.items():
            chain = chains.create_config_chain(name, variable, config_names, default, convert)
            store.set_config_provider(name, chain)

    def _require_profile(self) -> None:
        """Raise AwsRequestError if the profile does not exist."""
        profile, known = self.get_config_variable("profile"), self.full_config.get("profiles", {})
        if profile is not None and profile not in known:
            hint = suggestion(profile, sorted(known), "profile, or AWS_PROFILE, names one of ~/.aws/config")
            name = repr(profile) if is_shown(profile, known) else "of this name"
            cause = f"there is no profile {name} in ~/.aws (ProfileNotFound)"
            raise unusable(ProblemKind.CONFIGURATION, cause, hint)

    def check_profile(self) -> None:
        """Raise AwsRequestError if botocore must not open a file: it would wait for a FIFO, or read without end."""
        profile = self.get_scoped_config()
        for name, kind in (("web_identity_token_file", Input.SECRET_FILE), ("ca_bundle", Input.CERTIFICATES)):
            path = profile.get(name)
            # botocore itself reports what the system refuses.
            if path and (refusal := check_file(path, kind)) is not None and refusal.errno is None:
                cause = f"{name} of the profile names {path}: {refusal.cause}"
                raise unusable(ProblemKind.CONFIGURATION, cause, "name a regular file")

    def start_program(self, arguments: Sequence[str], **options: Any) -> _Program:
        """Start a `credential_process`. Raises ProgramError."""
        return _Program(self.deadline, arguments, **options)

    def load_credentials(self) -> Any:
        """Return the credentials of the standard chain, or of the role to assume, or None."""
        found = self._chain().load_credentials()
        if found is None or self._role is None:
            return found
        fetcher = AssumeRoleCredentialFetcher(
            self.create_client, found, self._role, extra_args={"RoleSessionName": "secretsync"}
        )
        # The call is made when the first request is signed.
        return DeferredRefreshableCredentials(fetcher.fetch_credentials, "assume-role")

    def _chain(self) -> Any:
        chain = create_credential_resolver(self, region_name=self.get_config_variable("region"))
        roles: Any = chain.get_provider("assume-role")
        roles._prompter = _ask_nobody  # noqa: SLF001 - in public it is an argument of what the function above builds
        roles._profile_provider_builder = _Profiles(self)  # noqa: SLF001 - likewise
        profile = self.get_config_variable("profile") or "default"
        process = ProcessProvider(profile, lambda: self.full_config, popen=self.start_program)
        botocores = [provider.METHOD for provider in chain.providers]
        for mine in (EnvProvider(self._environ), ContainerProvider(self._environ), self._web_identity(), process):
            # If a profile is set, variables with keys are not part of the chain.
            if mine.METHOD in botocores:
                chain.insert_after(mine.METHOD, mine)
                chain.remove(mine.METHOD)  # the first of that name, which is botocore's
        if self._environ.get("AWS_EC2_METADATA_DISABLED", "").lower() == "true":
            chain.remove("iam-role")
        return chain

    def _web_identity(self) -> AssumeRoleWithWebIdentityProvider:
        """Return the IRSA provider: the file of a token and a role, from variables, else from the profile."""
        profile = self.get_config_variable("profile") or "default"
        settings = {} if self.instance_variables().get("profile") else self._web_identity_variables()

        def load() -> dict[str, Any]:
            profiles = self.full_config.get("profiles", {})
            return {"profiles": {profile: {**profiles.get(profile, {}), **settings}}}

        return AssumeRoleWithWebIdentityProvider(load, self.create_client, profile, disable_env_vars=True)

    def _web_identity_variables(self) -> dict[str, str]:
        variables = {
            "web_identity_token_file": "AWS_WEB_IDENTITY_TOKEN_FILE",
            "role_session_name": "AWS_ROLE_SESSION_NAME",
            "role_arn": "AWS_ROLE_ARN",
        }
        return {name: self._environ[variable] for name, variable in variables.items() if variable in self._environ}

    def create_client(self, service_name: str, *args: Any, **options: Any) -> Any:
        """Return a client. botocore also calls this to get credentials."""
        options["endpoint_url"] = options.get("endpoint_url") or self._endpoint_of(service_name)
        client: Any = super().create_client(service_name, *args, **options)
        # Whatever named it: the store, a variable or a profile.
        check_endpoint("endpoint_url", client.meta.endpoint_url, may_be_plain=self._may_be_plain)
        return client

    def _endpoint_of(self, service: str) -> str | None:
        is_ignored = self.get_config_variable("ignore_configured_endpoint_urls") is True
        found = configured_endpoint(self._context, service, is_ignored=is_ignored)
        return found[1] if found else None
