"""python-dotenv's parser, without the rest of python-dotenv: that imports logging, tempfile and more."""

from __future__ import annotations

import os
import sys
from importlib.machinery import PathFinder, SourceFileLoader
from types import ModuleType
from typing import IO, TYPE_CHECKING, cast

if TYPE_CHECKING:
    from collections.abc import Iterator

    from dotenv.parser import Binding

__all__ = ["parse_stream"]


def _parser() -> ModuleType:
    """The module `dotenv.parser`, under a name of ours where the package itself was not imported yet."""
    if "dotenv" not in sys.modules and (package := PathFinder.find_spec("dotenv")) is not None and package.origin:
        path = os.path.join(os.path.dirname(package.origin), "parser.py")
        if os.path.isfile(path):
            loader = SourceFileLoader("secretsync._dotenv_parser", path)
            module = ModuleType(loader.name)
            module.__file__ = path
            sys.modules[loader.name] = module  # NamedTuple and typing look their module up
            loader.exec_module(module)
            return module
    from dotenv import parser

    return parser


def parse_stream(stream: IO[str]) -> Iterator[Binding]:
    """The statements of an env file, one by one, as python-dotenv reads them."""
    return cast("Iterator[Binding]", _PARSER.parse_stream(stream))


_PARSER = _parser()
