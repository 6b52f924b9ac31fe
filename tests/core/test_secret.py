"""A Secret never becomes its mask where a value is wanted."""

import base64
import copy
import csv
import hashlib
import hmac
import io
import json
import logging
import operator
import os
import pathlib
import pprint
import shlex
import string
import urllib.parse
from collections.abc import Callable
from typing import Any

import pytest

from secretsync import Secret
from secretsync.core.secret import HiddenValue, Payload
from secretsync.providers.vault.credentials import Token
from tests.support.canary import CanaryFactory

REFUSED: dict[str, Callable[[Any], object]] = {
    "str": str,
    "f-string": lambda secret: f"{secret}",
    "f-string !s": lambda secret: f"{secret!s}",
    "f-string with a specification": lambda secret: f"{secret:>20}",
    "format": format,
    "str.format": "{}".format,
    "format_map": lambda secret: "{a}".format_map({"a": secret}),
    "bytes": bytes,
    "secret + str": lambda secret: secret + "x",
    "str + secret": lambda secret: "x" + secret,
    "secret + bytes": lambda secret: secret + b"x",
    "bytes + secret": lambda secret: b"x" + secret,
    "secret + secret": lambda secret: secret + secret,
    "secret % str": lambda secret: secret % "x",
    "secret % tuple": lambda secret: secret % ("x",),
    "%s": lambda secret: "%s" % secret,  # noqa: UP031 - one of the ways
    "%s in a tuple": lambda secret: "%s" % (secret,),  # noqa: UP031 - another
    "%(a)s": lambda secret: "%(a)s" % {"a": secret},  # noqa: UP031 - another
    "%s of bytes": lambda secret: b"%s" % secret,
    "%b of bytes": lambda secret: b"%b" % (secret,),
    "secret * 2": lambda secret: secret * 2,
    "2 * secret": lambda secret: 2 * secret,
    "len": len,
    "iter": iter,
    "list": list,
    "set": set,
    "unpacking": lambda secret: [*secret],
    "in": lambda secret: "x" in secret,
    "int": int,
    "float": float,
    "index": operator.index,
    "fspath": os.fspath,
    "open": open,
    "print": lambda secret: print(secret, file=io.StringIO()),
    "json default": lambda secret: json.dumps([secret], default=str),
    "urlencode": lambda secret: urllib.parse.urlencode({"a": secret}),
    "urlencode of sequences": lambda secret: urllib.parse.urlencode({"a": secret}, doseq=True),
    "csv": lambda secret: csv.writer(io.StringIO()).writerow([secret]),
    "Template": lambda secret: string.Template("$a").substitute(a=secret),
}
FAILS: dict[str, Callable[[Any], object]] = {
    "%d": lambda secret: "%d" % secret,  # noqa: UP031 - one of the ways
    "no directive": lambda secret: "x" % secret,  # noqa: F507, UP031 - the mistake
    "join": lambda secret: "".join([secret]),  # noqa: FLY002 - one of the ways
    "join of bytes": lambda secret: b"".join([secret]),
    "join over it": ",".join,
    "indexing": lambda secret: secret[0],
    "slicing": lambda secret: secret[:3],
    "in text": lambda secret: secret in "text",
    "bytearray": bytearray,
    "Path": pathlib.Path,
    "memoryview": memoryview,
    "json": lambda secret: json.dumps({"a": secret}),
    "json key": lambda secret: json.dumps({secret: 1}),
    "quote": urllib.parse.quote,
    "quote_plus": urllib.parse.quote_plus,
    "urljoin": lambda secret: urllib.parse.urljoin("http://a", secret),
    "encode": lambda secret: secret.encode(),
    "strip": lambda secret: secret.strip(),
    "<": lambda secret: secret < "x",
    "hmac key": lambda secret: hmac.new(secret, b"x", "sha256"),
    "hmac message": lambda secret: hmac.new(b"x", secret, "sha256"),
    "hmac.digest": lambda secret: hmac.digest(secret, b"x", "sha256"),
    "compare_digest": lambda secret: hmac.compare_digest(secret, "x"),
    "sha256": hashlib.sha256,
    "base64": base64.b64encode,
    "environ": lambda secret: os.environ.__setitem__("SECRETSYNC_TEST", secret),
    "os.path.join": lambda secret: os.path.join("a", secret),
    "shlex.quote": shlex.quote,
    "write": lambda secret: io.StringIO().write(secret),
    "replace": lambda secret: "a".replace("a", secret),
}


@pytest.mark.parametrize("way", REFUSED)
def test_its_operations_name_the_method_to_call(way: str, canary: CanaryFactory) -> None:
    """A TypeError that names `.reveal()` and shows neither the value nor the mask."""
    with pytest.raises(TypeError, match=r"a Secret is not text.*\.reveal\(\)") as caught:
        REFUSED[way](Secret(canary()))
    canary.assert_clean(str(caught.value))
    assert "***" not in str(caught.value)


@pytest.mark.parametrize("way", FAILS)
def test_functions_that_want_text_or_bytes_fail(way: str, canary: CanaryFactory) -> None:
    """An error of the function's own, without the value."""
    with pytest.raises((TypeError, AttributeError)) as caught:
        FAILS[way](Secret(canary()))
    canary.assert_clean(str(caught.value))


@pytest.mark.parametrize("make", [Secret, Payload, Token])
def test_every_single_hidden_value_refuses(make: Callable[[str], HiddenValue], canary: CanaryFactory) -> None:
    """A value of a store and the token of a store refuse to become text."""
    hidden = make(canary())
    for way in ("str", "f-string", "bytes", "str + secret", "secret + bytes", "%s"):
        with pytest.raises(TypeError, match=rf"a {make.__name__} is not text.*\.reveal\(\)"):
            REFUSED[way](hidden)
    assert repr(hidden) == f"<{make.__name__} ********>"
    assert hidden


def test_repr_is_a_mask(canary: CanaryFactory) -> None:
    """With `!r`, `%r`, `=`, and inside containers."""
    secret = Secret(canary())
    assert repr(secret) == f"{secret!r}" == "%r" % secret == "<Secret ********>"  # noqa: UP031 - one of the ways
    assert f"{secret=}" == "secret=<Secret ********>"
    assert str([secret]) == pprint.pformat([secret]) == "[<Secret ********>]"


def test_comparisons_and_keys(canary: CanaryFactory) -> None:
    """Equal secrets are equal, as keys of a dictionary too; no text equals a Secret."""
    value = canary()
    secret, other = Secret(value), Secret(canary())
    assert secret == Secret(value)
    assert secret != other
    assert {secret: 1}[Secret(value)] == 1
    assert (secret == value, value == secret, secret == value.encode()) == (False, False, False)
    assert {value: 1}.get(secret) is None  # type: ignore[call-overload]
    assert secret not in [value, other]
    assert bool(secret)
    assert not Secret("")
    assert copy.deepcopy([secret])[0] is secret


@pytest.mark.reveals
def test_logging_without_the_filter_shows_no_value(
    canary: CanaryFactory, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """`%s` ends in the error report of `logging`, which shows the mask; `%r` is logged."""
    monkeypatch.setattr(logging, "raiseExceptions", True)
    logger = logging.Logger("app")  # noqa: LOG001 - getLogger's have handlers of pytest
    logger.addHandler(logging.StreamHandler(stream := io.StringIO()))
    logger.info("key %s", Secret(canary()))
    logger.info("key %r", Secret(canary()))
    shown = capsys.readouterr().err
    assert "Arguments: (<Secret ********>,)" in shown
    assert stream.getvalue() == "key <Secret ********>\n"
    canary.assert_clean(shown)
