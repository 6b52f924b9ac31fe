"""Mutate one answer of a server in ways that the bytes of a fuzzer choose."""

import json
from collections.abc import Iterator, Mapping
from typing import Any, NamedTuple

# JSON that a member is replaced with. Some of it is not JSON.
HOSTILE = (
    b"null",
    b"true",
    b"false",
    b"0",
    b"-1",
    b"1.5",
    b"1e999",
    b"NaN",
    b"-Infinity",
    b"253402300800",
    b"-62135596801",
    b"1" * 400,
    b"1" * 5000,
    b'""',
    b'" "',
    b'"0"',
    b'"\\ud800"',
    b'"\\u0000\\u001b[31m\\n"',
    b'"' + b"x" * 5000 + b'"',
    b'"2026-13-45T99:99:99Z"',
    b'"0001-01-01T00:00:00+14:00"',
    b'"9999-12-31T23:59:59-14:00"',
    b'"https://[/"',
    b'"https://fuzz.vault.azure.net:x/secrets/app/1"',
    b"[]",
    b"[null]",
    b'[""]',
    b"[[]]",
    b"[{}]",
    b"{}",
    b'{"":null}',
    b"[" * 3000 + b"]" * 3000,
    b'{"a":' * 3000 + b"1" + b"}" * 3000,
    b"\xff",
    b"not JSON",
    b"",
)
STATUSES: tuple[tuple[int, dict[str, str]], ...] = (
    (200, {}),
    (200, {}),
    (200, {"content-type": "text/html"}),
    (204, {}),
    (301, {"location": "https://[/"}),
    (400, {}),
    (401, {"www-authenticate": 'Bearer authorization="https://[", resource="x"'}),
    (403, {"x-amzn-errortype": ":#::#"}),
    (404, {}),
    (405, {}),
    (412, {"retry-after": "-1"}),
    (429, {"retry-after": "9" * 5000}),
    (473, {}),
    (500, {"retry-after": "Wed, 99 Feb 99999 99:99:99 GMT"}),
    (503, {"retry-after": "\u0661"}),
)
_REMOVED = 255  # the number of a mutation that removes a member
_RAW = 254  # the number of a mutation that inserts the rest of the fuzzer's bytes


class Mutated(NamedTuple):
    """One answer after its mutations. `name`: of the answer; `status`, `headers`, `body`: of its response."""

    name: str
    status: int
    headers: Mapping[str, str]
    body: bytes

    @property
    def seconds(self) -> float:
        """The deadline: short if the request would be sent again until then."""
        return 0.01 if self.status == 412 or self.status >= 429 else 30.0


def as_bytes(answer: int, *mutations: tuple[int, int], status: int = 0, raw: bytes = b"") -> bytes:
    """Return the bytes that choose these mutations. Each is the number of a member and a row of HOSTILE."""
    chosen = b"".join(member.to_bytes(2, "big") + bytes([row]) for member, row in mutations)
    return bytes([answer, status, len(mutations)]) + chosen + raw


def mutate(answers: Mapping[str, Any], data: bytes) -> Mutated:
    """Return one of the answers with up to three mutations, as `data` chooses."""
    head = data[:3].ljust(3, b"\0")
    name = tuple(answers)[head[0] % len(answers)]
    status, headers = STATUSES[head[1] % len(STATUSES)]
    document = json.loads(json.dumps(answers[name]))
    count, inserted = head[2] % 4, list[bytes]()
    raw = data[3 + 3 * count :]
    for number in range(count):
        place = data[3 + 3 * number : 6 + 3 * number].ljust(3, b"\0")
        members = list(_members(document))
        if not members:
            break
        parent, key = members[int.from_bytes(place[:2], "big") % len(members)]
        if place[2] == _REMOVED:
            del parent[key]
            continue
        inserted.append(raw if place[2] == _RAW else HOSTILE[place[2] % len(HOSTILE)])
        parent[key] = f"@{len(inserted) - 1}@"
    body = json.dumps(document).encode()
    for number, text in enumerate(inserted):
        body = body.replace(b'"@%d@"' % number, text)
    return Mutated(name, status, headers, body)


def count_members(document: Any) -> int:
    """Return the number of members that can be mutated."""
    return sum(1 for _ in _members(document))


def _members(value: Any) -> Iterator[tuple[Any, Any]]:
    """Yield each object or list in `value` with the name or number of each of its members."""
    if not isinstance(value, dict | list):
        return
    for key in list(value) if isinstance(value, dict) else range(len(value)):
        yield value, key
        yield from _members(value[key])
