"""Templates give what `run` gives, in the template engine that External Secrets uses."""

import json
import random
import re

import pytest

from secretsync.config.config import Config
from secretsync.core.model import Entry, Selector
from secretsync.core.secret import AnyEnviron, Payload, Secret
from secretsync.exporting.entries import read_source
from secretsync.exporting.go_template import quoted, template_of
from secretsync.exporting.remote_refs import gjson_path
from secretsync.planning.planner import make_plan
from secretsync.project.bindings import Bindings
from secretsync.project.env_file import EnvFile
from secretsync.project.layout import Project, SourceFile
from secretsync.providers.aws.provider import AwsProvider
from secretsync.resolving.extract import select
from secretsync.resolving.resolve import resolve
from secretsync.resolving.stores import StoreAccess
from secretsync.testing import MemoryProvider
from tests.exporting.engine import ask_engine
from tests.rendering.formats.hostile import hostile_strings

OPTIONS = ("", "?as=url", "?as=base64", "?as=text")


class _Memory(MemoryProvider):
    spec = AwsProvider.spec


def _usable(text: str) -> str:
    """Return `text` without what a manifest or an env file cannot have, and without a byte order mark."""
    return re.sub("[\0\ufeff\ud800-\udfff]", "", text)


def _written(literal: str) -> str:
    """Return a literal as the text of an entry, so that no `$` in it opens a placeholder or variable."""
    return re.sub(r"\$+(?=[<{]|$)", lambda found: found[0] * 2, literal).rstrip("\\")


def test_templates_equal_the_values_of_run(request: pytest.FixtureRequest) -> None:
    """Execute templates of hostile texts and secrets (10,000 in a long run), and compare each byte with `run`."""
    count, seed = request.config.getoption("--hostile"), request.config.getoption("--hostile-seed")
    texts = [_usable(text) for text in hostile_strings(2 * count, seed)]
    literals, secrets = texts[:count], texts[count:]
    drawn = random.Random(seed)
    store = _Memory({f"s{number}": secret for number, secret in enumerate(secrets)})
    entries = tuple(
        Entry(
            key=f"KEY_{number}",
            text=f"{_written(literal)}$<aws:s{number}{drawn.choice(OPTIONS)}>-{number}",
            literal=False,
            file="env/test/security.env",
            line=number + 1,
            service=None,
            source="",
        )
        for number, literal in enumerate(literals)
    )
    file = EnvFile(file="env/test/security.env", service=None, entries=entries)
    shown = SourceFile(path="/nowhere/env/test/security.env", shown=file.file, service=None)
    project = Project(root="/nowhere", environment="test", is_strict=False, files=(shown,), bindings=None)
    plan, problems = make_plan(project, [file], Bindings(), AnyEnviron({}), None, {"aws": store.spec})
    assert plan is not None, [str(problem) for problem in problems[:3]]
    config = resolve(plan, StoreAccess({}, replaced={"aws": store}).values(plan), {})
    assert isinstance(config, Config)

    items = [item for scope in read_source(plan).scopes for item in scope.items]
    # An entry whose text looks like a password is refused, and no template of it exists.
    assert len(items) > 0.95 * count
    answers = ask_engine(
        [
            {
                "template": template_of(item.pieces, lambda taken: f"X_{taken.target.ref.path}"),
                "data": {f"X_{one.target.ref.path}": secrets[int(one.target.ref.path[1:])] for one in item.secrets},
            }
            for item in items
        ]
    )
    wrong = [item.key for item, answer in zip(items, answers, strict=True) if answer != config[item.key]]
    assert wrong == []


def test_a_missing_secret_is_an_error_of_the_template() -> None:
    """Return no text if a name in a template has no value."""
    assert ask_engine([{"template": "{{ .ABSENT }}", "data": {}}]) == [None]


def test_a_literal_is_ascii_without_a_line_break() -> None:
    """Write no character that an editor or a reader of YAML could change."""
    for text in hostile_strings(500, seed=3):
        literal = quoted(_usable(text))
        assert literal.isascii()
        assert literal.isprintable()


def test_properties_name_the_same_field_as_a_reference() -> None:
    """Compare what gjson reads at a property with what SecretSync reads at the field, for hostile names of fields."""
    names = [name for text in hostile_strings(3000, seed=5) if (name := _usable(text)) and not name.startswith("/")]
    questions, expected = [], []
    for number, name in enumerate(names):
        pointer = "/" + name.replace("~", "~0").replace("/", "~1") + "/1/in.side"
        document = {name: f"top {number}", "decoy": "no", f"{name}2": "no"}
        nested = {name: ["no", {"in.side": f"nested {number}"}], f"{name}.1.in.side": "no"}
        for field, content in ((name, document), (pointer, nested)):
            text = json.dumps(content, ensure_ascii=False)
            questions.append({"document": text, "property": gjson_path(field)})
            found = select(Payload(text), Selector(field=field))
            assert isinstance(found, Secret)
            expected.append(found.reveal())
    answers = ask_engine(questions)
    answered = zip(questions, answers, expected, strict=True)
    wrong = [(question, answer) for question, answer, right in answered if answer != right]
    assert wrong == []


def test_fields_that_are_no_strings_differ_as_documented() -> None:
    """Keep the table of differences on the page of platforms true."""
    documents = {
        '{"x": 1.10}': "1.1",
        '{"x": 1e3}': "1000",
        '{"x": null}': "",
        '{"x": "a", "x": "b"}': "a",
        '{"x": true}': "true",
        '{"x": 12}': "12",
    }
    answers = ask_engine([{"document": document, "property": "x"} for document in documents])
    assert answers == list(documents.values())
    assert ask_engine([{"document": '["a", "b"]', "property": gjson_path("/01")}]) == ["b"]
