"""The placeholder language: every production, every trap, and what holds for any input."""

from functools import partial

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from secretsync.project.placeholder_writer import format_value
from secretsync.project.placeholders import (
    BareName,
    Fault,
    Parsed,
    Part,
    Placeholder,
    StorePath,
    Text,
    Variable,
    format_reference,
    parse_reference,
    parse_value,
)
from tests.support.amounts import examples
from tests.support.canary import CanaryFactory
from tests.support.cases import check_each
from tests.support.growth import Action, AssertLinear
from tests.support.hostile import PLACEHOLDER_ATOMS
from tests.support.plans import plan_errors


def variable(text: str, operator: str, *word: Text | Variable) -> Variable:
    """Return a variable with a word."""
    return Variable(text, operator, word)


def message(text: str, operator: str, shown: str) -> Variable:
    """Return a variable with a message."""
    return Variable(text, operator, message=shown)


ARN = "arn:aws:secretsmanager:eu-west-1:1234:secret:prod/app-AbCdEf"


def name(text: str, default: str | None = None, message: str | None = None) -> Placeholder:
    """Return a placeholder of a bare name."""
    return Placeholder(BareName(text), default, message)


def path(store: str, text: str, field: str | None = None, **options: str) -> Placeholder:
    """Return a placeholder of a path in a store."""
    return Placeholder(StorePath(store, text, tuple(options.items()), field))


GOOD: list[tuple[str, list[Part]]] = [
    # text
    ("", []),
    ("plain", [Text("plain")]),
    ("$", [Text("$")]),
    ("$$", [Text("$$")]),
    ("$NAME", [Text("$NAME")]),
    ("$(id)", [Text("$(id)")]),
    ("`id`", [Text("`id`")]),
    ("$2a$10$N9qo8uLOickgx2ZMRZoMye", [Text("$2a$10$N9qo8uLOickgx2ZMRZoMye")]),
    ("a$ <X> $ {X}", [Text("a$ <X> $ {X}")]),
    ("<X> {X} > }", [Text("<X> {X} > }")]),
    ("\\ \\\\ \\n \\$ \\<", [Text("\\ \\\\ \\n \\$ \\<")]),
    ("%41 %zz %", [Text("%41 %zz %")]),
    ("é漢😀\x00\x1b\u2028", [Text("é漢😀\x00\x1b\u2028")]),
    # bare names
    ("$<SECRET_KEY>", [name("SECRET_KEY")]),
    ("$<_x1>", [name("_x1")]),
    ("$<a>", [name("a")]),
    (
        "postgresql://app:$<DB_PASSWORD>@${DB_HOST}/app",
        [Text("postgresql://app:"), name("DB_PASSWORD"), Text("@"), Variable("DB_HOST"), Text("/app")],
    ),
    ("$<A>$<B>${C}$<A>", [name("A"), name("B"), Variable("C"), name("A")]),
    ("$<A>>", [name("A"), Text(">")]),
    ("${A}}", [Variable("A"), Text("}")]),
    ("$<A>{B}", [name("A"), Text("{B}")]),
    ("$<A>$", [name("A"), Text("$")]),
    # runs of $
    ("$$<X>", [Text("$<X>")]),
    ("$$$<X>", [Text("$"), name("X")]),
    ("$$$$<X>", [Text("$$<X>")]),
    ("$$$$$<X>", [Text("$$"), name("X")]),
    ("$$$$$$<X>", [Text("$$$<X>")]),
    ("$${X}", [Text("${X}")]),
    ("$$${X}", [Text("$"), Variable("X")]),
    ("$$$${X}", [Text("$${X}")]),
    ("$$$$${X}", [Text("$$"), Variable("X")]),
    ("$$$$$${X}", [Text("$$${X}")]),
    ("$$X $$$(id) $$$$", [Text("$$X $$$(id) $$$$")]),
    ("$$<", [Text("$<")]),
    ("$$<>", [Text("$<>")]),
    ("$${", [Text("${")]),
    ("$<A>$$<B>", [name("A"), Text("$<B>")]),
    ("$$<$<A>", [Text("$<"), name("A")]),
    ("x$$y$$<X>", [Text("x$$y$<X>")]),
    # backslashes before what does not open
    ("\\$$<X>", [Text("\\$<X>")]),
    ("\\$NAME", [Text("\\$NAME")]),
    ("\\ $<X>", [Text("\\ "), name("X")]),
    # the run's own first `$` is behind the backslash, and is half of a literal one
    ("\\$$$<X>", [Text("\\$"), name("X")]),
    # defaults and messages
    ("$<X:->", [name("X", "")]),
    ("$<X:?>", [name("X", None, "")]),
    ("$<env:LOG_LEVEL:-INFO>", [Placeholder(StorePath("env", "LOG_LEVEL"), "INFO")]),
    ("$<X:-a:-b:?c#d?e=f%41&g>", [name("X", "a:-b:?c#d?e=f%41&g")]),
    ("$<X:?a:-b:?c%zz>", [name("X", None, "a:-b:?c%zz")]),
    (
        "$<DB_PASSWORD:?set it in Vault under secret/app>",
        [name("DB_PASSWORD", None, "set it in Vault under secret/app")],
    ),
    ("$<X:- a>", [name("X", " a")]),
    ("$<X:-{a} }>", [name("X", "{a} }")]),
    ("$<X:-é😀>", [name("X", "é😀")]),
    ("$<aws:-x>", [name("aws", "x")]),
    ("$<aws:?x>", [name("aws", None, "x")]),
    ("$<aws:a:-b>", [Placeholder(StorePath("aws", "a"), "b")]),
    ("$<aws:a?version=1:-b>", [Placeholder(StorePath("aws", "a", (("version", "1"),)), "b")]),
    ("$<aws:a#f:-b>", [Placeholder(StorePath("aws", "a", (), "f"), "b")]),
    ("$<aws:a%3A-b>", [path("aws", "a:-b")]),
    ("$<aws:a%3A%3Fb>", [path("aws", "a:?b")]),
    ("$<aws:a:b-c>", [path("aws", "a:b-c")]),
    ("$<aws:::>", [path("aws", "::")]),
    ("${X:-}", [variable("X", ":-")]),
    ("${X:?}", [message("X", ":?", "")]),
    ("${X:-a:-b<c>%41}", [variable("X", ":-", Text("a:-b<c>%41"))]),
    ("${X:?it is > 0}", [message("X", ":?", "it is > 0")]),
    ("${X:- }", [variable("X", ":-", Text(" "))]),
    ("${X:-a\nb}", [variable("X", ":-", Text("a\nb"))]),
    ("${X-}", [variable("X", "-")]),
    ("${X-:x}", [variable("X", "-", Text(":x"))]),
    ("${X+a}${Y:+b}", [variable("X", "+", Text("a")), variable("Y", ":+", Text("b"))]),
    ("${X?a}", [message("X", "?", "a")]),
    ("${X:--?+}", [variable("X", ":-", Text("-?+"))]),
    # words
    ("${X:-${Y}}", [variable("X", ":-", Variable("Y"))]),
    ("${X-a${Y+b}c}d", [variable("X", "-", Text("a"), variable("Y", "+", Text("b")), Text("c")), Text("d")]),
    ("${X:-{}}", [variable("X", ":-", Text("{}"))]),
    ('${X:-{"a":{"b":1}}}}', [variable("X", ":-", Text('{"a":{"b":1}}')), Text("}")]),
    ("${X:-a$b}", [variable("X", ":-", Text("a$b"))]),
    ("${X:-a$$b$$}", [variable("X", ":-", Text("a$$b$$"))]),
    ("${X:-$${Y}}", [variable("X", ":-", Text("${Y}"))]),
    ("${X:-$$<Y>}", [variable("X", ":-", Text("$<Y>"))]),
    ("${X:?no ${DB}, $${E}}", [message("X", ":?", "no ${DB}, $${E}")]),
    ("{${X:-a}}", [Text("{"), variable("X", ":-", Text("a")), Text("}")]),
    ("} ${X:-a} {", [Text("} "), variable("X", ":-", Text("a")), Text(" {")]),
    ("{ ${X:-a}", [Text("{ "), variable("X", ":-", Text("a"))]),
    # a '>' after a placeholder with a default
    ("$<X:-a><b>", [name("X", "a"), Text("<b>")]),
    ("$<X:-a>${Y:-b>c}", [name("X", "a"), variable("Y", ":-", Text("b>c"))]),
    ("$<X:-a>$<Y>>", [name("X", "a"), name("Y"), Text(">")]),
    ("$<X:-a>\n>", [name("X", "a"), Text("\n>")]),
    # options of names
    ("$<X?as=url>", [Placeholder(BareName("X", (("as", "url"),)))]),
    ("$<X?decode=base64&trim=false:-d>", [Placeholder(BareName("X", (("decode", "base64"), ("trim", "false"))), "d")]),
    # paths
    ("$<aws:prod/app#password>", [path("aws", "prod/app", "password")]),
    (f"$<aws:{ARN}#/db/password>", [path("aws", ARN, "/db/password")]),
    (f"$<aws:{ARN}>", [path("aws", ARN)]),
    ("$<aws:prod/app?stage=AWSPREVIOUS#password>", [path("aws", "prod/app", "password", stage="AWSPREVIOUS")]),
    ("$<vault:secret/app?version=3#key>", [path("vault", "secret/app", "key", version="3")]),
    ("$<azure:db-password?version=ab12>", [path("azure", "db-password", version="ab12")]),
    ("$<docker:db_password>", [path("docker", "db_password")]),
    ("$<aws-eu:a>", [path("aws-eu", "a")]),
    ("$<a1-:x>", [path("a1-", "x")]),
    ("$<aws:a b>", [path("aws", "a b")]),
    ("$<aws:a=b&c>", [path("aws", "a=b&c")]),
    ("$<aws:../x//y>", [path("aws", "../x//y")]),
    ("$<aws:a'b\"c`d\\e|{f}>", [path("aws", "a'b\"c`d\\e|{f}")]),
    ("$<aws:a$b>", [path("aws", "a$b")]),
    ("$<aws:é漢😀>", [path("aws", "é漢😀")]),
    (
        "$<aws:a?decode=base64&as=json&trim=false>",
        [path("aws", "a", decode="base64", **{"as": "json", "trim": "false"})],
    ),
    ("$<aws:a?version=a=b>", [path("aws", "a", version="a=b")]),
    ("$<aws:a?version=%26%3D>", [path("aws", "a", version="&=")]),
    # percent-encodings
    ("$<aws:a%3Eb>", [path("aws", "a>b")]),
    ("$<aws:%3C%3e%23%3F%25>", [path("aws", "<>#?%")]),
    ("$<aws:%2541>", [path("aws", "%41")]),
    ("$<aws:%C3%A9>", [path("aws", "é")]),
    ("$<aws:%F0%9F%98%80>", [path("aws", "😀")]),
    ("$<aws:%20a%20>", [path("aws", " a ")]),
    ("$<aws:a%2Fb>", [path("aws", "a/b")]),
    ("$<aws:a#f%20g>", [path("aws", "a", "f g")]),
    ("$<aws:a#f%23g%3Fh>", [path("aws", "a", "f#g?h")]),
    # pointers
    ("$<aws:a#/>", [path("aws", "a", "/")]),
    ("$<aws:a#/b/0>", [path("aws", "a", "/b/0")]),
    ("$<aws:a#/b~1c~0d>", [path("aws", "a", "/b~1c~0d")]),
    ("$<aws:a#/b%2Fc>", [path("aws", "a", "/b/c")]),
    ("$<aws:a#/b%7E1c>", [path("aws", "a", "/b~1c")]),
    ("$<aws:a#b~c>", [path("aws", "a", "b~c")]),
    ("$<aws:a#b/c>", [path("aws", "a", "b/c")]),
    ("$<aws:a#b:c=d&e>", [path("aws", "a", "b:c=d&e")]),
]

BAD: list[tuple[str, int, str]] = [
    # not terminated
    ("$<", 0, "not terminated"),
    ("${", 0, "not terminated"),
    ("ab$<A", 2, "not terminated"),
    ("ab${A", 2, "not terminated"),
    ("$$$<A", 2, "not terminated"),
    ("$<A}", 0, "not terminated"),
    ("${A>", 0, "not terminated"),
    # empty, nested, white space
    ("$<>", 0, "empty"),
    ("x$<A>$<>", 5, "empty"),
    ("$<$<A>>", 0, "cannot hold another"),
    ("$<A$<B>>", 0, "cannot hold another"),
    ("$<A $<B>", 0, "cannot hold another"),
    ("$<aws:${E}/app>", 0, "cannot hold another"),
    ("$<aws:a<b>", 0, "cannot hold another"),
    ("$<X:-${Y}>", 0, "cannot hold another"),
    ("$<X:-a<b>", 0, "cannot hold another"),
    ("$< A>", 0, "white space"),
    ("$<A >", 0, "white space"),
    ("$<A\t>", 0, "white space"),
    ("$<\nA>", 0, "white space"),
    ("$<A\u2003>", 0, "white space"),
    ("$< >", 0, "white space"),
    ("$<X:-a >", 0, "white space"),
    ("$<aws: a>", 0, "white space"),
    ("$<aws:a #f>", 0, "white space"),
    ("$<aws:a# f>", 0, "white space"),
    ("$<aws:a ?version=1>", 0, "white space"),
    ("$<aws:a?version= 1>", 0, "white space"),
    ("$<aws:a?version=1 #f>", 0, "white space"),
    ("$<aws:a?version=1 &stage=x>", 0, "white space"),
    # neither names nor references
    ("$<A B>", 0, "neither a name nor a reference"),
    ("$<1A>", 0, "neither a name nor a reference"),
    ("$<A-B>", 0, "neither a name nor a reference"),
    ("$<É>", 0, "neither a name nor a reference"),
    ("$<\U0001d400>", 0, "neither a name nor a reference"),
    ("$<A#f>", 0, "neither a name nor a reference"),
    ("$<:-x>", 0, "neither a name nor a reference"),
    ("$<A :-x>", 0, "neither a name nor a reference"),
    ("$<Aws:a>", 0, "name of a store"),
    ("$<1aws:a>", 0, "name of a store"),
    ("$<aws_eu:a>", 0, "name of a store"),
    ("$<:a>", 0, "name of a store"),
    ("$<a.b:c>", 0, "name of a store"),
    ("$<aws :a>", 0, "name of a store"),
    # paths, options, fields
    ("$<aws:>", 0, "empty path"),
    ("$<aws:#f>", 0, "empty path"),
    ("$<aws:a#>", 0, "empty field"),
    ("$<aws:a#f#g>", 0, "second '#'"),
    ("$<aws:a##>", 0, "second '#'"),
    ("$<aws:a?version=1?stage=x>", 0, "second '?'"),
    ("$<aws:a??>", 0, "second '?'"),
    ("$<aws:a#f?version=1>", 0, "options stand before the field"),
    ("$<aws:a?>", 0, "key=value"),
    ("$<aws:a?version>", 0, "key=value"),
    ("$<aws:a?version=>", 0, "key=value"),
    ("$<aws:a?=1>", 0, "key=value"),
    ("$<aws:a?version=1&>", 0, "key=value"),
    ("$<aws:a?&version=1>", 0, "key=value"),
    ("$<aws:a?Version=1>", 0, "key=value"),
    ("$<aws:a?version=1&version=2>", 0, "stands twice"),
    ("$<aws:a%>", 0, "percent-encoding"),
    ("$<aws:a%4>", 0, "percent-encoding"),
    ("$<aws:a%zz>", 0, "percent-encoding"),
    ("$<aws:a%%41>", 0, "percent-encoding"),
    ("$<aws:%FF>", 0, "percent-encoding"),
    ("$<aws:%C3>", 0, "percent-encoding"),
    ("$<aws:%ED%A0%80>", 0, "percent-encoding"),
    ("$<aws:a#%G0>", 0, "percent-encoding"),
    ("$<aws:a?version=%>", 0, "percent-encoding"),
    ("$<aws:a#/b~>", 0, "JSON pointer"),
    ("$<aws:a#/b~2c>", 0, "JSON pointer"),
    ("$<aws:a#/~1~>", 0, "JSON pointer"),
    ("$<aws:a\x00b>", 0, "control character"),
    ("$<aws:a\nb>", 0, "control character"),
    ("$<aws:a\x1bb>", 0, "control character"),
    ("$<aws:a\x7fb>", 0, "control character"),
    # defaults and messages
    ("$<X:-a$b>", 0, "may hold no"),
    ("$<X:?a$b>", 0, "may hold no"),
    ("${X:-a{b}", 0, "not terminated"),
    ("${X:-${Y}", 0, "not terminated"),
    ("${X:-$<Y>}", 5, "cannot hold a placeholder"),
    ("${X:?a $<Y>}", 7, "cannot hold a placeholder"),
    ("${X:-$$$<Y>}", 7, "cannot hold a placeholder"),
    ("${X:-${Y:-${1}}}", 10, "does not begin a variable"),
    ("${X:-\\${Y}}", 6, "a backslash does not escape"),
    ("${A-" * 21 + "}" * 21, 80, "more than 20"),
    ("$<env:A:-a>b>", 0, "another '>' follows"),
    ("$<A:->b>", 0, "another '>' follows"),
    ("$<A:?set a -> b>", 0, "another '>' follows"),
    ("$<A:-a>b$NAME>", 0, "another '>' follows"),
    # options of names
    ("$<A?version=1>", 0, "only the options as, decode and trim"),
    ("$<A?as=url&stage=x>", 0, "only the options as, decode and trim"),
    ("$<A?as=url#f>", 0, "does not take a field"),
    ("$<A?>", 0, "key=value"),
    ("$<A?as>", 0, "key=value"),
    ("$<A?as=url&as=text>", 0, "stands twice"),
    # what is no variable
    ("${}", 0, "does not begin a variable"),
    ("${ A}", 0, "does not begin a variable"),
    ("${A }", 0, "does not begin a variable"),
    ("${A!x}", 0, "does not begin a variable"),
    ("${A+", 0, "not terminated"),
    ("${A:x}", 0, "does not begin a variable"),
    ("${1A}", 0, "does not begin a variable"),
    ("${A.b}", 0, "does not begin a variable"),
    ("${#A}", 0, "does not begin a variable"),
    ("${É}", 0, "does not begin a variable"),
    ("${:-x}", 0, "does not begin a variable"),
    # backslashes
    ("\\$<X>", 1, "a backslash does not escape"),
    ("\\${X}", 1, "a backslash does not escape"),
    ("\\\\$<X>", 2, "a backslash does not escape"),
    ("a\\$<X>$<Y>", 2, "a backslash does not escape"),
]


def test_what_a_value_means() -> None:
    """Each value becomes exactly these parts."""

    def check(case: tuple[str, list[Part]]) -> None:
        text, parts = case
        assert parse_value(text) == Parsed(tuple(parts))

    check_each(GOOD, check, lambda case: ascii(case[0]))


def test_what_is_an_error() -> None:
    """Each mistake is found once, at its `$`, in words that say which it is."""

    def check(case: tuple[str, int, str]) -> None:
        text, offset, cause = case
        faults = parse_value(text).faults
        assert [(fault.offset, cause in fault.cause) for fault in faults] == [(offset, True)], faults

    check_each(BAD, check, lambda case: ascii(case[0]))


def test_every_fault_of_a_value_is_found() -> None:
    """Reading goes on behind a mistake, and what is right in between is kept."""
    parsed = parse_value("$<>-${1}-$<OK>-$< A>-\\$<B>-$<C")
    assert [fault.offset for fault in parsed.faults] == [0, 4, 15, 22, 27]
    assert parsed.parts == (Text("--"), name("OK"), Text("--\\-"))


def test_offsets_and_what_was_written() -> None:
    """Placeholders and variables know where their own `$` stands, and the reference as it was written."""
    parts = parse_value("é$$$<aws:%41:-d>${B:-x}").parts
    opened = [part for part in parts if not isinstance(part, Text)]
    assert [part.offset for part in opened] == [3, 16]
    assert isinstance(opened[0], Placeholder)
    assert opened[0].written == "aws:%41"


@pytest.mark.parametrize(
    ("file", "line", "column"),
    [
        ("A=$<>", 1, 3),
        ("\n# c\n\n  export A =  x$<>", 4, 16),
        ("A='1'\r\nB=\"x$<>\"\r\n", 2, 5),
        ('A="a\nbc\nd$<>"', 3, 2),
        ('A="\\"\\\\\\n$<>"', 1, 10),
        ('A="é😀\u2028\\t$<>"', 1, 9),
        ("\ufeffA=é$<>", 1, 4),
        ("'A'=$<>", 1, 5),
        ("A=\x0b\x0c$<>", 1, 5),
        ('B="\n\n"\n\nA="\\\n$<>"', 6, 1),
    ],
)
def test_lines_and_columns(file: str, line: int, column: int) -> None:
    """An error names the line and the column in the file, whatever quotes, escapes and lines stand before it."""
    (error,) = plan_errors({"common": file})
    assert error.startswith(f"env/test/common.env:{line}:{column}: "), error


def test_a_value_cut_at_a_comment() -> None:
    """An unquoted value that ends inside a placeholder says that ' #' cut it; a quoted one does not."""
    (error,) = plan_errors({"common": "A=$<aws:x #y>"})
    assert "double quotes" in error
    (error,) = plan_errors({"common": "A=x${B:-y #z}"})
    assert "double quotes" in error
    (error,) = plan_errors({"common": 'A="$<aws:x" # y>'})
    assert "double quotes" not in error


_names = st.from_regex(r"[A-Za-z_][A-Za-z0-9_]{0,5}", fullmatch=True)
_hostile = st.lists(st.sampled_from([atom for atom in PLACEHOLDER_ATOMS if atom != "\ud800"]), max_size=8).map("".join)
_some = _hostile.filter(bool)
_fields = _some.filter(lambda text: not (text.startswith("/") and "~" in text.replace("~1", "")))
_options = st.dictionaries(st.sampled_from(["version", "stage", "as", "decode", "x-y_1"]), _some, max_size=3)
_references = st.one_of(
    _names.map(BareName),
    st.builds(BareName, _names, st.just((("decode", "base64"), ("as", "url")))),
    st.builds(
        lambda store, path, options, field: StorePath(store, path, tuple(options.items()), field),
        st.from_regex(r"[a-z][a-z0-9-]{0,4}", fullmatch=True),
        _some,
        _options,
        st.none() | _fields,
    ),
)


def _alternative(refused: str) -> st.SearchStrategy[tuple[str | None, str | None]]:
    """No default and no message, or one of them."""
    text = _hostile.filter(lambda text: not set(text) & set(refused) and text == text.rstrip())
    return st.one_of(st.just((None, None)), text.map(lambda text: (text, None)), text.map(lambda text: (None, text)))


def _normal(parts: list[Part]) -> tuple[Part, ...]:
    """`parts` as a parser gives them.

    There are no two texts side by side, no backslash before what opens, and no `>` after a placeholder.
    """
    joined: list[Part] = []
    for part in parts:
        before = joined[-1] if joined else None
        if isinstance(part, Text) and isinstance(before, Text):
            joined[-1] = Text(before.text + part.text)
            continue
        if isinstance(before, Text) and before.text[-1:] == "\\":
            joined[-1] = Text(before.text + ".")
        joined.append(part)
    return tuple(
        Text(part.text.replace(">", ".")) if isinstance(part, Text) and isinstance(before, Placeholder) else part
        for before, part in zip((None, *joined), joined, strict=False)
    )


def _word(inner: st.SearchStrategy[Variable]) -> st.SearchStrategy[tuple[Text | Variable, ...]]:
    text = _some.filter(lambda text: not set(text) & set("{}\\")).map(Text)
    return st.lists(text | inner, max_size=3).map(lambda parts: _normal(list(parts)))  # type: ignore[arg-type, return-value]


def _is_flat(text: str) -> bool:
    return not set(text) & set("{}$")


_variables = st.recursive(
    _names.map(Variable),
    lambda inner: (
        st.builds(Variable, _names, st.sampled_from([":-", "-", ":+", "+"]), _word(inner))
        | st.builds(
            message, _names, st.sampled_from([":?", "?"]), _hostile.filter(lambda text: not set(text) & set("{}$"))
        )
    ),
    max_leaves=4,
)
_parts = st.lists(
    st.one_of(
        _some.map(Text),
        st.builds(lambda reference, other: Placeholder(reference, *other), _references, _alternative("<>$")),
        _variables,
    ),
    max_size=6,
)


@given(_parts.map(_normal))
@examples(400)
@example((Text("$"), name("A"), Text("$$"), Variable("B"), Text("$<$${")))
@example((Placeholder(StorePath("aws", ":-:?", (("version", ":"),), "-a:")),))
@example((Placeholder(StorePath("aws", "?#%&<>$ \x00"), "d"),))
@example((Placeholder(BareName("A"), ""), Text("$.")))
@example((Placeholder(StorePath("aws", "\t\x85", (("version", "x\t\x85"),), " \t\x1f ")),))
def test_what_is_printed_parses_into_the_same(parts: tuple[Part, ...]) -> None:
    """Any parts can be written, and mean themselves."""
    assert parse_value(format_value(parts)) == Parsed(parts)


@given(_references)
@examples(200)
def test_printed_references_parse_into_the_same(reference: BareName | StorePath) -> None:
    """Any reference can be written, also outside of a placeholder."""
    assert parse_reference(format_reference(reference)) == reference


@pytest.mark.parametrize(
    "parts",
    [
        (Text("a\\"), name("A")),
        (name("A", "x "),),
        (name("A", "x>"),),
        (name("A", "x", "y"),),
        (variable("A", ":-", Text("x}")),),
        (variable("A", ":-", Text("{")),),
        (Variable("A", ":-", message="x"),),
        (Variable("A", "", (Text("x"),)),),
        (Variable("A", "!", (Text("x"),)),),
        (Variable("1"),),
        (Text("a"), Text("b")),
        (Text(""),),
        (path("aws", ""),),
    ],
)
def test_what_no_text_says_is_not_printed(parts: tuple[Part, ...]) -> None:
    """Parts that no text means are refused instead of written wrong."""
    with pytest.raises(ValueError, match="no text"):
        format_value(parts)


@given(st.lists(st.sampled_from(PLACEHOLDER_ATOMS), max_size=14).map("".join) | st.text())
@examples(500)
def test_no_input_raises(text: str) -> None:
    """Any text gives parts and faults; without a fault it can be written again, and faults quote nothing of it."""
    parsed = parse_value(text)
    assert all(0 <= fault.offset < len(text) and text[fault.offset] == "$" for fault in parsed.faults)
    if not parsed.faults:
        assert parse_value(format_value(parsed.parts)) == parsed
    assert parse_reference(text) is not None


@given(st.lists(st.sampled_from(PLACEHOLDER_ATOMS), max_size=8).map("".join))
def test_text_can_always_be_written(text: str) -> None:
    """Whatever stands in a value has a spelling that means just it."""
    parts = (Text(text),) if text else ()
    assert parse_value(format_value(parts)).parts == parts


def test_faults_quote_nothing(canary: CanaryFactory) -> None:
    """No text of a value stands in the words of a fault."""
    secret = canary()
    for text, _, _ in BAD:
        for fault in parse_value(f"{secret}{text}").faults:
            assert secret not in f"{fault.cause}{fault.hint}"
    faults = [parse_value(f"$<{secret} x>"), parse_value(f"${{{secret}-}}"), parse_value(f"$<x:{secret}%>")]
    assert all(secret not in f"{fault.cause}{fault.hint}" for parsed in faults for fault in parsed.faults)
    assert isinstance(parse_reference(f"x:{secret}#"), Fault)


def _read_and_write(text: str) -> None:
    parsed = parse_value(text)
    if not parsed.faults:
        format_value(parsed.parts)


UNITS = ["$", "$<", "${", "$$<", "$<A>", "\\", "<", "$<A:-", "a ", "$<x:", "%", "$ ", ":", "$<aws:a?b=c#d>"]
UNITS += ["{", "}", "${A:-", "${A:-b}", "${A-{}}", "$<A:-b>", "$<A:-b>\n", "${A:-$$", "{${A+"]


@pytest.mark.parametrize("unit", UNITS)
def test_time_grows_with_length_alone(assert_linear: AssertLinear, unit: str) -> None:
    """Time grows linearly with the length of a value, alone, in a placeholder and in a variable."""

    def reading(wrap: str, size: int) -> Action:
        return partial(_read_and_write, wrap.format(unit * (size // len(unit))))

    for wrap in ("{}", "$<aws:{}>", "${{A:-{}}}", "${{A:?{}", "$<A:-b>{}"):
        assert_linear(partial(reading, wrap), 2048)
