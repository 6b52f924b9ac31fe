"""Describe the ways to log in to a store: which inputs each needs, which of them are set, and the next step."""

from __future__ import annotations

import os
from collections.abc import Iterable, Sequence
from enum import StrEnum

from secretsync.core.records import Record
from secretsync.core.text import path_or
from secretsync.providers.inputs import Given, InputRule, check, find
from secretsync.providers.interface import StoreContext


class LoginState(StrEnum):
    """The state of one way to log in."""

    USED = "used"
    INCOMPLETE = "incomplete"  # it is chosen, and an input is missing or malformed
    NOT_REACHED = "not looked for"  # another way is before it
    ABSENT = "not found"
    UNSEEN = "asked at a request"  # a platform endpoint, which no input shows


class Login(Record, kw_only=True):
    """One way to log in. All texts are names of settings, variables, files and endpoints, and never contents.

    `found`: the inputs that are set. `missing`: the inputs that are needed and not set. `mistakes`: of the inputs.
    `hint`: the next step that makes this way complete.
    """

    name: str
    state: LoginState
    found: tuple[str, ...] = ()
    missing: tuple[str, ...] = ()
    mistakes: tuple[str, ...] = ()
    hint: str = ""


class Way(Record, kw_only=True):
    """One way to log in, before it is known whether it is used. The fields are those of Login.

    `is_unseen`: only a request shows whether this way exists.
    """

    name: str
    found: tuple[str, ...] = ()
    missing: tuple[str, ...] = ()
    mistakes: tuple[str, ...] = ()
    hint: str = ""
    is_unseen: bool = False

    @property
    def is_begun(self) -> bool:
        """True if an input of this way is set."""
        return bool(self.found or self.mistakes)

    @property
    def is_complete(self) -> bool:
        """True if all inputs of this way are set and well formed."""
        return bool(self.found) and not self.missing and not self.mistakes


def look(
    context: StoreContext,
    name: str,
    needed: Iterable[InputRule],
    *,
    optional: Iterable[InputRule] = (),
    hint: str = "",
) -> Way:
    """Return a way to log in, with the inputs that settings, variables and files give.

    `needed`, `optional`: the inputs. `hint`: the next step; empty means: set the inputs that are missing.
    """
    found, missing, mistakes, steps = [], [], [], []
    for rules, is_needed in ((needed, True), (optional, False)):
        for rule in rules:
            given = find(context, rule)
            is_default = given is not None and given.text == rule.default
            if given is None or (is_default and not os.access(given.text, os.R_OK)):
                missing += [input_names(rule)] if is_needed else []
            elif (failed := None if is_default else check(context, (rule,))) is not None:
                mistakes.append(failed.cause)
                steps += [failed.hint] if failed.hint else []
            else:
                found.append(_place(given, is_default=is_default))
    steps += [hint] if hint else [f"set {name}" for name in missing]
    return Way(
        name=name, found=tuple(found), missing=tuple(missing), mistakes=tuple(mistakes), hint=", and ".join(steps)
    )


def input_names(rule: InputRule) -> str:
    """Return the settings, variables and files of an input, in the order in which they are looked for."""
    names = [*(f"the setting {name}" for name in (rule.setting, rule.file) if name), *rule.names]
    return " or ".join(names + ([rule.default] if rule.default else []))


def _place(given: Given, *, is_default: bool) -> str:
    if is_default:
        return f"the file {given.text}"
    return given.name if given.path is None else f"{given.name} (the file {path_or(given.text, 'that it names')})"


def checklist(ways: Sequence[Way], chosen: int | None) -> tuple[Login, ...]:
    """Return the ways with their states. `chosen`: the number of the way that is used; None if none is."""
    last = len(ways) if chosen is None else chosen
    states = [LoginState.NOT_REACHED if number > last else _state(way) for number, way in enumerate(ways)]
    return tuple(map(_judged, ways, states))


def _state(way: Way) -> LoginState:
    if way.is_unseen:
        return LoginState.UNSEEN
    if way.is_complete:
        return LoginState.USED
    return LoginState.INCOMPLETE if way.is_begun else LoginState.ABSENT


def _judged(way: Way, state: LoginState) -> Login:
    return Login(
        name=way.name,
        state=state,
        found=way.found,
        missing=way.missing,
        mistakes=way.mistakes,
        hint="" if state in (LoginState.USED, LoginState.NOT_REACHED) else way.hint,
    )


def first_begun(ways: Sequence[Way]) -> int | None:
    """Return the number of the first way of which an input is set, or that only a request shows; None without one."""
    return next((number for number, way in enumerate(ways) if way.is_begun or way.is_unseen), None)
