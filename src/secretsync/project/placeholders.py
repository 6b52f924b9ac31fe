"""Parse the placeholder language into text, placeholders and variables, and write references back.

value       = *( text / placeholder / variable )
placeholder = "$<" reference [ ":-" default / ":?" message ] ">"
reference   = NAME [ "?" options ] / store ":" path [ "?" options ] [ "#" field ]
variable    = "${" NAME [ ( ":-" / "-" / ":+" / "+" / ":?" / "?" ) word ] "}"
word        = *( text / variable )
options     = key "=" value *( "&" key "=" value )        ; after a NAME only as, decode, trim
"""

from __future__ import annotations

from secretsync.core.names import is_entry_name, is_store_name
from secretsync.core.records import Record

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator

# Patterns, which are compiled only for a reference that needs them.
_BAD_PERCENT = r"%(?![0-9A-Fa-f]{2})"
_PERCENT = rb"%([0-9A-Fa-f]{2})"
_BAD_POINTER = r"(?s)/.*~(?![01])"

_OPERATORS = (":-", ":+", ":?", "-", "+", "?")
_NAME_OPTIONS = ("as", "decode", "trim")
# Variables inside the words of other variables; a limit, so that no value exhausts Python's stack.
_DEEPEST = 20


class Text(Record):
    """Text that is taken literally."""

    text: str


class BareName(Record):
    """`NAME?options`: a secret that a binding or the lookup order finds."""

    name: str
    options: tuple[tuple[str, str], ...] = ()


class StorePath(Record):
    """`store:path?options#field`, percent-decoded."""

    store: str
    path: str
    options: tuple[tuple[str, str], ...] = ()
    field: str | None = None


Reference = BareName | StorePath


class Placeholder(Record):
    """`$<reference:-default>`: a secret, or a part of one."""

    reference: Reference
    default: str | None = None
    message: str | None = None
    written: str = ""  # the reference as it is written in the file
    offset: int = 0  # of its `$` in the value

    _uncompared = ("written", "offset")


class Variable(Record):
    """`${NAME:-word}`: another entry, or a variable of the process environment."""

    name: str
    operator: str = ""  # one of _OPERATORS; empty without a word
    word: tuple[Text | Variable, ...] = ()  # after "-" and "+"
    message: str | None = None  # after "?": the word as written, because messages are not expanded
    written: str = ""  # the word as written
    offset: int = 0

    _uncompared = ("written", "offset")

    @property
    def default(self) -> str | None:
        """The word, as written, that replaces a variable without a value, or None."""
        return self.written if self.operator in (":-", "-") else None


Part = Text | Placeholder | Variable


class Fault(Record):
    """An error at one place of a value. It quotes no text of the value."""

    offset: int
    cause: str
    hint: str | None = None
    is_unterminated: bool = False


class Parsed(Record):
    """The parts of a value, and its errors."""

    parts: tuple[Part, ...]
    faults: tuple[Fault, ...] = ()


def references(parts: Iterable[Part]) -> Iterator[Placeholder | Variable]:
    """Yield every placeholder and variable of `parts`, and the variables inside words."""
    for part in parts:
        if not isinstance(part, Text):
            yield part
        if isinstance(part, Variable):
            yield from references(part.word)


def parse_value(text: str, is_text: Callable[[str, str], bool] | None = None) -> Parsed:
    """Return the parts of `text`. Nothing is raised: errors are returned as faults.

    `is_text`: called at each run of `$` before `<` or `{`, with the text since the last one and the run with its
    bracket. True means that both are taken as written. None means that none are.
    """
    parser = _Parser(text, is_text)
    parts = parser.value(0, len(text))
    return Parsed(tuple(parts), tuple(parser.faults))


class _Parser:
    """One method for each production. Positions are those in the whole text; `end` is the position after the last."""

    def __init__(self, text: str, is_text: Callable[[str, str], bool] | None = None) -> None:
        self.text = text
        self.is_text = is_text
        self.faults: list[Fault] = []
        self.closing: dict[int, int] | None = None

    def value(self, start: int, end: int, depth: int = 0) -> list[Part]:
        """Return the parts of a value; at a `depth` above 0, of the word of a variable."""
        parts: list[Part] = []
        plain: list[str] = []
        position = start
        while (opener := self.next_opener(position, end)) >= 0:
            run = opener
            while run > position and self.text[run - 1] == "$":
                run -= 1
            dollars = opener - run + 1
            before, position = self.text[position:run], opener + 2
            if self.is_text is not None and depth == 0 and self.is_text(before, self.text[run:position]):
                plain.append(before + self.text[run:position])
                continue
            plain.append(before + "$" * (dollars // 2))
            if dollars % 2 == 0:
                plain.append(self.text[opener + 1])
                continue
            is_escaped = dollars == 1 and run > start and self.text[run - 1] == "\\"
            part, position = self.opened(opener, end, depth, is_escaped=is_escaped)
            if part is None:
                continue
            if joined := "".join(plain):
                parts.append(Text(joined))
            plain.clear()
            parts.append(part)
        if joined := "".join([*plain, self.text[position:end]]):
            parts.append(Text(joined))
        return parts

    def next_opener(self, position: int, end: int) -> int:
        """Return the position of the next `$` that is directly before `<` or `{`, or -1."""
        while 0 <= (position := self.text.find("$", position, end)) < end - 1:
            if self.text[position + 1] in "<{":
                return position
            position += 1
        return -1

    def opened(self, opener: int, end: int, depth: int, *, is_escaped: bool) -> tuple[Part | None, int]:
        """Return the placeholder or variable at `opener`, None if it is wrong; and the position after it."""
        bracket = self.text[opener + 1]
        what, closing = ("placeholder", ">") if bracket == "<" else ("variable", "}")
        close = self.text.find(">", opener + 2, end) if bracket == "<" else self.closing_brace(opener + 1)
        fault: Fault | None = None
        if close < 0:
            hint = f"end it with {closing!r}, or write '$${bracket}' for the text itself"
            fault = Fault(opener, f"this {what} is not terminated", hint, is_unterminated=True)
            close = end - 1
        elif is_escaped:
            fault = Fault(
                opener, f"a backslash does not escape a {what}", f"a literal '${bracket}' is written '$${bracket}'"
            )
        elif bracket == "{":
            return self.variable(opener, close, depth), close + 1
        elif depth:
            fault = Fault(
                opener, "a variable's word cannot hold a placeholder", "give it a name: NAME=$<...>, then ${NAME}"
            )
        else:
            return self.placeholder(opener, close), close + 1
        self.faults.append(fault)
        return None, close + 1

    def closing_brace(self, brace: int) -> int:
        """Return the position of the `}` that closes the `{` at `brace`, or -1."""
        end = self.name_end(brace + 1)
        if self.text[end : end + 1] == "}":  # most variables: no search is needed
            return end
        if self.closing is None:
            # All pairs in one pass, because a search for each variable takes quadratic time if they are nested.
            import re  # Imported only for a variable with a word.

            self.closing = {}
            opened: list[int] = []
            for match in re.finditer("[{}]", self.text):
                if match[0] == "{":
                    opened.append(match.start())
                elif opened:
                    self.closing[opened.pop()] = match.start()
        return self.closing.get(brace, -1)

    def name_end(self, position: int) -> int:
        """Return the position after the letters, digits and underscores at `position`."""
        while (char := self.text[position : position + 1]) and char.isascii() and (char.isalnum() or char == "_"):
            position += 1
        return position

    def variable(self, opener: int, close: int, depth: int) -> Variable | None:
        """Return the variable from `opener` to its `}` at `close`."""
        end = self.name_end(opener + 2)
        name = self.text[opener + 2 : end]
        operator = next((one for one in _OPERATORS if self.text.startswith(one, end)), "")
        if not is_entry_name(name) or (not operator and end < close):
            hint = "write ${NAME}, ${NAME:-default} or ${NAME:?message}, and '$${' for the text itself"
            self.faults.append(Fault(opener, "this '${' does not begin a variable", hint))
            return None
        if not operator:
            return Variable(name, offset=opener)
        if depth == _DEEPEST:
            cause = f"more than {_DEEPEST} variables are nested in each other's words"
            self.faults.append(Fault(opener, cause, "give the inner ones names of their own"))
            return None
        start, known = end + len(operator), len(self.faults)
        parts = self.value(start, close, depth + 1)
        if len(self.faults) > known:
            return None
        written = self.text[start:close]
        if operator.endswith("?"):
            return Variable(name, operator, message=written, written=written, offset=opener)
        word = tuple(part for part in parts if not isinstance(part, Placeholder))  # a placeholder is a fault
        return Variable(name, operator, word, written=written, offset=opener)

    def placeholder(self, opener: int, close: int) -> Placeholder | None:
        """Return the placeholder from `opener` to its `>` at `close`."""
        part = _parse_placeholder(self.text[opener + 2 : close], opener)
        has_alternative = isinstance(part, Placeholder) and (part.default is not None or part.message is not None)
        if has_alternative and self.is_cut(close + 1):
            part = Fault(
                opener,
                "this placeholder ends at the first '>', and another '>' follows",
                "for a default or message with '>' write ${NAME:-...} or ${NAME:?...}",
            )
        if isinstance(part, Fault):
            self.faults.append(part)
            return None
        return part

    def is_cut(self, position: int) -> bool:
        """Return True if the text at `position` has a `>` in the same line, before anything opens."""
        end = self.text.find("<", position)
        end = len(self.text) if end < 0 else end
        closing = self.text.find(">", position, end)
        return closing >= 0 and not any(self.text.find(other, position, closing) >= 0 for other in ("\n", "${"))


def _parse_placeholder(inside: str, offset: int) -> Placeholder | Fault:
    """Return the placeholder with this inside."""
    if not inside:
        return Fault(offset, "this placeholder is empty", "name a secret: $<NAME> or $<store:path>")
    if "<" in inside or "${" in inside:
        return Fault(offset, "a placeholder cannot hold another one, a variable, or '<'", "write '<' as %3C in a path")
    if inside != inside.strip():
        return Fault(offset, "this placeholder has white space at its edges", "remove it")
    head, default, message = _split_alternative(inside)
    if "$" in (default or message or ""):
        return Fault(offset, "a default or message in a placeholder may hold no '<', '>' or '$'")
    reference = parse_reference(head)
    if isinstance(reference, Fault):
        return Fault(offset, reference.cause, reference.hint)
    return Placeholder(reference, default, message, written=head, offset=offset)


def _split_alternative(inside: str) -> tuple[str, str | None, str | None]:
    """Return the text before the first `:-` or `:?`, and the default or the message after it."""
    for index in range(len(inside) - 1):
        if inside[index] == ":" and inside[index + 1] in "-?":
            head, rest = inside[:index], inside[index + 2 :]
            return (head, rest, None) if inside[index + 1] == "-" else (head, None, rest)
    return inside, None, None


def parse_reference(text: str) -> Reference | Fault:
    """Return the reference in `text`: `NAME?options`, or `store:path?options#field`."""
    name, has_options, options = text.partition("?")
    if is_entry_name(name):
        return _parse_name(name, options) if has_options else BareName(name)
    store, colon, rest = text.partition(":")
    if not colon:
        hint = "a name is letters, digits and '_', not beginning with a digit; a reference is store:path"
        return Fault(0, "this is neither a name nor a reference", hint)
    if not is_store_name(store):
        cause = "the text before ':' is not the name of a store"
        return Fault(0, cause, "a store's name has small letters, digits and '-': aws, vault")
    if min(rest, default=" ") < " " or "\x7f" in rest or "<" in rest or ">" in rest:
        return Fault(0, "a control character, '<' or '>' in a reference", "percent-encode it")
    return _parse_store_path(store, rest)


def _parse_name(name: str, written: str) -> BareName | Fault:
    """Return the reference to a name with the options in `written`."""
    if "#" in written or "?" in written:
        return Fault(0, "a name does not take a field", "bind the name to store:path#field, and write $<NAME?as=...>")
    options = _parse_options(written)
    if isinstance(options, Fault):
        return options
    if any(key not in _NAME_OPTIONS for key, _ in options):
        return Fault(0, "a name takes only the options as, decode and trim", "other options belong to its binding")
    return BareName(name, options)


def _parse_store_path(store: str, rest: str) -> StorePath | Fault:
    """Return the reference into `store` in `rest`, the text after its colon."""
    head, has_field, written_field = rest.partition("#")
    written_path, has_options, written_options = head.partition("?")
    if "#" in written_field:
        return Fault(0, "a second '#' in a reference", "write a '#' that belongs to a name as %23")
    if "?" in written_options:
        return Fault(0, "a second '?' in a reference", "separate options by '&'; write a '?' of a name as %3F")
    if "?" in written_field:
        return Fault(0, "options stand before the field: store:path?options#field", "write a '?' of a name as %3F")
    for name, part, present in (("path", written_path, True), ("field", written_field, bool(has_field))):
        if present and not part:
            return Fault(0, f"this reference has an empty {name}")
        if part != part.strip():
            return Fault(0, f"the {name} has white space at its edges", "remove it, or write it as %20")
    options = _parse_options(written_options) if has_options else ()
    path, name_of_field = _decode(written_path), _decode(written_field)
    if isinstance(options, Fault):
        return options
    if path is None or name_of_field is None:
        return Fault(0, "a bad percent-encoding", "write '%' itself as %25")
    if "~" in name_of_field and _has_bad_pointer(name_of_field):
        return Fault(0, "a '~' in a JSON pointer that is neither ~0 nor ~1", "write '~' as ~0, and '/' of a key as ~1")
    return StorePath(store, path, options, name_of_field if has_field else None)


def _has_bad_pointer(field: str) -> bool:
    import re

    return re.match(_BAD_POINTER, field) is not None


def _parse_options(text: str) -> tuple[tuple[str, str], ...] | Fault:
    """Return the options in `text`, which is the text after `?`."""
    options: dict[str, str] = {}
    for option in text.split("&"):
        key, equals, written = option.partition("=")
        if not equals or not is_store_name(key.replace("_", "-")) or not written:
            return Fault(0, "an option that is not key=value", "options are key=value, joined by '&'")
        if written != written.strip():
            return Fault(0, "the value of an option has white space at its edges", "remove it, or write it as %20")
        value = _decode(written)
        if value is None:
            return Fault(0, "a bad percent-encoding", "write '%' itself as %25")
        if key in options:
            return Fault(0, "an option stands twice")
        options[key] = value
    return tuple(options.items())


def _decode(text: str) -> str | None:
    """Return `text` percent-decoded once, or None if an encoding is bad."""
    if "%" not in text:
        return text
    import re  # Imported only for a percent-encoding.

    if re.search(_BAD_PERCENT, text):
        return None
    try:
        return re.sub(_PERCENT, lambda match: bytes.fromhex(match[1].decode()), text.encode("utf-8")).decode("utf-8")
    except UnicodeError:
        return None


def format_reference(reference: Reference) -> str:
    """Return the text of `reference`, percent-encoded if necessary."""
    text = reference.name if isinstance(reference, BareName) else f"{reference.store}:{_encode(reference.path)}"
    if reference.options:
        text += "?" + "&".join(f"{key}={_encode(value)}" for key, value in reference.options)
    if isinstance(reference, StorePath) and reference.field is not None:
        text += f"#{_encode(reference.field)}"
    return text


# A ':' is encoded if it would begin a default or a message, or is last and might; a '-' if it is first, after the
# store's ':'. White space at the edges and control characters would be refused.
# The edges are first in the pattern: a tab there must not be matched alone, without the white space after it.
_ENCODED = r"\A\s+|(?<!\s)\s+\Z|[%?#<>&$\x00-\x1f\x7f]|:(?=[-?]|\Z)|\A-"


_PLAIN = dict.fromkeys(map(ord, "_/.-"))


def _encode(text: str) -> str:
    """Return `text` as a part of a reference."""
    if text[:1] != "-" and text.isascii() and text.translate(_PLAIN).isalnum():
        return text  # nearly every reference
    import re

    return re.sub(_ENCODED, lambda match: "".join(f"%{byte:02X}" for byte in match.group().encode("utf-8")), text)
