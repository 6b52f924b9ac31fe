"""Names of variables that decide what a process does."""

import pytest

from secretsync.running.unsafe_variables import NAMES, PREFIXES, is_unsafe_variable


@pytest.mark.parametrize(
    "name",
    [
        *("PATH", "HOME", "SHELL", "USER", "LOGNAME", "IFS", "ENV", "BASH_ENV", "PS1", "PS4", "PROMPT_COMMAND"),
        *("LD_PRELOAD", "LD_AUDIT", "DYLD_INSERT_LIBRARIES", "PYTHONPATH", "PYTHONSTARTUP", "NODE_OPTIONS", "PERL5OPT"),
        *("RUBYOPT", "JAVA_TOOL_OPTIONS", "GIT_SSH_COMMAND", "SSL_CERT_FILE", "HTTPS_PROXY", "no_proxy", "GITHUB_ENV"),
        *("RUNNER_TEMP", "BASH_FUNC_x%%", "npm_config_registry"),
    ],
)
def test_steering(name: str) -> None:
    """Variables that control programs are unsafe unless they are allowed by name."""
    assert is_unsafe_variable(name)
    assert not is_unsafe_variable(name, {name})
    assert is_unsafe_variable(name, {"OTHER", name + "X"})


@pytest.mark.parametrize(
    "name", ["SECRET_KEY", "DB_PASSWORD", "MY_PATH", "HOMEPAGE", "PROXY_PASSWORD", "DATABASE_USER"]
)
def test_not_steering(name: str) -> None:
    """Names of applications' own settings."""
    assert not is_unsafe_variable(name)


def test_the_list_is_written_the_way_it_is_looked_up() -> None:
    """Upper case, and nothing that a prefix says already."""
    assert all(name == name.upper() for name in (*NAMES, *PREFIXES))
    assert not [name for name in NAMES if name.startswith(PREFIXES)]
