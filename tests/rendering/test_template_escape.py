"""Values inserted into templates: read back by the template's own reader, or refused."""

import json
import subprocess
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from secretsync.core.errors import OutputError, UsageError
from secretsync.rendering.syntaxes import ESCAPES
from secretsync.rendering.template_escape import insert_values
from tests.rendering.formats.hostile import CANARY_FILE, hostile_strings


def inserted(kind: str, template: str, *values: str) -> str:
    """`template` with `values` at its `@`s."""
    texts = template.split("@")
    pieces: list[str | tuple[str, str]] = [texts[0]]
    for number, (value, text) in enumerate(zip(values, texts[1:], strict=True)):
        pieces += [(f"V{number}", value), text]
    return insert_values(kind, pieces, file="app.tmpl")


def reason(kind: str, template: str, *values: str) -> str:
    """Return the message by which a value is refused."""
    with pytest.raises(OutputError) as caught:
        inserted(kind, template, *values)
    assert caught.value.exit_status == 6
    return str(caught.value)


@pytest.fixture
def strings(request: pytest.FixtureRequest) -> list[str]:
    """Hostile strings that are text."""
    count = request.config.getoption("--hostile")
    drawn = hostile_strings(count, request.config.getoption("--hostile-seed") + 1)
    return [text for text in drawn if "\0" not in text and text.encode(errors="replace").decode() == text]


def test_json(strings: list[str]) -> None:
    """In a string, with text around it and an escaped quote before it."""
    template = '{"before": "\\"\\\\", "a": "x @ y", "@": 1, "after": [true]}'
    for text in strings:
        found = json.loads(inserted("json", template, text, f"key{text}"))
        assert found == {"before": '"\\', "a": f"x {text} y", f"key{text}": 1, "after": [True]}


def test_json_outside_of_a_string() -> None:
    """Numbers and words of JSON, and nothing that would be structure."""
    for text in ("0", "-1", "3306", "1.10", "1e400", "true", "false", "null"):
        assert inserted("json", '{"a": @}', text) == f'{{"a": {text}}}'
    for text in ("", "01", "1,2", '1, "b": 2', '"x"', "NaN", "True", "[1]", " 1", "1\n"):
        assert "outside of double quotes" in reason("json", '{"a": @}', text)


YAML_TEMPLATES = (
    (
        '# don\'t "care"\na: "x @ y" # it\'s\nb: [1, "@"]\nc: plain it\'s "so"\nd: "z"\n',
        lambda one, two: {"a": f"x {one} y", "b": [1, two], "c": 'plain it\'s "so"', "d": "z"},
    ),
    ('- "@"\n-   {k: "@", "l":"m"}\n', lambda one, two: [one, {"k": two, "l": "m"}]),
    (
        'a: |\n  it\'s "text"\n\n  more\nb: "@"\nc: >-\n  x\nd:\n  - !!str "\\"@"\n',
        lambda one, two: {"a": 'it\'s "text"\n\nmore\n', "b": one, "c": "x", "d": [f'"{two}']},
    ),
    ("a: 'it''s @'\nb: \"@\"\n", None),
)


@pytest.mark.parametrize(("template", "expected"), YAML_TEMPLATES[:3])
def test_yaml(strings: list[str], template: str, expected: Callable[[str, str], Any]) -> None:
    """In double quotes, wherever YAML lets them stand."""
    yaml = pytest.importorskip("yaml", reason="needs PyYAML, which is not here")
    for text in strings:
        loader = getattr(yaml, "CSafeLoader", yaml.SafeLoader)
        assert yaml.load(inserted("yaml", template, text, text), Loader=loader) == expected(text, text)


def test_yaml_single_quotes(strings: list[str]) -> None:
    """Exact, or refused where single quotes have no escape for it."""
    yaml = pytest.importorskip("yaml", reason="needs PyYAML, which is not here")
    refused = 0
    for text in strings:
        try:
            rendered = inserted("yaml", YAML_TEMPLATES[3][0], text, text)
        except OutputError:
            refused += 1
            continue
        assert yaml.safe_load(rendered) == {"a": f"it's {text}", "b": text}
    assert 0 < refused < len(strings)


def test_yaml_elsewhere() -> None:
    """Whole numbers and booleans; no comment, no block scalar, no plain text takes a value."""
    for text in ("0", "3306", "true", "false"):
        assert inserted("yaml", "port: @\n", text) == f"port: {text}\n"
    for text in ("no", "012", "1e3", "1.10", "a: b", "null", "", "~", "2020-01-01", "1_000", "x"):
        assert "outside of quotes" in reason("yaml", "a: @\n", text)
    assert "comment" in reason("yaml", 'a: 1 # "@"\n', "x")
    assert "comment" in reason("yaml", "#@\n", "1")
    for template in ("a: |\n  @\n", 'a: |\n  b: "@"\n', "a:\n  - >-\n    x\n    @\n", 'a: | # c\n\n  "@"\n'):
        assert "block scalar" in reason("yaml", template, "1")
    assert "outside of quotes" in reason("yaml", 'a: say "@"\n', "x")
    assert "outside of quotes" in reason("yaml", 'a: "b"\nc:"@"\n', "x")


SHELL_TEMPLATE = """# don't "do" that
unset NOTHING
ONE=@
TWO="say @ \\" $NOTHING"
THREE='it'\\''s @'
FOUR=x@y # it's "
set -- a"@"b
printf '%s\\0' "$ONE" "$TWO" "$THREE" "$FOUR" "$1"
"""


@pytest.mark.parametrize("shell", ["dash", "bash", "busybox ash", "mksh", "zsh"])
def test_shell(strings: list[str], shell: str, tmp_path: Path) -> None:
    """Outside of quotes, in double and in single ones, and no command is run."""
    script = tmp_path / "script"
    batches = [strings[start : start + 100] for start in range(0, len(strings), 100)]
    for batch in batches:
        script.write_text("".join(inserted("shell", SHELL_TEMPLATE, *[text] * 5) for text in batch), newline="")
        try:
            done = subprocess.run([*shell.split(), str(script)], cwd=tmp_path, capture_output=True, check=False)
        except FileNotFoundError:
            pytest.skip(f"needs {shell}, which is not here")
        assert (done.returncode, done.stderr) == (0, b"")
        found = done.stdout.decode().split("\0")[:-1]
        expected = [[text, f'say {text} " ', f"it's {text}", f"x{text}y", f"a{text}b"] for text in batch]
        assert [found[start : start + 5] for start in range(0, len(found), 5)] == expected
        assert not (tmp_path / CANARY_FILE).exists()


@pytest.mark.parametrize(
    ("template", "words"),
    [
        ("# @\n", "comment"),
        ("cat <<EOF\n@\nEOF\n", "here document"),
        ("A=`echo @`\n", "backticks"),
        ('A="$(echo "@")"\n', "command within double quotes"),
        ('A="${B:-@}"\n', "other quoting rules"),
        ('A="${B:-"@"}"\n', "quotes within quotes"),
        ("A=$'@'\n", "other quoting rules"),
        ("A=\\@\n", "backslash"),
        ('A="$@"\n', "dollar sign"),
        ("A=$@\n", "dollar sign"),
        ("A=$((@))\n", "arithmetic"),
        ("A=$((1 + (@)))\n", "arithmetic"),
        ("A=$[@]\n", "arithmetic"),
        ("((i = @))\n", "arithmetic"),
        ("cat <<-'E' <<F\nE\n@\nF\n", "here document"),
        ("cat <<EOF @\nEOF\n", "here document"),
        ('A="`echo @`"\n', "backticks"),
    ],
)
def test_shell_places_that_take_no_value(template: str, words: str) -> None:
    """Where other rules hold, or where we cannot tell."""
    assert words in reason("shell", template, "value")


def test_shell_after_substitutions_outside_of_quotes() -> None:
    """A command in parentheses has the same quoting as the line around it."""
    assert inserted("shell", "A=$(echo '@') B=@\n", "it's", "x") == "A=$(echo 'it'\\''s') B='x'\n"


@pytest.mark.parametrize(
    "before", ["cat <<EOF\nit's\nEOF\n", 'A=`echo "x"`\n', 'A="$(cd "$(dirname "$0")" && pwd)"\n', 'A="${B:-"c"}"\n']
)
def test_shell_after_constructs_that_take_no_value(before: str) -> None:
    """A value is possible again after the end of a here document, a command or quotes within quotes."""
    assert inserted("shell", f"{before}A=@ B='@'\n", "it's", "x") == f"{before}A='it'\\''s' B='x'\n"


@pytest.mark.parametrize("kind", ["json", "yaml"])
@pytest.mark.parametrize("escape", ["\\", "\\u", "\\u00", "\\x4", "\\\\\\"])
def test_values_after_a_part_of_an_escape(kind: str, escape: str) -> None:
    """A value must not become a part of an escape of the template."""
    assert "backslash" in reason(kind, f'{{"a": "{escape}@"}}', "0041")


def test_json5_single_quotes(strings: list[str]) -> None:
    """A value in single quotes cannot end them."""
    for text in strings:
        found = inserted("json", "{'a': '@'}", text)[7:-2]
        assert "'" not in found
        assert json.loads(f'"{found}"') == text


def test_none() -> None:
    """The escape `none` inserts a value unchanged."""
    assert inserted("none", "proxy_set_header X '@';\n", "a'b\n") == "proxy_set_header X 'a'b\n';\n"


@pytest.mark.parametrize("kind", sorted(ESCAPES))
def test_what_is_no_text(kind: str) -> None:
    """NUL and halves of surrogate pairs are refused everywhere, with label, file and line, all at once."""
    message = reason(kind, 'first\n"@"\n"@"\n', "a\0SENTINEL", "\ud800SENTINEL")
    assert message.split("\n")[0].startswith("app.tmpl:2: V0: ")
    assert message.split("\n")[1].startswith("app.tmpl:3: V1: ")
    assert "SENTINEL" not in message


def test_no_frame_of_the_error_holds_a_value() -> None:
    """An error reporter that walks over frames finds none in ours."""
    with pytest.raises(OutputError) as caught:
        insert_values("json", ['{"a": ', ("V", "a value nobody sees"), "}"])
    frames = [entry.frame.f_locals for entry in caught.traceback if "secretsync" in str(entry.path)]
    assert frames
    assert "nobody" not in repr(frames)


def test_unknown_kind() -> None:
    """The message says what there is."""
    with pytest.raises(UsageError, match="json, none, shell, yaml"):
        insert_values("toml", ["x"])
