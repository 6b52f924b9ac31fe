"""The placeholder language: a value becomes text, placeholders and variables, and can be written back.

value       = *( text / placeholder / variable )
placeholder = "$<" reference [ ":-" default / ":?" message ] ">"
reference   = NAME / store ":" path [ "?" options ] [ "#" field ]
variable    = "${" NAME [ ":-" default / ":?" message ] "}"
options     = key "=" value *( "&" key "=" value )
"""

from __future__ import annotations

import re
from collections.abc import Sequence

from secretsync.core.names import is_entry_name, is_store_name
from secretsync.core.records import Record

__all__ = ["BareName", "Fault", "Parsed", "Part", "Placeholder", "Reference", "StorePath", "Text", "Variable"]
__all__ += ["format_reference", "format_value", "parse_reference", "parse_value"]

_OPTION_KEY = re.compile(r"[a-z][a-z0-9_-]*")
_BAD_PERCENT = re.compile(r"%(?![0-9A-Fa-f]{2})")
_PERCENT = re.compile(rb"%([0-9A-Fa-f]{2})")
_CONTROL = re.compile(r"[\x00-\x1f\x7f]")
_BAD_POINTER = re.compile(r"/.*~(?![01])", re.DOTALL)


class Text(Record):
    """What stands as it is."""

    text: str


class BareName(Record):
    """`NAME`: a secret that a binding or the lookup order finds."""

    name: str


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
    written: str = ""  # the reference as it stands in the file
    offset: int = 0  # of its `$` in the value

    _uncompared = ("written", "offset")


class Variable(Record):
    """`${NAME:-default}`: another entry, or a variable of the process environment."""

    name: str
    default: str | None = None
    message: str | None = None
    offset: int = 0

    _uncompared = ("offset",)


Part = Text | Placeholder | Variable


class Fault(Record):
    """What is wrong at one place of a value. It quotes no text of the value."""

    offset: int
    cause: str
    hint: str | None = None
    is_unterminated: bool = False


class Parsed(Record):
    """The parts of a value, and all that is wrong in it."""

    parts: tuple[Part, ...]
    faults: tuple[Fault, ...] = ()


def parse_value(text: str) -> Parsed:
    """The parts of `text`. No input raises: what is wrong comes back as faults."""
    parts: list[Part] = []
    faults: list[Fault] = []
    plain: list[str] = []
    position = 0
    while (opener := _next_opener(text, position)) >= 0:
        run = opener
        while run > position and text[run - 1] == "$":
            run -= 1
        dollars = opener - run + 1
        plain.append(text[position:run] + "$" * (dollars // 2))
        position = opener + 2
        if dollars % 2 == 0:
            plain.append(text[opener + 1])
            continue
        part, position = _parse_opened(text, opener, after_backslash=dollars == 1 and text[run - 1 : run] == "\\")
        if isinstance(part, Fault):
            faults.append(part)
            continue
        if joined := "".join(plain):
            parts.append(Text(joined))
        plain.clear()
        parts.append(part)
    if joined := "".join([*plain, text[position:]]):
        parts.append(Text(joined))
    return Parsed(tuple(parts), tuple(faults))


def _next_opener(text: str, position: int) -> int:
    """Where the next `$` stands that is right before `<` or `{`, or -1."""
    while (position := text.find("$", position)) >= 0:
        if text[position + 1 : position + 2] in ("<", "{"):
            return position
        position += 1
    return -1


def _parse_opened(text: str, opener: int, *, after_backslash: bool) -> tuple[Part | Fault, int]:
    """What opens at `opener`, and the position behind it."""
    is_placeholder = text[opener + 1] == "<"
    what, closing = ("placeholder", ">") if is_placeholder else ("variable", "}")
    end = text.find(closing, opener + 2)
    if end < 0:
        hint = f"end it with {closing!r}, or write '$${text[opener + 1]}' for the text itself"
        fault = Fault(opener, f"this {what} is not terminated", hint, is_unterminated=True)
        return fault, len(text)
    if after_backslash:
        hint = f"a literal '${text[opener + 1]}' is written '$${text[opener + 1]}'"
        return Fault(opener, f"a backslash does not escape a {what}", hint), end + 1
    parse = _parse_placeholder if is_placeholder else _parse_variable
    return parse(text[opener + 2 : end], opener), end + 1


def _parse_placeholder(inside: str, offset: int) -> Placeholder | Fault:
    """The placeholder with this inside."""
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


def _parse_variable(inside: str, offset: int) -> Variable | Fault:
    """The variable with this inside."""
    name, default, message = _split_alternative(inside)
    if not is_entry_name(name):
        hint = "write ${NAME}, ${NAME:-default} or ${NAME:?message}, and '$${' for the text itself"
        return Fault(offset, "this '${' does not begin a variable", hint)
    rest = default or message or ""
    if "{" in rest or "$" in rest:
        return Fault(offset, "a default or message in a variable may hold no '{', '}' or '$'")
    return Variable(name, default, message, offset)


def _split_alternative(inside: str) -> tuple[str, str | None, str | None]:
    """What stands before the first `:-` or `:?`, and the default or the message behind it."""
    for index in range(len(inside) - 1):
        if inside[index] == ":" and inside[index + 1] in "-?":
            head, rest = inside[:index], inside[index + 2 :]
            return (head, rest, None) if inside[index + 1] == "-" else (head, None, rest)
    return inside, None, None


def parse_reference(text: str) -> Reference | Fault:
    """The reference that `text` is: a bare name, or `store:path?options#field`."""
    if is_entry_name(text):
        return BareName(text)
    store, colon, rest = text.partition(":")
    if not colon:
        hint = "a name is letters, digits and '_', not beginning with a digit; a reference is store:path"
        return Fault(0, "this is neither a name nor a reference", hint)
    if not is_store_name(store):
        return Fault(0, "the store before ':' is not named as stores are", "small letters, digits and '-': aws, vault")
    if _CONTROL.search(rest) or "<" in rest or ">" in rest:
        return Fault(0, "a control character, '<' or '>' in a reference", "percent-encode it")
    return _parse_store_path(store, rest)


def _parse_store_path(store: str, rest: str) -> StorePath | Fault:
    """The reference into `store` that `rest`, the text behind its colon, is."""
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
    if _BAD_POINTER.match(name_of_field):
        return Fault(0, "a '~' in a JSON pointer that is neither ~0 nor ~1", "write '~' as ~0, and '/' of a key as ~1")
    return StorePath(store, path, options, name_of_field if has_field else None)


def _parse_options(text: str) -> tuple[tuple[str, str], ...] | Fault:
    """The options that `text`, what stands behind `?`, gives."""
    options: dict[str, str] = {}
    for option in text.split("&"):
        key, equals, written = option.partition("=")
        if not equals or not _OPTION_KEY.fullmatch(key) or not written:
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
    """`text` percent-decoded once, or None where an encoding is bad."""
    if "%" not in text:
        return text
    if _BAD_PERCENT.search(text):
        return None
    try:
        return _PERCENT.sub(lambda match: bytes.fromhex(match[1].decode()), text.encode("utf-8")).decode("utf-8")
    except UnicodeError:
        return None


def format_value(parts: Sequence[Part]) -> str:
    """The text that parses into `parts`.

    Raises ValueError for what no text says: a text that ends in a backslash right before what opens, a default that
    ends in white space, or parts that no parser gives.
    """
    written: list[str] = []
    for index, part in enumerate(parts):
        if isinstance(part, Text):
            written.append(_print_text(part.text, opens_next=index + 1 < len(parts)))
            continue
        alternative = f":-{part.default}" if part.default is not None else ""
        alternative += f":?{part.message}" if part.message is not None else ""
        if isinstance(part, Placeholder):
            written.append(f"$<{format_reference(part.reference)}{alternative}>")
        else:
            written.append(f"${{{part.name}{alternative}}}")
    text = "".join(written)
    if parse_value(text) != Parsed(tuple(parts)):
        message = "no text says these parts"
        raise ValueError(message)
    return text


def _print_text(text: str, *, opens_next: bool) -> str:
    """`text` with each `$` doubled that would otherwise open something."""
    # The look-behind keeps a long run of '$' from being tried from each of its characters.
    pattern = r"(?<!\$)\$+(?=[<{]|\Z)" if opens_next else r"(?<!\$)\$+(?=[<{])"
    return re.sub(pattern, lambda run: run.group() * 2, text)


def format_reference(reference: Reference) -> str:
    """The text of `reference`, percent-encoded where it must be."""
    if isinstance(reference, BareName):
        return reference.name
    text = f"{reference.store}:{_encode(reference.path)}"
    if reference.options:
        text += "?" + "&".join(f"{key}={_encode(value)}" for key, value in reference.options)
    if reference.field is not None:
        text += f"#{_encode(reference.field)}"
    return text


# A ':' is encoded where it would begin a default or a message, or stands last and might; a '-' where it stands first,
# behind the store's ':'. White space at the edges and control characters are refused as they are.
# The edges come first: a tab there must not be taken by itself, and leave what follows it.
_ENCODED = re.compile(r"\A\s+|(?<!\s)\s+\Z|[%?#<>&$\x00-\x1f\x7f]|:(?=[-?]|\Z)|\A-")


def _encode(text: str) -> str:
    """`text` as a part of a reference."""
    return _ENCODED.sub(lambda match: "".join(f"%{byte:02X}" for byte in match.group().encode("utf-8")), text)
