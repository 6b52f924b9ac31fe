"""AWS Secrets Manager: values singly or twenty at a time, and their dates without the values."""

from __future__ import annotations

import os
from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING

from secretsync.core.errors import Problem, ResolutionError
from secretsync.core.model import Failed, SecretRef
from secretsync.providers.interface import (
    Answer,
    Deadline,
    Identity,
    Information,
    ProviderSpec,
    RequestCounter,
    Setting,
    SettingType,
    StoreContext,
)

if TYPE_CHECKING:
    from secretsync.providers.aws.client import Calls
    from secretsync.providers.remote import Retries

__all__ = ["AwsProvider"]

_IDENTITY_TIME = 10.0  # seconds


def _check_path(path: str) -> str | None:
    import re

    if path.startswith("arn:"):
        if re.fullmatch(r"arn:aws[a-z-]*:secretsmanager:[a-z0-9-]+:[0-9]+:secret:[A-Za-z0-9/_+=.@!-]{1,512}", path):
            return None
        return "this is no ARN of a secret: arn:aws:secretsmanager:REGION:ACCOUNT:secret:NAME"
    if re.fullmatch(r"[A-Za-z0-9/_+=.@!-]{1,512}", path):
        return None
    return "AWS has letters, digits and /_+=.@-! in names of secrets, 512 at the most"


class AwsProvider:
    """Reads from AWS Secrets Manager. The age of a secret is that of its version with the stage AWSCURRENT.

    LastChangedDate is no clock, for an edited tag moves it; nor is LastRotatedDate, which a change by hand leaves.
    """

    spec = ProviderSpec(
        name="aws",
        title="AWS Secrets Manager",
        path_help="the name or the ARN of a secret",
        options=("version", "stage"),
        check_path=_check_path,
        settings={
            "region": Setting(
                help="the region of secrets that are named without an ARN",
                environment="AWS_REGION",
                default="$AWS_DEFAULT_REGION, then the profile's",
            ),
            "profile": Setting(
                help="a profile of ~/.aws/config",
                environment="AWS_PROFILE",
                default="the standard chain: variables, profile, IRSA, ECS, EC2",
            ),
            "role_arn": Setting(help="a role to assume before anything is read"),
            "endpoint_url": Setting(
                help="the URL of Secrets Manager, such as that of a VPC endpoint",
                environment="AWS_ENDPOINT_URL_SECRETS_MANAGER",
                default="$AWS_ENDPOINT_URL, else the region's own",
            ),
            "plain_http": Setting(
                type=SettingType.BOOLEAN, help="true: http:// may lead to other machines", default="false"
            ),
        },
        extra="aws",
        modules=("botocore.session",),
        import_cost=13,
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
    )

    def __init__(self, context: StoreContext) -> None:
        self.requests = RequestCounter()
        self._context = context
        self._calls_of: dict[int, Calls] = {}  # by process: connections are not for a forked child

    def _calls(self) -> Calls:
        from secretsync.providers.aws.client import Calls

        # setdefault is atomic: of two threads that come here at once, both get the same one.
        return self._calls_of.setdefault(os.getpid(), Calls(self._context, self.requests))

    def fetch(self, refs: Sequence[SecretRef], deadline: Deadline) -> Iterator[Answer]:
        from secretsync.providers.aws.fetch import fetch

        return fetch(self._calls(), refs, deadline)

    def describe(self, refs: Sequence[SecretRef], deadline: Deadline) -> Iterator[Information]:
        from secretsync.providers.aws.describe import describe

        return describe(self._calls(), refs, deadline)

    def identity(self) -> Identity:
        from secretsync.providers.remote import Retries
        from secretsync.providers.threads import answer_all, run_in_threads

        deadline = Deadline(_IDENTITY_TIME)
        retries = Retries(deadline, once=True)
        asked = run_in_threads(lambda _: self._identify(retries), ("identity",), workers=1, deadline=deadline)
        [(_, found)] = answer_all(("identity",), asked, retries.no_answer)
        if isinstance(found, Failed):
            problem = Problem(kind=found.kind, cause=found.cause, hint=found.hint, store=self._context.store)
            raise ResolutionError([problem])
        return found

    def _identify(self, retries: Retries) -> Identity | Failed:
        from secretsync.providers.aws.errors import failure
        from secretsync.providers.aws.refusal import Refusal

        calls = self._calls()
        client = calls.client(None, retries)
        if isinstance(client, Refusal):
            return failure(client)
        token_service = calls.client(None, retries, "sts")
        answer = calls.call(token_service, "GetCallerIdentity", retries)
        if isinstance(answer, Refusal):
            return failure(answer)
        return Identity(
            store=self._context.store,
            provider=self.spec.name,
            endpoint=client.meta.endpoint_url,
            principal=answer.get("Arn"),
            details=(("account", str(answer.get("Account"))), ("region", client.meta.region_name)),
        )

    def close(self) -> None:
        if calls := self._calls_of.pop(os.getpid(), None):
            calls.close()
