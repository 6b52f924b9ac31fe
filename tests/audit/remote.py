"""A provider for the audit's tests that has an address, and is never asked."""

from secretsync.providers.interface import ProviderSpec, Setting
from secretsync.testing import MemoryProvider


class RemoteProvider(MemoryProvider):
    """As a store on the network."""

    spec = ProviderSpec(
        name="test-remote",
        title="Remote",
        path_help="any",
        settings={"address": Setting(help="its URL"), "user": Setting(help="who asks", identifies=True)},
    )
