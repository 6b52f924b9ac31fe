"""Every form in which libraries write a secret is masked, for secrets and neighbours of hostile characters."""

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from secretsync import Secret
from secretsync.config.masking.masker import Masker
from tests.support.secret_forms import FORMS

MASK = "********"
ATOMS = (
    *("'", '"', "\\", "\\\\", "%", "%41", "%%s", "&", "&amp;", "<", ">", "/", "+", "-", "_", "=", "?", "#", "@", ":"),
    *(" ", "\t", "\r\n", "\n", "$", "${A}", "$(id)", "`", "!", "\x7f", "\x1b", "\x00", "\u0085", "\u2028", "\ufeff"),
    *("é", "ß", "漢", "😀", "\\n", "\\x41", "\\u0041", "u0041", "a", "B", "7", "Zz9", "export ", "EOF", "null", "''"),
)
text = st.lists(st.sampled_from(ATOMS), max_size=12).map("".join)
secrets = st.lists(st.sampled_from(ATOMS), min_size=4, max_size=40).map("".join)


@given(secret=secrets, before=text, after=text, others=st.lists(secrets, max_size=3), far=st.booleans())
@example(secret="p4ss", before="", after="", others=[], far=True)
@example(secret="n\"a'b\\c/é&<%41 😀", before="", after="", others=["other"], far=True)
def test_each_form_is_masked(secret: str, before: str, after: str, others: list[str], far: bool) -> None:
    """The encoded secret is replaced by the mask, at the start of a text and far from it."""
    words = "some words, " * 20 if far else ""
    masker = Masker([Secret(one) for one in (secret, *others)])
    # All forms of one secret: drawing it takes longer than masking it.
    for form, encode in FORMS.items():
        encoded = encode(secret)
        masked = masker.text(f"{before} {words}[{encoded}]{words} {after}")
        assert MASK in masked, form
        # The ends of base64 may be those of neighbours.
        core = encoded.removeprefix("Basic dXNlc")[6:-6] if "base64" in form or form == "Basic" else encoded
        assert len(core) < 6 or core not in masked, form


@pytest.mark.parametrize("form", [name for name in FORMS if "base64" not in name and name != "Basic"])
def test_the_text_around_a_form_is_kept(form: str) -> None:
    """The mask takes the place of the secret alone."""
    secret = "n\"a'b\\c/é&<%41 😀"
    encoded = FORMS[form](secret)
    masked = Masker([Secret(secret)]).text(f"100% of ünï [{encoded}], it's \\n")
    before, _, after = masked.partition(MASK)
    assert before.startswith("100% of ünï [")
    assert after.endswith("], it's \\n")
    assert f"[{encoded}]".startswith(before[12:])
    assert f"[{encoded}], it's \\n".endswith(after)
    assert len(before + after) <= len("100% of ünï [], it's n" + 'postgresql://app:@db:5432/app?a=%20b"""\\"""')
