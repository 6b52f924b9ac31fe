"""KV mounts of OpenBao, filled and broken by the contract's tests."""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence

from secretsync.core.model import Found, SecretRef
from secretsync.core.secret import Payload
from secretsync.providers.interface import Answer, Deadline, StoreContext
from secretsync.providers.vault.provider import VaultProvider
from tests.servers import faults
from tests.servers.faults import FaultProxy
from tests.servers.openbao import VaultSpace


class OneText(VaultProvider):
    """Secrets in KV are objects; a text that the contract stores is the field `value` of one, and comes out again."""

    def fetch(self, refs: Sequence[SecretRef], deadline: Deadline) -> Iterator[Answer]:
        for ref, outcome in super().fetch(refs, deadline):
            if isinstance(outcome, Found):
                text = outcome.value.reveal()
                assert isinstance(text, str)
                fields = json.loads(text)
                if set(fields) == {"value"}:
                    text = fields["value"]
                payload = Payload(text, version=outcome.value.version, created=outcome.value.created)
                yield ref, Found(payload)
            else:
                yield ref, outcome


class VaultStore:
    """A mount, and a token that may read values and metadata of it until something is taken away."""

    def __init__(self, vault: VaultSpace, proxy: FaultProxy, kv_version: int = 2) -> None:
        self.vault = vault
        self.proxy = proxy
        self.mount = vault.kv2() if kv_version == 2 else vault.kv1()
        self.values = f"{self.mount}/data" if kv_version == 2 else self.mount
        self.open = vault.policy(f"{self.mount}/*", capabilities=["create", "read", "update", "list"])
        self.token = vault.token(self.open)

    def provider(self) -> VaultProvider:
        environ = self.vault.environ(self.token, url=self.proxy.url)
        return OneText(StoreContext(store="vault", environment="test", environ=environ))

    def ref(self, name: str, *, version: str | None = None) -> SecretRef:
        return SecretRef("vault", f"{self.mount}/{name}", version)

    def put(self, name: str, value: str | bytes) -> str | None:
        text = value.decode() if isinstance(value, bytes) else value
        # As it is written: the digits of its numbers are what is tested.
        fields = text if text.startswith("{") else json.dumps({"value": text})
        body = f'{{"data": {fields}}}' if self.values != self.mount else fields
        headers = {"Content-Type": "application/json"}
        path = f"/v1/{self.values}/{name}"
        answer = self.vault.root.adapter.request("post", path, headers=headers, data=body.encode())
        return str(answer["data"]["version"]) if self.values != self.mount else None

    def values_read(self) -> int:
        return self.proxy.requests.count(f"GET /v1/{self.values}/*")

    def deny(self, name: str) -> None:
        self.token = self.vault.token(self.open, self.vault.policy(f"{self.values}/{name}", capabilities=["deny"]))

    def disable(self, name: str) -> None:
        self.vault.delete(self.mount, name, 1)

    def edit_metadata(self, name: str) -> None:
        self.vault.root.secrets.kv.v2.update_metadata(
            name, mount_point=self.mount, custom_metadata={"owner": "somebody"}
        )

    def go_down(self) -> None:
        self.proxy.refuse()

    def hang(self) -> None:
        self.proxy.fail(faults.silence())

    def throttle(self) -> None:
        self.proxy.fail(
            faults.vault_error(429, "request path: rate limit quota exceeded", headers={"Retry-After": "1"})
        )

    def garble(self) -> None:
        self.proxy.fail(faults.html(), f"GET /v1/{self.mount}/*")
