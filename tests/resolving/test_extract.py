"""Taking a part of a payload: fields, pointers, numbers as written, decoding, trimming, and silent errors."""

import base64
import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from secretsync.core.errors import ProblemKind
from secretsync.core.model import Failed, Selector
from secretsync.core.secret import Payload, Secret
from secretsync.resolving.extract import find_field, select
from tests.support.amounts import examples
from tests.support.canary import CanaryFactory
from tests.support.growth import Action, AssertLinear


def take(value: str | bytes, *, from_file: bool = False, **selector: Any) -> str:
    """Return the part of a payload, as text."""
    chosen = select(Payload(value, from_file=from_file), Selector(**selector))
    assert isinstance(chosen, Secret), chosen
    return chosen.reveal()


def refusal(value: str | bytes, *, from_file: bool = False, **selector: Any) -> str:
    """Why there is no such part."""
    chosen = select(Payload(value, from_file=from_file), Selector(**selector))
    assert isinstance(chosen, Failed)
    assert chosen.kind is ProblemKind.UNUSABLE  # it is there: a default does not apply
    return chosen.cause


DOCUMENT = """
{"user": "app", "port": 3306, "price": 1.10, "big": 9223372036854775809, "huge": 1e400, "exp": 1.0E+02, "minus": -0,
 "long": 0.10000000000000000000000000000000001, "yes": true, "no": false, "none": null, "empty": "",
 "object": {"b": [1, 2.50, {"c": "é"}], "a/b": "slash", "m~n": "tilde", "": "nothing", " ": "space", "~1": "both"},
 "list": ["zero", ["x"], null], "a/b": "top slash", "with space": 1, "é": "accent",
 "text": "line\\n\\"q\\" \\u0041 \\\\"}
"""


@pytest.mark.parametrize(
    ("field", "expected"),
    [
        ("user", "app"),
        ("port", "3306"),
        ("price", "1.10"),
        ("big", "9223372036854775809"),
        ("huge", "1e400"),
        ("exp", "1.0E+02"),
        ("minus", "-0"),
        ("long", "0.10000000000000000000000000000000001"),
        ("yes", "true"),
        ("no", "false"),
        ("empty", ""),
        ("a/b", "top slash"),
        ("with space", "1"),
        ("é", "accent"),
        ("text", 'line\n"q" A \\'),
        ("/user", "app"),
        ("/a~1b", "top slash"),
        ("/object/a~1b", "slash"),
        ("/object/m~0n", "tilde"),
        ("/object/~01", "both"),
        ("/object/", "nothing"),
        ("/object/ ", "space"),
        ("/object/b/0", "1"),
        ("/object/b/1", "2.50"),
        ("/object/b/2/c", "é"),
        ("/list/0", "zero"),
        ("/list/1/0", "x"),
    ],
)
def test_fields(field: str, expected: str) -> None:
    """Keys and JSON pointers; digits are kept as they are written."""
    assert take(DOCUMENT, field=field) == expected
    assert take(DOCUMENT.encode(), field=field) == expected


@pytest.mark.parametrize(
    "field",
    [
        *(
            "User",
            "nothing",
            "object.b",
            "object/b",
            "0",
            "e\u0301",
            "/nothing",
            "/",
            "//",
            "/user/",
            "/user/0",
            "/port/x",
        ),
        *("/list/3", "/list/-", "/list/-1", "/list/00", "/list/01", "/list/+1", "/list/1e0", "/list/", "/list/\u0660"),
        *("/list/99999999999999999999999999", "/none/x", "/object/b/2/d", "/object/a/b", "/OBJECT"),
    ],
)
def test_fields_that_are_not_there(field: str) -> None:
    """A missing field, and a step below a scalar, have failed."""
    assert refusal(DOCUMENT, field=field) == "the secret has no such field"


@pytest.mark.parametrize(
    ("field", "cause"),
    [("none", "null"), ("object", "an object"), ("list", "a list"), ("/list/1", "a list"), ("/list/2", "null")],
)
def test_what_is_no_scalar(field: str, cause: str) -> None:
    """null, an object or an array is an error that suggests as=json."""
    assert refusal(DOCUMENT, field=field) == f"this field is {cause}"


@pytest.mark.parametrize(
    ("value", "selector", "expected"),
    [
        (DOCUMENT, {"field": "object"},
         '{"b":[1,2.50,{"c":"é"}],"a/b":"slash","m~n":"tilde","":"nothing"," ":"space","~1":"both"}'),
        (DOCUMENT, {"field": "list"}, '["zero",["x"],null]'),
        (DOCUMENT, {"field": "none"}, "null"),
        (DOCUMENT, {"field": "yes"}, "true"),
        (DOCUMENT, {"field": "price"}, "1.10"),
        (DOCUMENT, {"field": "user"}, '"app"'),
        (DOCUMENT, {"field": "text"}, '"line\\n\\"q\\" A \\\\"'),
        (' { "b" : 1.0 , "a" : [ ] , "c" : { } } ', {}, '{"b":1.0,"a":[],"c":{}}'),
        ("null", {}, "null"),
        ("1e400", {}, "1e400"),
        ('"x"', {}, '"x"'),
    ],
)  # fmt: skip
def test_as_json(value: str, selector: dict[str, Any], expected: str) -> None:
    """Compact, in the order and with the digits of the store."""
    assert take(value, as_="json", **selector) == expected


@pytest.mark.parametrize(
    "value", ["1234", '"1234"', "null", "[1]", '{"a":1}', "", " x ", "\n", "a\r\n", "é\u2028\x85\x0b\x0c"]
)
def test_without_a_field_nothing_is_read(value: str) -> None:
    """The text is the value, whatever it looks like."""
    assert take(value) == value
    assert take(value.encode()) == value


@pytest.mark.parametrize(
    ("value", "trimmed"),
    [
        (b"x\n", b"x"),
        (b"x\r\n", b"x"),
        (b"x\n\n", b"x\n"),
        (b"x\r\n\r\n", b"x\r\n"),
        (b"x\n\r\n", b"x\n"),
        (b"x\r", b"x\r"),
        (b"x\r\r\n", b"x\r"),
        (b"x \n", b"x "),
        (b" x\t", b" x\t"),
        (b"\n", b""),
        (b"\r\n", b""),
        (b"", b""),
        (b"\nx", b"\nx"),
        ("x\x85".encode(), "x\x85".encode()),
        ("x\u2028\n".encode(), "x\u2028".encode()),
    ],
)
def test_trimming(value: bytes, trimmed: bytes) -> None:
    """Exactly one line end at the end, of files, unless the reference says otherwise."""
    assert take(value, from_file=True) == trimmed.decode()
    assert take(value, from_file=True, trim=False) == value.decode()
    assert take(value) == value.decode()
    assert take(value, trim=True) == trimmed.decode()
    assert take(value.decode(), trim=True) == trimmed.decode()


@pytest.mark.parametrize("is_file", [True, False])
def test_byte_order_mark(is_file: bool) -> None:
    """One byte order mark at the start of a text or JSON secret is dropped, in every store; `trim=false` keeps it."""
    mark, end = b"\xef\xbb\xbf", "" if is_file else "\r\n"
    for value in (mark + b"hunter2\r\n", (mark + b"hunter2\r\n").decode()):
        assert take(value, from_file=is_file) == f"hunter2{end}"
        assert take(value, from_file=is_file, trim=True) == "hunter2"
        assert take(value, from_file=is_file, trim=False) == "\ufeffhunter2\r\n"
        assert take(value, from_file=is_file, url="url", trim=True) == "hunter2"
    assert take(mark + b'{"a": "x"}', from_file=is_file, field="a") == "x"
    assert take(mark + b'{"a": 1}', from_file=is_file, as_="json") == '{"a":1}'
    assert take(mark + b"w6k=", from_file=is_file, decode="base64") == "\u00e9"
    assert take(mark + b"w6k=", from_file=is_file, decode="base64", as_="base64") == "w6k="
    assert take(base64.b64encode(mark + b"x"), from_file=is_file, decode="base64") == "x"
    # Bytes are not text, and a mark inside a text or a field is a character.
    assert take(mark + b"x", from_file=is_file, as_="base64") == base64.b64encode(mark + b"x").decode()
    assert take(mark * 2 + b"x", from_file=is_file) == "\ufeffx"
    assert take(json.dumps({"a": "\ufeffx"}), from_file=is_file, field="a") == "\ufeffx"
    assert take(mark, from_file=is_file) == ""


def test_base64() -> None:
    """Bytes that are no text are taken as base64, and base64 is decoded."""
    data = bytes(range(256))
    encoded = base64.b64encode(data).decode()
    assert take(data, as_="base64") == encoded
    assert take("é", as_="base64") == "w6k="
    assert take(encoded, decode="base64", as_="base64") == encoded
    assert take("w6k=", decode="base64") == "é"
    assert take("", decode="base64") == ""
    assert take(b"w6\nk=\r\n", decode="base64") == "é"
    assert take(json.dumps({"k": "w6k="}), field="k", decode="base64") == "é"
    assert take(json.dumps({"k": "é"}), field="k", as_="base64") == "w6k="
    assert take(b"w6k=\n", from_file=True, as_="base64") == base64.b64encode(b"w6k=").decode()


@pytest.mark.parametrize("value", ["w6k", "w6k==", "w 6k=", "w6k=x", "_-8=", "é", "=", "w6k=\x00", "w6k=\ufeff"])
def test_what_is_not_base64(value: str) -> None:
    """Text that is not base64 is an error with decode=base64."""
    assert refusal(value, decode="base64") == "the secret is not base64"


@pytest.mark.parametrize("value", [b"\xff", b"\xc3", b"\xed\xa0\x80", b"a\x80", "a\ud800", b"\xff\xfea\x00"])
def test_what_is_not_utf8(value: str | bytes) -> None:
    """Bytes that are not UTF-8 need as=base64."""
    assert refusal(value) == "the secret is not UTF-8 text"
    assert refusal(value, field="x") == "the secret is not UTF-8 text"
    if isinstance(value, bytes):
        assert take(value, as_="base64") == base64.b64encode(value).decode()


@pytest.mark.parametrize("selector", [{"field": "a"}, {"as_": "json"}, {"field": "a", "as_": "json"}])
def test_a_secret_that_is_not_json(selector: dict[str, Any]) -> None:
    """The cause is true for a field and for as=json."""
    assert refusal("not JSON", **selector) == "the secret is not JSON"


def test_decoded_bytes_that_are_not_utf8() -> None:
    """Decoded base64 and lone surrogates in JSON are refused if they are not UTF-8."""
    assert refusal("/w==", decode="base64") == "the secret is not UTF-8 text"
    assert take("/w==", decode="base64", as_="base64") == "/w=="
    assert refusal('{"a": "\\ud800"}', field="a") == "the secret is not UTF-8 text"
    assert take('{"a": "\\ud83d\\ude00"}', field="a") == "😀"


@pytest.mark.parametrize(
    ("value", "cause"),
    [
        *(
            (bad, "not JSON")
            for bad in ("", "x", "{", "{'a': 1}", '{"a": 1,}', '{"a": 1} x', '{"a": .5}', "\ufeff\ufeff{}")
        ),
        *((bad, "not JSON") for bad in ('{"a": 01}', '{"a": "x\ny"}', '{"a": +1}', "a=1", "<html>", '{"a": "\x00"}')),
        *((f'{{"a": {bad}}}', "JSON has not") for bad in ("NaN", "Infinity", "-Infinity")),
        *((bad, "not an object") for bad in ("1", '"a"', "null", "[1]", "true")),
        *(
            (bad, "one key twice")
            for bad in ('{"a": 1, "a": 2}', '{"b": {"c": 1, "c": 1}, "a": 1}', '{"a": 1, "\\u0061": 1}')
        ),
        ("[" * 100_000 + "]" * 100_000, "nested too deeply"),
        ('{"a":' * 100_000 + "1" + "}" * 100_000, "nested too deeply"),
    ],
    ids=lambda value: value[:20],
)
def test_json_that_has_no_field(value: str, cause: str) -> None:
    """Each kind of JSON without the field has an error of its own."""
    assert cause in refusal(value, field="a")


def test_deep_json_as_json() -> None:
    """JSON that can be read but not written back is an error."""
    assert refusal("[" * 100_000 + "]" * 100_000, as_="json") == "the secret's JSON is nested too deeply"
    deep = "[" * 900 + "]" * 900
    chosen = select(Payload(deep), Selector(as_="json"))
    assert isinstance(chosen, Failed) or chosen.reveal() == deep


def test_large_values() -> None:
    """Ten megabytes pass as they are, and a field of them is found."""
    large = "x\u2028" * 3_000_000
    assert take(large.encode()) == large
    assert take(json.dumps({"a": large, "b": 1}), field="b") == "1"


def test_errors_hold_nothing_of_the_value(canary: CanaryFactory) -> None:
    """No error and no exception chain holds a part of the value."""
    secret = canary()
    values: list[str | bytes] = [
        secret,
        f'{{"a": "{secret}"',
        f'{{"{secret}": 1, "{secret}": 2}}',
        f'["{secret}"]',
        secret.encode() + b"\xff",
        f'{{"a": {{"b": "{secret}"}}}}',
        f'"{secret}\\ud800"',
        f'{{"a": "{secret}\\ud800"}}',
        f'{{"a": [{"[" * 5000}"{secret}"{"]" * 5000}]}}',
    ]
    for value in values:
        for selector in (
            Selector(field="a"),
            Selector(field="/a/0"),
            Selector(decode="base64"),
            Selector(as_="json", field="b"),
        ):
            chosen = select(Payload(value), selector)
            if isinstance(chosen, Failed):
                canary.assert_clean(repr(chosen))


_json = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(),
    lambda inner: st.lists(inner) | st.dictionaries(st.text(), inner),
)


@given(st.dictionaries(st.text(min_size=1), _json), st.booleans())
@examples(40)
def test_every_member_can_be_named(document: dict[str, object], ascii_only: bool) -> None:
    """Every member is reached by its pointer, and by its key if the key is not a pointer."""
    text = json.dumps(document, ensure_ascii=ascii_only)
    for key, value in document.items():
        pointer = "/" + key.replace("~", "~0").replace("/", "~1")
        for field in (pointer, *([] if key.startswith("/") else [key])):
            chosen = select(Payload(text), Selector(field=field, as_="json"))
            if isinstance(chosen, Failed):  # half of a surrogate pair
                assert chosen.cause == "the secret is not UTF-8 text"
            else:
                assert json.loads(chosen.reveal()) == value


def _without_values(value: object) -> object:
    return {key: _without_values(inner) for key, inner in value.items()} if isinstance(value, dict) else None


_paths = st.lists(st.sampled_from(["a", "b", "0", "", "a/b", "~"]), min_size=1, max_size=3)
_short = st.recursive(
    st.none() | st.integers() | st.text(max_size=2),
    lambda inner: st.lists(inner, max_size=2) | st.dictionaries(st.sampled_from(["a", "b", "", "a/b", "~"]), inner),
)


@given(st.dictionaries(st.sampled_from(["a", "b", "", "a/b", "~"]), _short), _paths, st.sampled_from([None, "json"]))
@examples(200)
def test_names_of_fields_tell_the_same_as_the_value(
    document: dict[str, object], path: list[str], as_: str | None
) -> None:
    """A field that the names refuse is refused in the value, and a field of the value is never refused by the names."""
    field = "".join("/" + name.replace("~", "~0").replace("/", "~1") for name in path)
    selector = Selector(field=field, as_=as_)
    names = {key: _without_values(value) for key, value in document.items()}
    told, chosen = find_field(names, selector), select(Payload(json.dumps(document)), selector)
    if isinstance(told, Failed):
        assert isinstance(chosen, Failed)
        assert told.cause == chosen.cause
    elif isinstance(chosen, Failed) and told:
        assert chosen.cause in ("this field is null", "this field is a list")


@pytest.mark.parametrize(
    ("field", "as_", "expected"),
    [
        ("password", None, True),
        ("passwrd", None, "the secret has no such field; did you mean #password?"),
        ("zzz", None, "the secret has no such field; fix the field's name, or the secret"),
        ("/db/port", None, True),
        ("/db/prt", None, "the secret has no such field; did you mean #/db/port?"),
        ("db", None, "this field is an object; take it with ?as=json, or name a field inside it"),
        ("db", "json", True),
        ("/hosts/0", None, False),
        ("/password/x", None, False),
        ("ghp_abcdEFGH1234abcdEFGH1234abcdEFGH123", None, "the secret has no such field; fix"),
    ],
)
def test_a_field_by_its_name_alone(field: str, as_: str | None, expected: bool | str) -> None:
    """The outcome without the values, with the nearest name, unless that name looks like a value."""
    token = "ghp_" + "abcdEFGH1234" * 3
    names = {"password": None, "hosts": None, "db": {"port": None}, token: None}
    told = find_field(names, Selector(field=field, as_=as_))
    if isinstance(told, Failed):
        assert f"{told.cause}; {told.hint}".startswith(str(expected))
        assert token not in str(told)
    else:
        assert told is expected


@given(
    st.text(),
    st.sampled_from([None, "a", "/a", "/0"]),
    st.sampled_from([None, "base64"]),
    st.sampled_from([None, "json"]),
)
def test_no_payload_raises(value: str, field: str | None, decode: str | None, as_: str | None) -> None:
    """Any payload is taken or has failed; none raises."""
    assert isinstance(select(Payload(value), Selector(field=field, decode=decode, as_=as_)), Secret | Failed)


@pytest.mark.parametrize("field", ["f@", "/f@", "/list/@", "F@", "f@.x", "/f@/x", "/object/@"])
def test_time_grows_with_the_number_of_fields(assert_linear: AssertLinear, field: str) -> None:
    """Time grows linearly with the number of fields of one secret, if each of them is asked for, found or not."""

    def prepare(size: int) -> Action:
        members = {f"f{index}": index for index in range(size)}
        text = json.dumps({**members, "list": list(members), "object": members})
        selectors = [Selector(field.replace("@", str(index))) for index in range(size)]

        def read() -> list[object]:
            payload = Payload(text)
            return [select(payload, selector) for selector in selectors]

        return read

    assert_linear(prepare, 50)


@pytest.mark.parametrize(
    "form",
    ['{"a":"@"}', '{"a":@1}', '{"a"@:1}', '{@"a":1}', '@"a"', "[@1]", '{"a":1,@', '["@', "@"],
)
@pytest.mark.parametrize("unit", ["x", " ", "1", '\\"', "\\u0041", '"b":1,', "1,", "[", '{"a":', "\\"])
def test_time_grows_with_the_length_of_a_document(assert_linear: AssertLinear, form: str, unit: str) -> None:
    """Time grows linearly with the length of a JSON secret, valid or not."""
    assert_linear(
        lambda size: lambda: select(Payload(form.replace("@", unit * (size // len(unit)))), Selector("a")), 400
    )
