"""The stream masker: the output does not depend on how the bytes are cut into chunks."""

import json
from base64 import b64encode
from urllib.parse import quote

import pytest
from hypothesis import given
from hypothesis import strategies as st

from secretsync.config.masking.masker import Masker
from secretsync.core.secret import MASK, Secret
from secretsync.supervising.stream_masker import StreamMasker
from tests.support.amounts import examples
from tests.support.canary import CanaryFactory

# Few characters, so that secrets overlap, begin alike and hold each other.
NARROW = st.text("ab%\\\"'é", min_size=4, max_size=12)
WIDE = st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\n"), min_size=4, max_size=40)
SECRETS = st.lists(NARROW | WIDE, min_size=1, max_size=5)
FORMS = (
    str,
    quote,
    lambda text: json.dumps(text)[1:-1],
    lambda text: b64encode(text.encode()).decode(),
    lambda text: text.encode().hex(),
)


@st.composite
def outputs(draw: st.DrawFn) -> tuple[list[str], list[bytes]]:
    """Return secrets, and the chunks of an output with their forms, other texts, line ends and bytes of any kind."""
    secrets = draw(SECRETS)
    forms = st.builds(lambda secret, form: form(secret).encode(), st.sampled_from(secrets), st.sampled_from(FORMS))
    prefixes = st.builds(lambda secret, end: secret.encode()[:end], st.sampled_from(secrets), st.integers(1, 10))
    others = st.sampled_from([b"\n", b"\r\n", b" ", b"\0", b"\xff\xfe", "é".encode(), b"text "]) | st.binary(max_size=9)
    data = b"".join(draw(st.lists(forms | prefixes | others, max_size=30)))
    cuts = sorted(draw(st.lists(st.integers(0, len(data)), max_size=10)))
    return secrets, [data[start:end] for start, end in zip([0, *cuts], [*cuts, len(data)], strict=True)]


def masked_whole(masker: Masker, data: bytes) -> bytes:
    """Return the whole output, masked line by line."""
    lines = data.decode("utf-8", "surrogateescape").split("\n")
    return "\n".join(map(masker.text, lines)).encode("utf-8", "surrogateescape")


@given(outputs())
@examples(300)
def test_chunks_do_not_matter(case: tuple[list[str], list[bytes]]) -> None:
    """The masked chunks together are the masked whole text."""
    values, chunks = case
    secrets = list(map(Secret, values))
    masker = Masker(secrets)
    stream = StreamMasker(masker, secrets)
    written = b"".join([*(stream.feed(chunk) for chunk in chunks), stream.finish()])
    assert written == masked_whole(masker, b"".join(chunks))


@given(st.lists(WIDE, min_size=1, max_size=5), st.data())
@examples(100)
def test_long_lines(values: list[str], data: st.DataObject) -> None:
    """No secret is cut in a line that is longer than what is kept, and nothing else changes."""
    secrets = list(map(Secret, values))
    masker = Masker(secrets)
    texts = data.draw(st.lists(st.sampled_from([*values, "-" * 200, "x" * 900]), min_size=5, max_size=60))
    whole = "  ".join(texts).encode()
    size = data.draw(st.integers(1, 3000))
    stream = StreamMasker(masker, secrets, longest_line=500)
    parts = [stream.feed(whole[start : start + size]) for start in range(0, len(whole), size)]
    assert b"".join([*parts, stream.finish()]) == masked_whole(masker, whole)


@given(st.lists(st.binary(max_size=300), max_size=10))
def test_binary_output_is_not_damaged(chunks: list[bytes]) -> None:
    """Bytes without a secret stay as they are."""
    secrets = [Secret("a secret that is in none of the chunks")]
    stream = StreamMasker(Masker(secrets), secrets, longest_line=100)
    parts = [part for chunk in chunks for part in (stream.feed(chunk), stream.partial())]
    assert b"".join([*parts, stream.finish()]) == b"".join(chunks)


def test_a_partial_line_keeps_the_beginning_of_a_secret(canary: CanaryFactory) -> None:
    """A prompt is written at once, and the beginning of a secret waits for its rest."""
    value = canary()
    secrets = [Secret(value)]
    stream = StreamMasker(Masker(secrets), secrets)
    assert stream.feed(b"Password: ") == b""
    assert stream.partial() == b"Password: "
    assert not stream.has_kept
    stream.feed(value[:10].encode())
    assert stream.partial() == b""
    assert stream.has_kept
    assert stream.feed(value[10:].encode() + b"!\n") == f"{MASK}!\n".encode()


@pytest.mark.parametrize("form", FORMS)
def test_forms(canary: CanaryFactory, form: "type[str]") -> None:
    """Encoded secrets are masked across chunks as in log records."""
    value = canary(after=" ü\"%'")
    secrets = [Secret(value)]
    masker = Masker(secrets)
    stream = StreamMasker(masker, secrets)
    line = f"a {form(value)} b\n".encode()
    written = b"".join(stream.feed(bytes([byte])) for byte in line)
    assert written == masked_whole(masker, line)
    assert MASK.encode() in written


def test_lines_of_a_secret(canary: CanaryFactory) -> None:
    """Each longer line of a secret of several lines is masked."""
    values = [canary() for _ in range(3)]
    secrets = [Secret("\n".join(values) + "\n")]
    stream = StreamMasker(Masker(secrets), secrets)
    assert stream.feed("\r\n".join(values).encode() + b"\n") == f"{MASK}\r\n{MASK}\r\n{MASK}\n".encode()


def test_the_longest_secret_is_masked_as_a_whole(canary: CanaryFactory) -> None:
    """A secret inside another one, and secrets that overlap, become one mask."""
    value = canary()
    secrets = [Secret(value[:12]), Secret(value), Secret(value[-8:] + "tail")]
    stream = StreamMasker(Masker(secrets), secrets)
    assert stream.feed(f"{value} {value}tail\n".encode()) == f"{MASK} {MASK}\n".encode()


def test_memory_is_bounded() -> None:
    """A line without an end is written in parts, also if it consists of secrets only."""
    secrets = [Secret("abab"), Secret("baba")]
    stream = StreamMasker(Masker(secrets), secrets, longest_line=1000)
    for _ in range(300):
        stream.feed(b"ab" * 100)
    assert len(stream.finish()) < 20_000
