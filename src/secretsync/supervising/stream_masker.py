"""Mask the secrets in a stream of bytes that comes in chunks of any size."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from secretsync.config.masking.forms import FORMS, LINE_FORMS, SHORTEST, lines_of
from secretsync.config.masking.masker import Masker
from secretsync.core.secret import MASK, Hidden, Secret

# Bytes of a line that are kept until its end comes. A longer line is masked in parts.
LONGEST_LINE = 256 * 1024
_GROUP = 16  # lines that are searched at once if one of many has a secret
_ESCAPED = 6  # characters for one that is escaped for JSON


class StreamMasker(Hidden):
    """Mask secrets in one stream: a line as soon as it is complete, the beginning of a line if it is asked for.

    Bytes that are not part of a secret do not change, also if they are not UTF-8.
    """

    def __init__(
        self,
        masker: Masker,
        secrets: Iterable[Secret],
        *,
        longest_line: int = LONGEST_LINE,
        earlier: StreamMasker | None = None,
    ) -> None:
        """`secrets`: those of `masker`. `longest_line`: bytes that are kept until the end of the line comes.

        `earlier`: the masker of the same stream with fewer secrets, which this one replaces.
        """
        self._masker = masker
        self._secrets = [secret for secret in secrets if len(secret.reveal()) >= SHORTEST]
        longest = max((len(form) for secret in self._secrets for form in _forms(secret)), default=0)
        self._reach = min(longest * _ESCAPED, LONGEST_LINE)  # characters at the end of a part that stay for the next
        self._most = max(longest_line, 4 * self._reach)
        self._kept: bytes = b"" if earlier is None else earlier._kept  # noqa: SLF001 - of the same class

    @property
    def has_kept(self) -> bool:
        """Return True if the beginning of a line waits for its end."""
        return bool(self._kept)

    def feed(self, data: bytes) -> bytes:
        """Take the next bytes, and return those that can be written."""
        end = data.rfind(b"\n") + 1
        if end:
            masked = self._mask_lines(self._kept + data[:end])
            self._kept = data[end:]
        else:
            masked = b""
            self._kept += data
        if len(self._kept) > self._most:
            masked += self._take(self._reach)
            if len(self._kept) > self._most:  # Secrets that overlap without an end.
                masked += self.finish()
        return masked

    def partial(self) -> bytes:
        """Return the beginning of a line without what may be the beginning of a secret at its end."""
        return self._take(self._begun(_text(self._kept)))

    def finish(self) -> bytes:
        """Return all bytes that are left."""
        kept, self._kept = self._kept, b""
        return self._mask_lines(kept)

    def _mask_lines(self, data: bytes) -> bytes:
        text = _text(data)
        if self._masker.is_clean_text(text):  # All lines at once, because that takes less time.
            return data
        lines = text.split("\n")
        groups = [lines[start : start + _GROUP] for start in range(0, len(lines), _GROUP)]
        return "\n".join(map(self._mask_group, groups)).encode("utf-8", "surrogateescape")

    def _mask_group(self, lines: list[str]) -> str:
        text = "\n".join(lines)
        return text if self._masker.is_clean_text(text) else "\n".join(map(self._masker.text, lines))

    def _take(self, staying: int) -> bytes:
        """Return what is kept without `staying` characters at its end. No secret is cut."""
        text = _text(self._kept)
        cut = len(text) - staying
        spans = self._masker.spans(text)
        cut = min([cut, *(start for start, end in spans if start < cut < end)])
        pieces, position = list[str](), 0
        for start, end in spans:
            if end <= cut:
                pieces += (text[position:start], MASK)
                position = end
        pieces.append(text[position:cut])
        self._kept = text[cut:].encode("utf-8", "surrogateescape")
        return "".join(pieces).encode("utf-8", "surrogateescape")

    def _begun(self, text: str) -> int:
        """Return how many characters at the end of `text` may be the beginning of a secret."""
        most = 0
        for secret in self._secrets:
            for form in _forms(secret):
                start = max(0, len(text) - len(form) + 1)
                while (start := text.find(form[0], start)) >= 0:
                    if form.startswith(text[start:]):
                        most = max(most, len(text) - start)
                        break
                    start += 1
        return most


def _forms(secret: Secret) -> Iterator[str]:
    """Yield the encoded forms of a secret, and of its lines, that are long enough to be masked."""
    text = secret.reveal()
    forms = [form(text) for form in FORMS]
    forms += [form(line) for line in lines_of(text) for form in LINE_FORMS]
    return (form for form in forms if len(form) >= SHORTEST)


def _text(data: bytes) -> str:
    return data.decode("utf-8", "surrogateescape")
