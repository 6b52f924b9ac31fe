"""Write the parts that messages share: suggestions, counts, the order of places, and words of a user's input.

A secret may be pasted anywhere: as a store's name, an option, a key, a command. So a message repeats a word only if the
word is known or a misspelling of a known word, or if it is a name in a position of names and does not look like a
value. Otherwise the message gives the place and the kind of the word.
"""

from __future__ import annotations

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Collection
    from typing import Protocol

    class _Placed(Protocol):
        """A thing that was found in a file."""

        @property
        def file(self) -> str | None: ...
        @property
        def line(self) -> int | None: ...


_LONGEST = 64  # characters of a word that is compared with known ones
# Patterns, compiled only if a message needs them.
_NAME = r"[A-Za-z_*?\[][A-Za-z0-9_.*?\[\]!-]{0,127}"
_PARTS = r"[A-Za-z0-9]+"
_PREFIXED = r"gh[opsu]_|github_pat_|glpat-|xox[abprs]-|[sr]k[-_](?:live|test|proj|ant)|hv[sbr]\.|eyJ"
_PREFIXED += r"|A[KS]IA[A-Z0-9]{12}"
_HEX = r"(?=[a-f]*\d)(?=\d*[a-f])[0-9a-f]{16,}|(?=[A-F]*\d)(?=\d*[A-F])[0-9A-F]{16,}"


def printable(text: str) -> str:
    """Return `text` on one line. Control and direction characters are escaped, so that no name forges a log line."""
    if text.isprintable():
        return text
    return "".join(char if char.isprintable() else char.encode("unicode_escape").decode("ascii") for char in text)


def is_shown(word: str, known: Collection[str]) -> bool:
    """Return True if `word` is one of `known`, or so near to one of them that it is a misspelling."""
    if word in known:
        return True
    close = _closest(word, known)
    return close is not None and _is_misspelling(word.lower(), close.lower())


def unknown(kind: str, word: str, known: Collection[str]) -> str:
    """Return `there is no command 'chek'`, or `there is no command of this name` if the word may be a value.

    `kind`: "command"; or "store called", if the word does not read well directly after the noun.
    """
    if is_shown(word, known):
        return f"there is no {kind} {word!r}"
    return f"there is no {kind.removesuffix(' called')} of this name"


def suggestion(word: str, known: Collection[str], otherwise: str | None = None) -> str:
    """Return `did you mean docker?` for the known word nearest to `word`, or `otherwise`.

    `otherwise`: None means the list of all known words.
    """
    close = _closest(word, known)
    if close:
        return f"did you mean {close}?"
    return f"there are: {', '.join(known) or 'none'}" if otherwise is None else otherwise


def other_spelling(word: str, known: Collection[str]) -> str | None:
    """Return the known word that is `word` in another spelling, such as `db-password` for DB_PASSWORD; None if none is.

    Case, hyphens, underscores and dots do not count, nor does an ending such as `.txt`, and up to two typing mistakes.
    """
    if word in known:
        return word
    for plain in (_plain, lambda text: _plain(text.rpartition(".")[0] or text)):
        found = [candidate for candidate in known if plain(candidate) == _plain(word)]
        if found:
            return min(found)
    if len(word) < 3:  # Each other letter would be a mistake.
        return None
    # Not by difflib, because a store may be asked for many words that have defaults.
    lowered = word.lower()
    letters = set(lowered)
    near = (candidate for candidate in known if len(letters.symmetric_difference(candidate.lower())) <= 4)
    return next((candidate for candidate in near if _is_misspelling(lowered, candidate.lower())), None)


_SEPARATORS = dict.fromkeys(map(ord, "-_. "))


def _plain(text: str) -> str:
    return text.translate(_SEPARATORS).lower()


def count_of(number: int, noun: str, plural: str | None = None) -> str:
    """Return a number with its noun: `1 secret`, `2 secrets`.

    `plural`: None means the noun with an "s".
    """
    return f"{number} {noun if number == 1 else plural or f'{noun}s'}"


def by_place(thing: _Placed) -> tuple[str, int, int]:
    """Return file, line and column as a key for sorting. Things without a place come first."""
    return thing.file or "", thing.line or 0, getattr(thing, "column", None) or 0


def name_or_none(word: str) -> str | None:
    """Return `word` if it may be repeated in a position where keys and names are, else None."""
    import re  # Imported only for a message.

    return word if re.fullmatch(_NAME, word) and not looks_like_value(word) else None


def path_or(path: str, otherwise: str) -> str:
    """Return a path that a user named, or `otherwise` if it is a URL or a single word that looks like a value."""
    if "://" in path or "=" in path.partition("/")[0]:  # NAME=value, whose value may have a slash
        return otherwise
    is_word = "/" not in path and not path.startswith(".")
    return otherwise if is_word and (":" in path or looks_like_value(path)) else path


def looks_like_value(word: str) -> bool:
    """Return True if `word` looks like a password, token or key: S3cretPassw0rd, but not AWS_S3_BUCKET2."""
    if "://" in word and "@" in word:  # a URL with a password
        return True
    import re  # Imported only for a message.

    return re.match(_PREFIXED, word) is not None or any(map(_is_random, re.findall(_PARTS, word)))


def message_or_none(message: str | None) -> str | None:
    """Return a user's own message, or None if a word of it looks like a value: `:?` may be typed in place of `:-`."""
    return None if message is None or any(map(looks_like_value, message.split())) else message


def _is_random(part: str) -> bool:
    """Return True if letters and digits of a word without separators alternate more than in a name."""
    if len(part) < 8:
        return False
    import re

    if re.fullmatch(_HEX, part):
        return True
    inner = len(re.findall(r"\d+(?=[A-Za-z])", part))  # groups of digits that letters follow
    has_both_cases = part != part.lower() and part != part.upper()
    if has_both_cases and re.search(r"\d[a-z]", part):  # camelCase continues with a capital after a digit
        return True
    if has_both_cases and len(part) >= 20:
        words = re.findall(r"[A-Z]?[a-z]+|[A-Z]+(?![a-z])|\d+", part)
        return len(part) < 4 * len(words)
    return inner >= 2 or (inner == 1 and len(part) >= 16 and not has_both_cases)


def _closest(word: str, known: Collection[str]) -> str | None:
    if len(word) > _LONGEST:  # The comparison takes quadratic time.
        return None
    import difflib

    lowered = {candidate.lower(): candidate for candidate in known}
    begun = [candidate for candidate in lowered if candidate.startswith(word.lower())]
    matches = difflib.get_close_matches(word.lower(), begun or list(lowered), n=1, cutoff=0.6)
    return lowered[matches[0]] if matches else None


def _is_misspelling(word: str, known: str) -> bool:
    """Return True if at most two letters were changed, added, left out or swapped; one in words of up to four."""
    most = 2 if len(known) > 4 else 1
    if abs(len(word) - len(known)) > most:
        return False
    older: list[int] = []
    row = list(range(len(known) + 1))
    for line, letter in enumerate(word, 1):
        older, before, row = row, older, [line]
        for column, other in enumerate(known, 1):
            cost = min(older[column] + 1, row[column - 1] + 1, older[column - 1] + (letter != other))
            if line > 1 and column > 1 and letter == known[column - 2] and word[line - 2] == other:
                cost = min(cost, before[column - 2] + 1)
            row.append(cost)
    return row[-1] <= most
