"""Comments of templates: they stay as written, and everything that a reader sees is filled."""

import json
import re
import subprocess
import sys
from pathlib import Path
from random import Random

import pytest
import yaml

from secretsync.core.errors import ConfigurationError
from secretsync.rendering.template_file import read_template
from tests.support.tools import needs_tool


def live(folder: Path, escape: str, text: str) -> set[str]:
    """Return the placeholders of a template that are no comments."""
    path = folder / "template"
    path.write_text(text, encoding="utf-8", newline="")
    return {entry.key.strip("$<>") for entry in read_template(str(path), escape).entries}


COMMENTED = {
    "yaml": [
        "# @",
        '#@\na: "$<live>"',
        'a: 1 # old: "@"',
        "a: don't # @",
        'a: "x # y"\t# @',
        "a: 'it''s' # @",
        "a: https://x/#y # @",
        "a: |  # @\n  text",
        "a: |\n  text\n# @",
        "a:\n  b: |\n      text\n    # @\n  c: 1",
        "- a: |\n    text\n  # @\n  b: 1",
        "a: >-2\n    text\n # @",
        "a: plain\n  'tis \"continued\n  # @",
        '[a, # @\n"b"]',
        "--- # @",
        "--- |\n  text\n---\n# @",
        "&anchor a: !tag # @",
        '"a":\n  # @\n  b',
        "a: b\r\n# @\r\n",
        "\ufeff# @",
        "# $$<X> @ ${NOT_SET} $< ${",
    ],
    "shell": [
        "# @",
        "a=b # @",
        "a=b;# @",
        "(cmd)# @",
        'a="$(cd "$(dirname "$0")" && pwd)" # @',
        'a="$${b:-"c"}" # @',
        "cat <<EOF\nit's # text\nEOF\n# @",
        "cat <<-'E F'\n\tit's\n\tE F\n# @",
        "cat <<A <<\"B\"\n'\nA\n'\nB\n# @",
        'a=`echo "x"` # @',
        "a=$'x' # @",
        "a=$$# # @",
        "a=$((1 << 2)) # @",
        "echo a \\\n# @",
        "echo $( # it's @\n)",
        "cat <<< x # @",
        "# $$<X> @ ${NOT_SET} $< ${",
    ],
    "json": [
        "// @",
        '{"a": "$<live>"} // @',
        "// don't @",
        "/* @ */",
        "/* it's\n// @ \n* / @ */ {}",
        '{"a": /* @ */ 1, // @\n"b": 2}',
        "{'a': 'it\\'s' /* @ */}",
        '["https://x" // @\n]',
        "// $$<X> @ ${NOT_SET} $< ${",
    ],
}


@pytest.mark.parametrize(("escape", "text"), [(kind, text) for kind, texts in COMMENTED.items() for text in texts])
def test_comments_stay_as_written(escape: str, text: str, tmp_path: Path) -> None:
    """No placeholder of a comment becomes an entry, and the text of the comment is unchanged."""
    written = text.replace("@", "$<docker:gone>")
    assert "docker:gone" not in live(tmp_path, escape, written)
    parts = read_template(str(tmp_path / "template"), escape).parts
    assert written.count("$<docker:gone>") == sum(getattr(part, "text", "").count("$<docker:gone>") for part in parts)


NOT_COMMENTED = {
    "yaml": [
        '"# @"',
        "'# @'",
        "a#@",
        "a: https://x/#@",
        "a: |\n  # @",
        "a: >\n\n   x\n   # @",
        "- |\n # @",
        "- a: |\n    # @",
        "--- |\n # @",
        "a:\n  |\n  # @",
        "a: |2\n   # @",
        'a: "x\n  # @"',
        "a: 'x''# @'",
        '{"a":"# @"}',
        "// @",
        "; @",
    ],
    "shell": [
        '"# @"',
        "'# @'",
        "a#@",
        "a=b#@",
        "\\# @",
        "a\\\n# @",
        "echo \\ # @",
        "$${a# @}",
        "'\\' '# @'",
        "cat <<EOF\n# @\nEOF",
        "cat <<-EOF\n  EOF\n# @\nEOF",
        "cat <<'EOF'\n# @\n EOF\nEOF",
        "$'\\\\' \"# @\"",
        "// @",
        "; @",
        "$((16 # @))",
    ],
    "json": [
        '"// @"',
        '"/* @ */"',
        "'// @'",
        '"\\"// @"',
        "/**/ @",
        "// x\n@",
        "/* // */ @",
        "# @",
        '"https://@"',
        "http://@",
    ],
    "none": ["# @", "// @", "/* @ */", "; @", "-- @", "<!-- @ -->", "! @", "rem @"],
}


@pytest.mark.parametrize(("escape", "text"), [(kind, text) for kind, texts in NOT_COMMENTED.items() for text in texts])
def test_texts_that_only_look_like_comments(escape: str, text: str, tmp_path: Path) -> None:
    """A marker in a string, in a URL, in a word or of another syntax does not begin a comment."""
    assert live(tmp_path, escape, text.replace("@", "$<docker:here>")) == {"docker:here"}


def test_a_comment_that_is_not_closed(tmp_path: Path) -> None:
    """An error before any store is asked, because the reader of the file would refuse it."""
    with pytest.raises(ConfigurationError, match=r"template: a comment that begins with /\* is not closed; close it"):
        live(tmp_path, "json", '{"a": "$<docker:x>"} /* see $<docker:gone>')


@pytest.mark.parametrize("text", ["$<", "$<nostore", "$<a b>", "${1}", "${A", "$<docker:x?y=1&>"])
def test_mistakes_name_the_way_to_write_a_literal(text: str, tmp_path: Path) -> None:
    """A file of another language may contain `$<` or `${` that is not a placeholder."""
    with pytest.raises(ConfigurationError) as caught:
        live(tmp_path, "none", f"first\n  {text}")
    assert str(caught.value).startswith(f"{tmp_path}/template:2:3: ")
    assert f"$${text[1]}" in str(caught.value)


Pairs = list[tuple[str, str]]


def drawn(config: pytest.Config, atoms: list[str], share: int) -> Pairs:
    """Draw texts of `atoms` with placeholders, and the same texts with words in their places.

    `share`: how many texts for each hostile string of the run.
    """
    random = Random(config.getoption("--hostile-seed"))
    pairs = []
    for _ in range(share * config.getoption("--hostile")):
        texts = random.choices([*atoms, *["@"] * (len(atoms) // 6)], k=random.randint(2, 14))
        template = "".join(f"$<M{index}>" if text == "@" else text for index, text in enumerate(texts))
        plain = "".join(f"QQ{index}Q" if text == "@" else text for index, text in enumerate(texts))
        if "$<" in template and "\\$<" not in template:
            pairs.append((template, plain.replace("$${", "${")))
    return pairs


def markers(template: str, seen: str) -> set[str]:
    """Return the placeholders whose words are in what a reader saw."""
    return {name for name in re.findall(r"\$<(M\d+)>", template) if f"QQ{name[1:]}Q" in seen}


YAML = [
    "\n",
    "\n  ",
    "\n    ",
    "\n- ",
    "\n  - ",
    "a: ",
    "b: ",
    '"',
    "'",
    " ",
    "# ",
    " # ",
    "#",
    "|-\n  ",
    "x",
    "[",
    "]",
]
YAML += [
    "{",
    "}",
    ", ",
    "- ",
    "!t ",
    "&a ",
    ": ",
    '"a": ',
    "''",
    '\\"',
    "\n---\n",
    "key: |\n  ",
    "key: >\n    ",
    "don't",
]
YAML += ["\t", "? ", "|2\n   ", "https://", '"x # y"', "'# '", "k: v # "]


def test_yaml_agrees_with_its_parser(request: pytest.FixtureRequest, tmp_path: Path) -> None:
    """A placeholder is left as written exactly if PyYAML does not see it."""
    compared = 0
    for template, plain in drawn(request.config, YAML, 20):
        try:
            events = list(yaml.parse(plain, Loader=yaml.SafeLoader))
        except yaml.YAMLError:
            continue
        seen = "\0".join(str([getattr(event, name, "") for name in ("value", "anchor", "tag")]) for event in events)
        found = live(tmp_path, "yaml", template)
        assert markers(template, seen) <= found
        # The specification demands white space before `#`, and no blank line that is longer than a block scalar's
        # indent. Other readers differ in a block scalar at column 0.
        if not re.search(r"""["'\[\]{},]#|[|>][-+0-9]*[ \t]*\n *\n|(?:^|\n)(?:--- )?[|>]""", plain):
            assert markers(template, seen) == found
            compared += 1
    assert compared


def run_batch(pairs: Pairs, command: list[str], texts: str) -> list[str | None]:
    """Return what a program answers for many texts at once."""
    done = subprocess.run(command, input=texts, capture_output=True, text=True, check=True)
    answers: list[str | None] = json.loads(done.stdout)
    assert len(answers) == len(pairs)
    return answers


JSON = ["\n", '"', "'", "//", "/*", "*/", "{", "}", "[", "]", ",", ":", "1", '"a":', "\\", '\\"', "\\'", " ", "[1]"]
JSON += ['"https://', '{"a":', '{"a":1}', "//x\n", "/*y*/", '["', '"]', '"*/"', "'//'", '"b"', "\u2028"]
EVALUATE = """const texts = JSON.parse(require("fs").readFileSync(0));
console.log(JSON.stringify(texts.map(text => { try { return JSON.stringify(eval("(" + text + "\\n)")) ?? null }
catch (error) { return null } })));"""


def test_json5_agrees_with_a_javascript_engine(request: pytest.FixtureRequest, tmp_path: Path) -> None:
    """A placeholder is left as written only if JavaScript, of which JSON5 is a part, does not see it."""
    pairs = drawn(request.config, JSON, 20)
    answers = run_batch(pairs, [needs_tool("node"), "-e", EVALUATE], json.dumps([plain for _, plain in pairs]))
    assert any(answers)
    for (template, _), seen in zip(pairs, answers, strict=True):
        if seen is not None and not ("/*" in template and "*/" not in template):
            assert markers(template, seen) <= live(tmp_path, "json", template)


SHELL = ["\n", '"', "'", " ", "# ", " # ", "#", "$(", ")", "$${a", "$${a:-", "}", "`", "\\", "\\\n", "$((", "))", "1"]
SHELL += ["<<E\n", "\nE\n", '<<-"E"\n', "\n\tE\n", "a=", "echo ", "; ", "| cat", "$#", "$'", '"$(echo ', '")', "(", ")"]
SHELL += ["case x in a) echo ;; esac", "$${a%", "&& true", "<<<", "x", "\\'", '\\"', "'it'", '"x # y"']
FUNCTION = """import json, subprocess, sys
def seen(text):
    script = 'eval "f() {\\n:\\n$1\\n:\\n}" && declare -f f'
    done = subprocess.run(["bash", "-c", script, "-", text], capture_output=True)
    return None if done.returncode or done.stderr else done.stdout.decode()
print(json.dumps([seen(text) for text in json.load(sys.stdin)]))"""


def test_shell_agrees_with_bash(request: pytest.FixtureRequest, tmp_path: Path) -> None:
    """A placeholder is left as written only if bash, which prints a function without comments, does not print it."""
    needs_tool("bash")
    pairs = drawn(request.config, SHELL, 2)
    answers = run_batch(pairs, [sys.executable, "-c", FUNCTION], json.dumps([plain for _, plain in pairs]))
    assert any(answers)
    for (template, _), seen in zip(pairs, answers, strict=True):
        if seen is not None:
            assert markers(template, seen) <= live(tmp_path, "shell", template)
