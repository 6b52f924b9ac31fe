"""Find the secrets that a text holds, in a time that hardly depends on the number of secrets."""

from __future__ import annotations

import sys
from collections.abc import Iterable, Iterator

from secretsync.config.masking.forms import FORMS, LINE_FORMS, SHORTEST, Form, lines_of
from secretsync.core.secret import Hidden, Secret

# The encoded secrets that have a piece in the middle, by that piece as a number.
Table = dict[int, list[tuple[Secret, Form]]]


class SecretIndex(Hidden):
    """The secrets that are looked for, by pieces of a few bytes.

    A text is cut into pieces of eight bytes, one after the other. A secret of at least 15 bytes holds one of them
    completely, wherever it begins. Therefore the table `long` has the eight pieces that begin at neighbouring bytes in
    the middle of the secret, and one look-up for each piece of the text is enough. The table `medium` does the same
    with pieces of four bytes for secrets of at least seven. For the table `short`, the text is cut at each byte.
    """

    __slots__ = ("_known", "_long", "_medium", "_short", "has_numbers")

    def __init__(self) -> None:
        self._long: Table = {}
        self._medium: Table = {}
        self._short: Table = {}
        self._known: set[Secret] = set()
        self.has_numbers = False

    def add(self, secrets: Iterable[Secret]) -> None:
        """Look for these secrets too, and for each longer line of them."""
        for secret in secrets:
            text = secret.reveal()
            if len(text) >= SHORTEST and secret not in self._known:
                self._add_forms(secret, FORMS)
                for line in lines_of(text):
                    self._add_forms(Secret(line), LINE_FORMS)
                self._known.add(secret)

    def _add_forms(self, secret: Secret, forms: Iterable[Form]) -> None:
        text, seen = secret.reveal(), set[str]()
        for form in forms:
            encoded = form(text)
            if encoded not in seen and len(encoded) >= SHORTEST:
                seen.add(encoded)
                self._add(encoded, secret, form)

    def _add(self, encoded: str, secret: Secret, form: Form) -> None:
        if form is LINE_FORMS[0] and not encoded.strip("0123456789.+-e"):
            self.has_numbers = True  # Otherwise numbers need not be searched.
        data, entry = encoded.encode("utf-8", "surrogatepass"), (secret, form)
        table, width, count = (self._long, 8, 8) if len(data) >= 15 else (self._medium, 4, 4)
        if len(data) < 7:
            table, count = self._short, 1
        start = (len(data) - width - count + 1) // 2
        for offset in range(start, start + count):
            table.setdefault(int.from_bytes(data[offset : offset + width], sys.byteorder), []).append(entry)

    def touches(self, text: str) -> bool:
        """Return True if `text` may hold a secret; False if it does not."""
        data = text.encode("utf-8", "surrogatepass")
        # Written out, because every log record is searched.
        if self._long and not self._long.keys().isdisjoint(memoryview(data[: len(data) & -8]).cast("Q").tolist()):
            return True
        if self._medium and not self._medium.keys().isdisjoint(memoryview(data[: len(data) & -4]).cast("I").tolist()):
            return True
        return bool(self._short) and not all(map(self._short.keys().isdisjoint, _pieces_at_each_byte(data)))

    def find(self, text: str) -> set[str]:
        """Return the encoded secrets that `text` holds."""
        data = text.encode("utf-8", "surrogatepass")
        found = set[str]()
        for table, all_pieces in (
            (self._long, [memoryview(data[: len(data) & -8]).cast("Q")]),
            (self._medium, [memoryview(data[: len(data) & -4]).cast("I")]),
            (self._short, _pieces_at_each_byte(data) if self._short else ()),
        ):
            for pieces in all_pieces:
                for piece in table.keys() & set(pieces):
                    encoded = (form(secret.reveal()) for secret, form in table[piece])
                    found.update(one for one in encoded if one in text)
        return found


def _pieces_at_each_byte(data: bytes) -> Iterator[memoryview]:
    for offset in range(4):
        yield memoryview(data[offset : offset + (len(data) - offset & -4)]).cast("I")
