"""The provider of AWS Systems Manager Parameter Store."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING

from secretsync.core.model import Failed, Found, SecretRef
from secretsync.providers.aws_account.provider import AwsAccountProvider
from secretsync.providers.aws_account.settings import CREDENTIALS, FILES, IDENTITY_VARIABLES, VARIABLES
from secretsync.providers.interface import Answer, Deadline, Information, ProviderSpec
from secretsync.providers.ssm.settings import SETTINGS, check_path

if TYPE_CHECKING:
    from secretsync.providers.writing import Change, Written


class SsmProvider(AwsAccountProvider):
    """Reads from Parameter Store. The age of a parameter is that of its newest version.

    GetParameterHistory, which has the dates of older versions, is not called, because it returns values.
    """

    service = "ssm"
    spec = ProviderSpec(
        name="ssm",
        title="AWS Systems Manager Parameter Store",
        path_help="the name or the ARN of a parameter",
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
        from secretsync.providers.ssm.fetch import fetch

        return fetch(self._client.get(), refs, deadline)

    def describe(self, refs: Sequence[SecretRef], deadline: Deadline) -> Iterator[Information]:
        from secretsync.providers.ssm.describe import describe

        return describe(self._client.get(), refs, deadline)

    def write(self, ref: SecretRef, change: Change, deadline: Deadline) -> Found[Written] | Failed:
        from secretsync.providers.ssm.write import write

        return write(self._client.get(), ref, change, deadline)
