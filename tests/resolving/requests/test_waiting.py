"""What is reported while requests are sent again."""

import logging
from collections.abc import Sequence

import pytest

from secretsync.core.errors import ProblemKind
from secretsync.core.model import Failed
from secretsync.providers.interface import Deadline
from secretsync.providers.remote import RequestError, Retries
from secretsync.resolving.requests.waiting import LogDisplay, WaitReporter
from tests.servers.faults import FaultProxy, respond, running
from tests.servers.openbao import VaultSpace
from tests.support.projects import MakeProject


class _Screen:
    """Keeps what is shown."""

    interval = 10.0

    def __init__(self) -> None:
        self.shown: list[Sequence[str]] = []
        self.has_ended = False

    def show(self, lines: Sequence[str]) -> None:
        self.shown.append(lines)

    def end(self) -> None:
        self.has_ended = True


class _Clock:
    """A clock that a test moves."""

    def __init__(self) -> None:
        self.time = 1000.0

    def __call__(self) -> float:
        return self.time


def test_the_first_report_is_after_two_seconds() -> None:
    """Report first after two seconds, then at the interval, one line for each store."""
    screen, clock = _Screen(), _Clock()
    reporter = WaitReporter(Deadline(300.0), screen, clock)
    causes = {"vault": "it is sealed (503)", "aws": "the server refuses connections"}
    seen = []
    for second in range(25):
        clock.time = 1000.0 + second
        reporter.report(causes)
        seen.append(len(screen.shown))
    assert [second for second in range(1, 25) if seen[second] > seen[second - 1]] in ([2, 12, 22], [3, 13, 23])
    aws, vault = screen.shown[0]
    assert aws.startswith("aws: waiting: the server refuses connections (")
    assert vault.startswith("vault: waiting: it is sealed (503) (")
    assert vault.endswith(" s left)")
    reporter.end()
    assert screen.has_ended


def test_nothing_is_reported_without_a_wait() -> None:
    """Show nothing if no store is waited for."""
    screen, clock = _Screen(), _Clock()
    reporter = WaitReporter(Deadline(300.0), screen, clock)
    clock.time += 60
    reporter.report({})
    assert screen.shown == []


def test_the_library_logs(caplog: pytest.LogCaptureFixture) -> None:
    """Log a warning if no display is given."""
    clock = _Clock()
    reporter = WaitReporter(Deadline(300.0), LogDisplay(), clock)
    clock.time += 5
    with caplog.at_level(logging.WARNING):
        reporter.report({"vault": "it is sealed (503)"})
    assert "vault: waiting: it is sealed (503)" in caplog.text


def test_retries_report_their_waits() -> None:
    """Report the cause before each pause, and the end of the wait after an answer."""
    notes: list[str | None] = []
    retries = Retries(Deadline(300.0).shared(notes.append), sleep=lambda _: None, draw=lambda low, _: low)
    left = [2]

    def attempt() -> str:
        if left[0]:
            left[0] -= 1
            raise RequestError(Failed(ProblemKind.UNAVAILABLE, "down"), is_retryable=True)
        return "answer"

    assert retries.run(attempt) == "answer"
    assert notes == ["down", "down", None]


def test_an_answer_at_once_is_no_wait() -> None:
    """Report nothing about a request that is answered at once, or that is not sent again."""
    notes: list[str | None] = []
    retries = Retries(Deadline(300.0).shared(notes.append))
    assert retries.run(lambda: 1) == 1
    error = RequestError(Failed(ProblemKind.DENIED, "denied"))

    def deny() -> None:
        raise error

    with pytest.raises(RequestError):
        retries.run(deny)
    assert notes == []


@pytest.mark.parametrize("quiet", [False, True])
def test_the_command_line(project: MakeProject, vault: VaultSpace, *, quiet: bool) -> None:
    """Print the store, the cause and the time that is left, except with --quiet."""
    proxy = FaultProxy(vault.url)
    app = project({".env": "A=$<vault:kv/app#a>\n"})
    argv = ["run", "--env-file", ".env", "--timeout", "5s", *(["-q"] if quiet else []), "--", "true"]
    with running(proxy):
        proxy.fail(respond(503))
        result = app.cli(*argv, env={"VAULT_ADDR": proxy.url, "VAULT_TOKEN": "token"}, expect=5)
    assert ("secretsync: vault: waiting: it failed (503) (" in result.stderr) is not quiet
