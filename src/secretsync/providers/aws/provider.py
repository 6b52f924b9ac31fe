"""The provider of AWS Secrets Manager."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING

from secretsync.core.model import Failed, Found, SecretRef
from secretsync.providers.aws.settings import SETTINGS, check_path
from secretsync.providers.aws_account.provider import AwsAccountProvider
from secretsync.providers.aws_account.settings import CREDENTIALS, FILES, IDENTITY_VARIABLES, VARIABLES
from secretsync.providers.interface import Answer, Deadline, Information, ProviderSpec

if TYPE_CHECKING:
    from secretsync.providers.writing import Change, Written


class AwsProvider(AwsAccountProvider):
    """Reads from AWS Secrets Manager. The age of a secret is that of its version with the stage AWSCURRENT.

    LastChangedDate is not used, because an edited tag changes it. LastRotatedDate is not used either, because a change
    by hand does not change it.
    """

    service = "secretsmanager"
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
        credentials=CREDENTIALS,
        identity_variables=IDENTITY_VARIABLES,
        variables=VARIABLES,
        files=FILES,
    )

    def fetch(self, refs: Sequence[SecretRef], deadline: Deadline) -> Iterator[Answer]:
        from secretsync.providers.aws.fetch import fetch

        return fetch(self._client.get(), refs, deadline)

    def describe(self, refs: Sequence[SecretRef], deadline: Deadline) -> Iterator[Information]:
        from secretsync.providers.aws.describe import describe

        return describe(self._client.get(), refs, deadline)

    def write(self, ref: SecretRef, change: Change, deadline: Deadline) -> Found[Written] | Failed:
        from secretsync.providers.aws.write import write

        return write(self._client.get(), ref, change, deadline)
