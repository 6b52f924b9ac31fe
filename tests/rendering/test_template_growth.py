"""The time and memory of reading and filling a template grow linearly with its size."""

import contextlib
from collections.abc import Callable
from pathlib import Path

import pytest

from secretsync.core.errors import SecretSyncError
from secretsync.core.model import Resolved
from secretsync.rendering.syntaxes import ESCAPES
from secretsync.rendering.template_escape import insert_values
from secretsync.rendering.template_file import read_template
from tests.support.growth import AssertLinear
from tests.support.plans import config_of

FORMS = {
    "placeholders": "x: ${A}\n",
    "different placeholders": "x: ${A@}\n",
    "quoted": "x: \"${A}\" '$<m:x>'\n",
    "comments": "# ${A}\n// ${A}\n",
    "literals": "$$<x $${y\n",
    "unclosed placeholders": "x $<\n",
    "unclosed variables": "x ${\n",
    "unclosed nested variables": "${A:-",
    "unclosed quotes": "x '${A} \" ",
    "unclosed comments": "/* ${A} ",
    "unclosed brackets": "[ { ( ${A}",
    "unclosed commands": '"$( ` ${A}',
    "here documents": "x <<E <<F ${A}\n",
    "block scalars": "x: |\n  ${A}\n",
    "without placeholders": "x: 1 # y\n",
    "blanks": "    ",
    "backslashes": "\\",
}


@pytest.mark.parametrize("escape", ESCAPES)
@pytest.mark.parametrize("form", FORMS.values(), ids=FORMS)
def test_time_grows_with_the_length_of_a_template(
    assert_linear: AssertLinear, tmp_path: Path, form: str, escape: str
) -> None:
    """A template of many placeholders, comments or unclosed constructs takes linear time."""
    value: Resolved = config_of({"common": "A=1"}, stores={}).resolved()["A"]

    def prepare(size: int) -> Callable[[], object]:
        path = tmp_path / f"template-{size}"
        path.write_text("".join(form.replace("@", str(index)) for index in range(size)))

        def fill() -> None:
            with contextlib.suppress(SecretSyncError):
                template = read_template(str(path), escape)
                insert_values(escape, template.pieces(dict.fromkeys((entry.key for entry in template.entries), value)))

        return fill

    assert_linear(prepare, 40)
