"""The provider of AWS Secrets Manager."""

from __future__ import annotations

import os
from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING

from secretsync.core.model import Failed, Found, SecretRef
from secretsync.providers.aws.settings import SETTINGS, check_path
from secretsync.providers.interface import (
    NETWORK_FILES,
    NETWORK_VARIABLES,
    Answer,
    Deadline,
    Identity,
    Information,
    ProviderSpec,
    RequestCounter,
    StoreContext,
)
from secretsync.providers.remote import PerProcess, identify

if TYPE_CHECKING:
    from boto3 import Session

    from secretsync.providers.aws.client import AwsClient, Way
    from secretsync.providers.writing import Change, Written


class AwsProvider:
    """Reads from AWS Secrets Manager. The age of a secret is that of its version with the stage AWSCURRENT.

    LastChangedDate is not used, because an edited tag changes it. LastRotatedDate is not used either, because a change
    by hand does not change it.
    """

    spec = ProviderSpec(
        name="aws",
        title="AWS Secrets Manager",
        path_help="the name or the ARN of a secret",
        options=("version", "stage"),
        check_path=check_path,
        settings=SETTINGS,
        extra="aws",
        import_cost=2,
        is_writable=True,
        credentials=(
            "AWS_ACCESS_KEY_ID",
            "AWS_SECRET_ACCESS_KEY",
            "AWS_SESSION_TOKEN",
            "AWS_SECURITY_TOKEN",
            "AWS_CONTAINER_AUTHORIZATION_TOKEN",
        ),
        identity_variables=(
            "AWS_CONFIG_FILE",
            "AWS_CONTAINER_AUTHORIZATION_TOKEN_FILE",
            "AWS_CONTAINER_CREDENTIALS_FULL_URI",
            "AWS_CONTAINER_CREDENTIALS_RELATIVE_URI",
            "AWS_DEFAULT_REGION",
            "AWS_PROFILE",
            "AWS_REGION",
            "AWS_ROLE_ARN",
            "AWS_ROLE_SESSION_NAME",
            "AWS_SHARED_CREDENTIALS_FILE",
            "AWS_WEB_IDENTITY_TOKEN_FILE",
        ),
        variables=("AWS_", "BOTO_CONFIG", "HOME", "PATH", *NETWORK_VARIABLES),
        files=(
            "~/.aws/config",
            "~/.aws/credentials",
            "$AWS_CONFIG_FILE",
            "$AWS_SHARED_CREDENTIALS_FILE",
            "$AWS_WEB_IDENTITY_TOKEN_FILE",
            "$AWS_CONTAINER_AUTHORIZATION_TOKEN_FILE",
            "$AWS_CA_BUNDLE",
            *NETWORK_FILES,
        ),
    )

    def __init__(self, context: StoreContext) -> None:
        self.requests = RequestCounter()
        self._context = context
        self._session: Session | None = None
        self._client = PerProcess(self._make_client)

    @classmethod
    def from_session(cls, session: Session, *, store: str = "aws") -> AwsProvider:
        """Return a provider that reads through clients that `session` makes, with its credentials, region and settings.

        `store`: the name for messages. Pass the provider to `resolve_config(stores={"aws": provider})`. Needs the
        extra `aws`. Environment variables and settings of a store do not apply.
        """
        provider = cls(StoreContext(store=store, environment=""))
        provider._session = session
        return provider

    def _make_client(self) -> AwsClient:
        from secretsync.providers.aws.client import AwsClient

        return AwsClient(self._context.store, self._make_way)

    def _make_way(self) -> Way:
        context, session = self._context, self._session
        if session is not None:
            from secretsync.providers.aws.sdk import SdkWay

            return SdkWay(lambda: session, self.requests, os.environ)
        from secretsync.providers.aws.inputs import check_inputs
        from secretsync.providers.aws.way import reason_for_sdk

        check_inputs(context)
        if (reason := reason_for_sdk(context)) is None:
            from secretsync.providers.aws.direct import DirectWay

            return DirectWay(context, self.requests)
        from secretsync.providers.aws.sdk import SdkWay, open_session

        return SdkWay(lambda: open_session(context, reason), self.requests, context.environ)

    def fetch(self, refs: Sequence[SecretRef], deadline: Deadline) -> Iterator[Answer]:
        from secretsync.providers.aws.fetch import fetch

        return fetch(self._client.get(), refs, deadline)

    def describe(self, refs: Sequence[SecretRef], deadline: Deadline) -> Iterator[Information]:
        from secretsync.providers.aws.describe import describe

        return describe(self._client.get(), refs, deadline)

    def write(self, ref: SecretRef, change: Change, deadline: Deadline) -> Found[Written] | Failed:
        from secretsync.providers.aws.write import write

        return write(self._client.get(), ref, change, deadline)

    def identity(self) -> Identity:
        from secretsync.providers.aws.describe import identity

        return identify(self._context.store, lambda retries: identity(self._client.get(), retries))

    def close(self) -> None:
        if client := self._client.pop():
            client.close()
