"""Mask secrets in texts and in objects of any kind."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from secretsync.config.masking.decoding import (
    Span,
    decodings,
    has_escapes,
    has_other_escapes,
    has_percent_signs,
    near_escapes,
    original_spans,
    without_percent_signs,
)
from secretsync.config.masking.index import SecretIndex
from secretsync.config.masking.objects import AGAIN, Walk, chain_of
from secretsync.core.frames import methods_hide_variables
from secretsync.core.secret import MASK, Hidden, Secret

_DEEPEST = 20  # containers inside each other that `collect` enters
_MOST_KNOWN = 1000  # texts of which `is_known` keeps the hash


@methods_hide_variables
class Masker(Hidden):
    """Mask secrets in texts and objects. An object without a secret is returned itself, not a copy."""

    __slots__ = ("__weakref__", "_index", "_known")

    def __init__(self, secrets: Iterable[Secret] = ()) -> None:
        """`secrets`: masked whole and line by line; those shorter than four characters are not masked."""
        self._index = SecretIndex()
        self._known: set[int] = set()  # hashes of texts, so that no text is kept
        self.add(secrets)

    def add(self, secrets: Iterable[Secret]) -> None:
        """Mask these secrets too."""
        try:
            self._index.add(secrets)
        finally:
            self._known = set()

    def text(self, text: str) -> str:
        """Return `text` itself, or a copy in which every secret is masked."""
        pieces, position = list[str](), 0
        for start, end in self.spans(text):
            pieces += (text[position:start], MASK)
            position = end
        return "".join((*pieces, text[position:])) if pieces else text

    def spans(self, text: str) -> list[Span]:
        """Return where `text` has secrets, plain or encoded, in order. Secrets that overlap are one span."""
        if self.is_clean_text(text):
            return []
        spans = sorted(self._spans(text))
        merged = list[Span]()
        for start, end in spans:
            if merged and start < merged[-1][1]:
                merged[-1] = merged[-1][0], max(end, merged[-1][1])
            else:
                merged.append((start, end))
        return merged

    def value(self, value: object, *, keeps_numbers: bool = False) -> object:
        """Return `value`, or a copy of the same shape in which every secret is masked.

        `keeps_numbers`: a number that is a secret is replaced by zero that is shown as a mask, not by a text.
        Containers keep their type and length, exceptions their type, numbers are kept unless a number as a whole is a
        secret. An object of any other type is replaced by its masked text if `str` or `repr` of it holds a secret.
        """
        if self.is_clean([value]) or Walk(self.text).value(value) is value:
            return value
        return Walk(self.text, again=AGAIN, keeps_numbers=keeps_numbers).value(value)

    def exception(self, error: BaseException) -> BaseException:
        """Return a copy of `error` and of its chain without tracebacks, in which every secret is masked."""
        masked = Walk(self.text, again=AGAIN).exception(error, must_copy=True)
        for one in chain_of(masked):
            one.__traceback__ = None
        return masked

    def is_clean(self, values: Iterable[object]) -> bool:
        """Return True if `values` hold no secret; False if they may, or have objects other than plain data.

        All texts are searched at once, because that takes less time than one after the other.
        """
        texts = list[str]()
        return self._collect(values, texts, 0) and self.is_clean_text("\n".join(texts))

    def _collect(self, values: Iterable[object], texts: list[str], depth: int) -> bool:
        """Add every text in `values` to `texts`; return False if there is an object that is not plain data."""
        for value in values:
            kind = type(value)
            if kind is str:
                texts.append(value)  # type: ignore[arg-type]
            elif kind is int or kind is float:
                if self._index.has_numbers:
                    texts.append(str(value))
            elif kind is tuple or kind is list:
                if depth == _DEEPEST or not self._collect(value, texts, depth + 1):  # type: ignore[arg-type]
                    return False
            elif kind is dict:
                parts = [*value, *value.values()]  # type: ignore[attr-defined, misc]
                if depth == _DEEPEST or not self._collect(parts, texts, depth + 1):
                    return False
            elif value is not None and kind is not bool:
                return False
        return True

    @property
    def has_numbers(self) -> bool:
        """Return True if a number may be a secret."""
        return self._index.has_numbers

    def is_known(self, text: object) -> bool:
        """Return True if `text`, which many records have, is a text without a secret. It is searched once."""
        if type(text) is not str:
            return False
        known, number = self._known, hash(text)
        if number in known:
            return True
        if not self.is_clean_text(text):
            return False
        if len(known) >= _MOST_KNOWN:
            known.clear()
        known.add(number)
        return True

    def is_clean_text(self, text: str) -> bool:
        """Return True if neither `text` nor what it is after decoding may hold a secret."""
        touches = self._index.touches
        if touches(text):
            return False
        if not has_other_escapes(text):
            if not has_percent_signs(text):
                return True
            text = without_percent_signs(near_escapes(text))
            if touches(text):
                return False
            if not has_escapes(text):
                return True
        return not any(touches(view) for view, _ in decodings(near_escapes(text)))

    def _spans(self, text: str) -> Iterator[Span]:
        """Yield where `text` has secrets, plain or encoded."""
        for view, path in decodings(text):
            spans = list[Span]()
            for encoded in self._index.find(view):
                start = view.find(encoded)
                while start >= 0:
                    spans.append((start, start + len(encoded)))
                    start = view.find(encoded, start + len(encoded))
            if spans:
                yield from original_spans(text, path, spans)
