"""How much a run does: the number of hypothesis examples, hostile strings and killed writers."""

from typing import Any, NamedTuple

import hypothesis
import pytest


class Amount(NamedTuple):
    """The counts of one kind of run."""

    examples: int  # of a property test that does not ask for a number of its own
    hostile: int  # strings for each format and reader
    variables: int  # values compared with compose-go
    kills: int  # of a writer, each at a random instant
    configurations: int  # random ones that `run` starts
    calls: int  # of `resolve_config` in one process
    signals: int  # that a supervised application acknowledges, in each kind of place
    files: int  # TOML files that a JSON Schema judges
    interrupts: int  # of each call of the library, each at a random line
    swaps: int  # of a file for a link while it is rendered
    imports: int  # generated env files, in each of eight tests
    env_files: int  # random ones that are read in both ways


AMOUNTS = {
    "fast": Amount(
        examples=5,
        hostile=50,
        variables=100,
        kills=3,
        configurations=10,
        calls=100,
        signals=10,
        files=100,
        interrupts=10,
        swaps=200,
        imports=4,
        env_files=2000,
    ),
    "normal": Amount(
        examples=100,
        hostile=1000,
        variables=1000,
        kills=30,
        configurations=100,
        calls=300,
        signals=100,
        files=500,
        interrupts=100,
        swaps=1000,
        imports=25,
        env_files=10_000,
    ),
    "long": Amount(
        examples=1000,
        hostile=10_000,
        variables=20_000,
        kills=1000,
        configurations=10_000,
        calls=10_000,
        signals=1000,
        files=20_000,
        interrupts=1000,
        swaps=10_000,
        imports=250,
        env_files=1_000_000,
    ),
}
PROFILE = "secretsync"
DEFAULT_SEED = 20261124

# The machine may be slow and shared, so that the duration of an example proves nothing. The examples are the same in
# every run, so that a run fails only because of a change; `--hypothesis-seed=NUMBER` draws others.
_STEADY: dict[str, Any] = {
    "deadline": None,
    "print_blob": True,
    "suppress_health_check": [hypothesis.HealthCheck.too_slow],
}


def examples(count: int) -> hypothesis.settings:
    """Return the settings of a property test that needs `count` examples in a normal run."""
    profile = hypothesis.settings.get_profile(PROFILE)
    share = profile.max_examples / AMOUNTS["normal"].examples
    return hypothesis.settings(max_examples=max(min(count, 5), round(count * share)))


def pytest_addoption(parser: pytest.Parser) -> None:
    """Add the options that decide how much a run does."""
    group = parser.getgroup("secretsync")
    group.addoption("--amount", choices=AMOUNTS, default="normal", help="how much the property tests do")
    group.addoption("--hostile", type=int, help="hostile strings for each format and reader; default: by --amount")
    group.addoption("--hostile-seed", type=int, default=DEFAULT_SEED, help="seed of strings, configurations and kills")
    group.addoption("--configurations", type=int, help="random configurations that run starts; default: by --amount")
    group.addoption("--kills", type=int, help="how often a writer is killed at a random instant; default: by --amount")


def pytest_configure(config: pytest.Config) -> None:
    """Fill in the counts, and load the hypothesis profile before a test module is imported."""
    amount = AMOUNTS[config.option.amount]
    for name in ("hostile", "kills", "configurations"):
        if getattr(config.option, name) is None:
            setattr(config.option, name, getattr(amount, name))
    is_seeded = config.getoption("hypothesis_seed", None) is not None
    profile = hypothesis.settings(max_examples=amount.examples, derandomize=not is_seeded, **_STEADY)
    hypothesis.settings.register_profile(PROFILE, profile)
    hypothesis.settings.load_profile(PROFILE)


def pytest_report_header(config: pytest.Config) -> list[str]:
    """Print what repeats this run."""
    option = config.option
    seed = config.getoption("hypothesis_seed", None)
    drawn = "the same in each run" if seed is None else f"--hypothesis-seed={seed}"
    counts = f"--hostile={option.hostile} --hostile-seed={option.hostile_seed} --kills={option.kills} "
    counts += f"--configurations={option.configurations}"
    amount = AMOUNTS[option.amount]
    counts += f"; {amount.interrupts} interrupts of each call, {amount.swaps} swaps for a link"
    return [f"amount: {option.amount} ({counts}; examples: {drawn})"]
