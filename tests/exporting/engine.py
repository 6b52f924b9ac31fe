"""Ask the libraries of External Secrets, and check objects against its schemas."""

import json
import re
import subprocess
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

from tests.rendering.formats.fetch_readers import TEMPLATE_ENGINE
from tests.support.tools import needs

_SCHEMAS = json.loads((Path(__file__).parent / "schemas" / "external-secrets.json").read_text())["schemas"]
_TYPES = {"object": dict, "array": list, "string": str, "boolean": bool, "integer": int}


def ask_engine(questions: Sequence[Mapping[str, Any]]) -> list[str | None]:
    """Return the answer to each question: a template with data, or a document with a property. None: an error."""
    program = TEMPLATE_ENGINE / "engine"
    needs(program.is_file(), "Go with the libraries of External Secrets")
    done = subprocess.run([str(program)], input=json.dumps(questions).encode(), capture_output=True, check=True)
    answers: list[str | None] = json.loads(done.stdout)
    return answers


def schema_errors(manifest: Mapping[str, Any]) -> list[str]:
    """Return what the schema of External Secrets refuses in an object; a field that it does not have is refused."""
    schema = dict(_SCHEMAS[f"{manifest['apiVersion']} {manifest['kind']}"])
    # Kubernetes itself defines the metadata of an object.
    parts = {name: value for name, value in manifest.items() if name != "metadata"}
    return list(_errors(parts, schema, manifest["kind"]))


def _errors(value: Any, schema: Mapping[str, Any], place: str) -> Iterator[str]:
    wanted = schema.get("type")
    if wanted is not None and not (
        isinstance(value, _TYPES[wanted]) and (wanted == "boolean" or not isinstance(value, bool))
    ):
        yield f"{place}: not of the type {wanted}"
        return
    if isinstance(value, dict):
        yield from _object_errors(value, schema, place)
    elif isinstance(value, list):
        for index, one in enumerate(value):
            yield from _errors(one, schema["items"], f"{place}[{index}]")
    elif isinstance(value, str):
        yield from _text_errors(value, schema, place)


def _object_errors(value: Mapping[str, Any], schema: Mapping[str, Any], place: str) -> Iterator[str]:
    known = schema.get("properties", {})
    others = schema.get("additionalProperties")
    if not schema.get("minProperties", 0) <= len(value) <= schema.get("maxProperties", len(value)):
        yield f"{place}: {len(value)} properties"
    yield from (f"{place}: {name} is missing" for name in schema.get("required", ()) if name not in value)
    for name, one in value.items():
        if name not in known and not isinstance(others, dict):
            yield f"{place}: {name} is unknown"
        else:
            yield from _errors(one, known.get(name, others), f"{place}.{name}")


def _text_errors(value: str, schema: Mapping[str, Any], place: str) -> Iterator[str]:
    if "enum" in schema and value not in schema["enum"]:
        yield f"{place}: not one of {schema['enum']}"
    if "pattern" in schema and not re.search(schema["pattern"], value):
        yield f"{place}: does not match {schema['pattern']}"
    if not schema.get("minLength", 0) <= len(value) <= schema.get("maxLength", len(value)):
        yield f"{place}: {len(value)} characters"
