"""What the formats promise beside the round trip: names, limits, order, messages, cost."""

import json
import os
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest

from secretsync.core.errors import OutputError, ProblemKind, UsageError
from secretsync.rendering import formats
from tests.rendering.formats import github_model

SOURCE = Path(formats.__file__).parents[3]
OPTIONS: Mapping[str, Mapping[str, str]] = {"kubernetes": {"name": "app"}}
ENV_LIKE = ("dotenv", "docker", "compose", "shell", "fish", "systemd", "node", "portable", "github", "null")
SECRET = "SENTINEL-of-a-secret"


def render(name: str, values: Mapping[str, str], **options: Any) -> str:
    """`values` in a format, with the options that it cannot do without."""
    return formats.render(name, values, **{**OPTIONS.get(name, {}), **options})


def refusals(name: str, values: Mapping[str, str], **options: Any) -> dict[str | None, str]:
    """Return the cause by key where a format refuses `values`."""
    with pytest.raises(OutputError) as caught:
        render(name, values, **options)
    assert caught.value.exit_status == 6
    assert all(problem.kind is ProblemKind.OUTPUT for problem in caught.value.problems)
    return {problem.key: problem.cause for problem in caught.value.problems}


def test_the_table_names_what_is_there() -> None:
    """Every format can be loaded, and has what the others have."""
    files = {path.stem.rstrip("_") for path in (SOURCE / "secretsync" / "rendering" / "formats").glob("*.py")}
    assert set(formats.FORMATS) == files - {"", "init", "__init", "shared"}
    for name, entry in formats.FORMATS.items():
        module = formats.load(name)
        assert entry.module == module.__name__
        assert {"refusal", "render"} <= vars(module).keys()
        assert entry.summary
        assert entry.reader


def imports(code: str) -> set[str]:
    """Return the modules that `code` brings in, beyond those of the package itself."""
    script = f"import sys, secretsync; before = set(sys.modules); {code}; print(*sorted(set(sys.modules) - before))"
    env = {**os.environ, "PYTHONPATH": str(SOURCE)}
    return set(subprocess.check_output([sys.executable, "-S", "-c", script], env=env, text=True).split())


@pytest.mark.parametrize("name", sorted(set(formats.FORMATS) - {"kubernetes"}))
def test_a_format_costs_next_to_nothing(name: str) -> None:
    """Rendering imports the format and no library: start-up time is what users wait for."""
    assert imports("import secretsync.rendering.formats") - {"secretsync.rendering"} <= {
        "secretsync.rendering.formats",
        "__future__",
    }
    brought = imports(
        f"import secretsync.rendering.formats; secretsync.rendering.formats.render({name!r}, {{'A': 'b'}})"
    )
    assert not brought & {"re", "json", "dataclasses", "typing", "enum", "inspect", "yaml", "string"}


@pytest.mark.parametrize("name", formats.FORMATS)
def test_order_and_bytes_are_the_same_each_time(name: str) -> None:
    """Sorted by key, whatever the order of the mapping and the hash seed."""
    values = {f"K{number}": f"v{number}" for number in range(50)}
    text = render(name, values)
    if name == "github":  # each delimiter is fresh
        return
    assert text == render(name, dict(reversed(values.items())))
    places = [text.index(f"{key}") for key in sorted(values)]
    assert places == sorted(places)
    script = "from secretsync.rendering import formats; "
    script += f"print(end=formats.render({name!r}, {values!r}, **{OPTIONS.get(name, {})!r}))"
    for seed in ("0", "1", "9"):
        env = {**os.environ, "PYTHONPATH": str(SOURCE), "PYTHONHASHSEED": seed}
        assert subprocess.check_output([sys.executable, "-c", script], env=env).decode() == text


@pytest.mark.parametrize("name", formats.FORMATS)
def test_nothing_to_render(name: str) -> None:
    """An empty configuration is a well-formed document."""
    assert render(name, {}).strip() in ("", "{}") or name == "kubernetes"


@pytest.mark.parametrize("name", ENV_LIKE)
def test_names(name: str) -> None:
    """Letters, digits, underscores, at most 255, and in some formats dots and hyphens; others are refused together."""
    good = dict.fromkeys(("A", "_a1", "a" * 255), "v")
    for key in good:
        assert key in render(name, {key: "v"})
    with_dots = ["A-B", "A.B", "a.b-c_d", "A.", "_-"]
    if name in ("docker", "compose", "null"):
        for key in with_dots:
            assert key in render(name, {key: "v"})
        with_dots = [".A", "-A", "1.A", "A.\u00c9"]
    bad = [*with_dots, "1A", "A B", "", "É", "A=B", "A\nB", "a" * 256, "A\0", "export A", "\u017f"]
    assert sorted(map(str, refusals(name, {**good, **dict.fromkeys(bad, "v")}))) == sorted(bad)


@pytest.mark.parametrize("name", formats.FORMATS)
def test_what_is_no_text(name: str) -> None:
    """NUL and halves of surrogate pairs are refused in every format; no message shows a value."""
    values = {"NUL": f"{SECRET}\0", "HALF": f"\ud800{SECRET}", "FINE": "v"}
    with pytest.raises(OutputError) as caught:
        render(name, values)
    assert [problem.key for problem in caught.value.problems] == ["HALF", "NUL"]
    text = str(caught.value)
    assert f"the format {name} cannot carry it" in text
    assert SECRET not in text
    assert str(len(values["NUL"])) not in text
    error: BaseException | None = caught.value
    while error is not None:
        frames, trace = [], error.__traceback__
        while trace is not None:
            if str(SOURCE / "secretsync") in trace.tb_frame.f_code.co_filename:
                frames.append(trace.tb_frame.f_locals)
            trace = trace.tb_next
        assert SECRET not in repr(frames)
        error = error.__context__


def test_usage_errors() -> None:
    """Unknown formats and options, and names that Kubernetes does not take."""
    with pytest.raises(UsageError, match="compose, docker, dotenv"):
        formats.render("no-format", {})
    with pytest.raises(UsageError, match="no option interpolating"):
        formats.render("json", {}, interpolating=True)
    for name in ("", "App", "a_b", "-a", "a-", "a..b", "a" * 254, "a\nb", '"'):
        with pytest.raises(UsageError, match="needs a name"):
            formats.render("kubernetes", {}, name=name)
    for namespace in ("", "a.b", "A", "a" * 64):
        with pytest.raises(UsageError, match="namespace"):
            formats.render("kubernetes", {}, name="a.b", namespace=namespace)


def test_docker_limits() -> None:
    """Line feeds, a carriage return at the end, lines that the CLI's buffer does not hold."""
    values = {"LF": "a\nb", "CR": "a\r", "LONG": "x" * (65_536 - 5), "WIDE": "é" * 32_766}
    assert set(refusals("docker", values)) == set(values)
    render("docker", {"CR": "a\rb", "LONG": "x" * (65_535 - 5), "WIDE": "é" * 32_765, "QUOTED": " 'a' "})


@pytest.mark.parametrize("name", ["compose", "shell", "fish", "systemd", "github"])
def test_what_no_process_can_be_started_with(name: str) -> None:
    """NAME=VALUE of 131,071 bytes is the most that Linux takes."""
    render(name, {"A": "x" * 131_069})
    assert "131,071 bytes" in refusals(name, {"A": "x" * 131_070})["A"]
    assert "131,071 bytes" in refusals(name, {"A": "é" * 65_535})["A"]


def test_kubernetes_limits() -> None:
    """Keys of 253 characters, 1 MiB of values together, and the characters of keys."""
    render("kubernetes", {"k" * 253: "v", "A": "é" * (2**19 - 1), "tls.key": "v"})
    assert refusals("kubernetes", {"k" * 254: "v"}).keys() == {"k" * 254}
    assert "1 MiB" in refusals("kubernetes", {"A": "é" * 2**19, "B": "v"})[None]
    assert set(refusals("kubernetes", dict.fromkeys(["a b", "..", "..a", ".", "", "é", "a/b"], "v"))) == {
        "a b", "..", "..a", ".", "", "é", "a/b",
    }  # fmt: skip


def test_dotenv_reasons() -> None:
    """The dotenv format names the reason and the dialect that can carry the value."""
    values = {"CR": "\r$<A>", "BACKSLASH": "a \n\\"}
    found = refusals("dotenv", values)
    assert "carriage return" in found["CR"]
    assert "backslash" in found["BACKSLASH"]
    assert render("dotenv", values, interpolating=True)


def test_github_names_and_masks() -> None:
    """Names of the runner are refused; every line of a secret is masked, and a setting is not."""
    blocked = ["NODE_OPTIONS", "node_options", "GITHUB_TOKEN", "RUNNER_TEMP", "github_x"]
    assert set(refusals("github", dict.fromkeys(blocked, "v"))) == set(blocked)
    values = {"KEY": "line 1\nline % 2\r\n\n::set-output name=x::y", "DEBUG": "true", "EMPTY": ""}
    log = formats.preamble("github", values, {"KEY", "EMPTY"})
    assert log.split("\n")[-1] == ""
    assert all(line.startswith("::add-mask::") for line in log.split("\n")[:-1])
    assert github_model.masks(log) == {"line 1", "line % 2", "::set-output name=x::y"}
    assert "line 1" in github_model.masks(formats.preamble("github", values))
    assert formats.preamble("json", values) == ""


@pytest.mark.parametrize(
    ("value", "masked"),
    [
        (
            json.dumps({"a": {"user": "app", "on": True}, "b": [None, "x"]}, indent=2),
            {'"a": {', '"user": "app",', '"on": true', '"b": ['},
        ),
        ("abc", set()),
        ("a\nb\nlong enough\n", {"long enough"}),
        ('----\n====\n}],\n""""', set()),
        ("true\nNULL,\n 'false' \nnone", set()),
        ("  indented: value\r\n", {"indented: value"}),
        ("1234", {"1234"}),
        ("pä$ß", {"pä$ß"}),
    ],
)
def test_github_masks_hide_no_other_output(value: str, masked: set[str]) -> None:
    """A line under four characters, punctuation alone and words of JSON are not masked."""
    assert github_model.masks(formats.preamble("github", {"KEY": value})) == masked


def test_github_delimiters(monkeypatch: pytest.MonkeyPatch) -> None:
    """They are 128 bits of chance, new for each value, and drawn again where the value has them as a line."""
    text = render("github", {f"K{number}": "v" for number in range(100)})
    delimiters = {line.split("<<")[1] for line in text.split("\n") if "<<" in line}
    assert len(delimiters) == 100
    assert all(len(delimiter) == len("secretsync_") + 32 for delimiter in delimiters)
    drawn = iter([b"\0" * 16, b"\1" * 16])
    monkeypatch.setattr(formats.load("github").os, "urandom", lambda count: next(drawn))
    taken = "secretsync_" + "00" * 16
    assert github_model.read(render("github", {"A": f"a\n{taken}\nB=c"}).encode(), Path()) == {"A": f"a\n{taken}\nB=c"}
