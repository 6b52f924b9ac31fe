"""The part of a provider that is the same for all services of AWS."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING, ClassVar, Self

from secretsync.providers.interface import Identity, ProviderSpec, RequestCounter, StoreContext
from secretsync.providers.remote import PerProcess, Retries, identify, login_end

if TYPE_CHECKING:
    from boto3 import Session

    from secretsync.providers.aws_account.client import AwsClient, Way


class AwsAccountProvider:
    """Opens the store of one service: its identity, its client, and the way by which it is asked."""

    spec: ClassVar[ProviderSpec]
    service: ClassVar[str]  # a row of SERVICES

    def __init__(self, context: StoreContext) -> None:
        self.requests = RequestCounter()
        self._context = context
        self._session: Session | None = None
        self._client = PerProcess(self._make_client)

    @classmethod
    def from_session(cls, session: Session, *, store: str | None = None) -> Self:
        """Return a provider that reads through clients that `session` makes, with its credentials, region and settings.

        `store`: the name for messages; None: that of the provider. Pass the provider to
        `resolve_config(stores={"aws": provider})`, with the name of the store. Needs the extra `aws`. Environment
        variables and settings of a store do not apply.
        """
        provider = cls(StoreContext(store=store or cls.spec.name, environment=""))
        provider._session = session
        return provider

    def _make_client(self) -> AwsClient:
        from secretsync.providers.aws_account.client import AwsClient

        return AwsClient(self._context.store, self.service, self._make_way)

    def _make_way(self) -> Way:
        context, session = self._context, self._session
        if session is not None:
            from secretsync.providers.aws_account.sdk.way import SdkWay

            return SdkWay(lambda: session, self.requests, os.environ)
        from secretsync.providers.aws_account.inputs import check_inputs
        from secretsync.providers.aws_account.way import reason_for_sdk

        check_inputs(context, self.service)
        if (reason := reason_for_sdk(context)) is None:
            from secretsync.providers.aws_account.direct import DirectWay

            return DirectWay(context, self.requests)
        from secretsync.providers.aws_account.sdk.way import SdkWay, open_session

        return SdkWay(lambda: open_session(context, reason), self.requests, context.environ)

    def identity(self) -> Identity:
        return identify(self._context.store, self._identity)

    def _identity(self, retries: Retries) -> Identity:
        """Return the identity that AWS knows. Raises AwsRequestError."""
        client = self._client.get()
        channel = client.channel(None, retries)
        answer = client.call(client.channel(None, retries, "sts"), "GetCallerIdentity", retries)
        return Identity(
            store=client.store,
            provider=self.spec.name,
            endpoint=channel.endpoint,
            principal=answer.get("Arn"),
            details=(
                ("account", str(answer.get("Account"))),
                ("region", channel.region),
                *login_end(client.login_end),
            ),
        )

    def close(self) -> None:
        if client := self._client.pop():
            client.close()
