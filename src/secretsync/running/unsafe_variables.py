"""The names of environment variables that decide what a process runs, loads or trusts."""

# A person who may write a secret must not be able to run code in the application. So a value from a store is refused
# under these names, unless the user allows the name.
from __future__ import annotations

from secretsync.core.errors import OutputError, Problem

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Collection, Mapping

    from secretsync.core.model import Resolved

NAMES = frozenset(
    [
        # user, directories, and the search path of commands
        *("PATH", "HOME", "SHELL", "USER", "LOGNAME", "PWD", "OLDPWD", "CDPATH", "TMPDIR", "TERMINFO", "TERMCAP"),
        # shells
        *("IFS", "ENV", "BASH_ENV", "BASHOPTS", "SHELLOPTS", "PS1", "PS2", "PS3", "PS4", "PROMPT_COMMAND"),
        *("OPTIND", "POSIXLY_CORRECT", "GLOBIGNORE", "ZDOTDIR", "FPATH", "MODULE_PATH"),
        # the C library and the dynamic linker
        *("GCONV_PATH", "LOCPATH", "NLSPATH", "HOSTALIASES", "RES_OPTIONS", "LOCALDOMAIN", "GLIBC_TUNABLES"),
        # programs that other programs start
        *("EDITOR", "VISUAL", "PAGER", "MANPAGER", "BROWSER", "LESSOPEN", "LESSCLOSE", "SSH_ASKPASS", "SUDO_ASKPASS"),
        # languages
        *("NODE_OPTIONS", "NODE_PATH", "NODE_EXTRA_CA_CERTS", "NODE_TLS_REJECT_UNAUTHORIZED", "PERLLIB", "CLASSPATH"),
        *("JAVA_TOOL_OPTIONS", "JDK_JAVA_OPTIONS", "JDK_JAVAC_OPTIONS", "_JAVA_OPTIONS", "PHPRC", "PHP_INI_SCAN_DIR"),
        *("LUA_INIT", "LUA_PATH", "LUA_CPATH", "GEM_HOME", "GEM_PATH", "BUNDLE_GEMFILE", "MAKEFLAGS", "GOFLAGS"),
        *("DOTNET_STARTUP_HOOKS", "CORECLR_PROFILER_PATH", "COR_PROFILER_PATH", "GTK_MODULES", "QT_PLUGIN_PATH"),
        # trust in certificates
        *("OPENSSL_CONF", "OPENSSL_MODULES", "OPENSSL_ENGINES", "SSLKEYLOGFILE", "CURL_HOME", "CURL_CA_BUNDLE"),
        *("REQUESTS_CA_BUNDLE", "AWS_CA_BUNDLE"),
    ]
)

PREFIXES = (
    *("LD_", "DYLD_", "BASH_FUNC_", "MALLOC_"),
    *("PYTHON", "PERL5", "RUBY"),
    *("GIT_", "SSL_CERT_", "GITHUB_", "RUNNER_", "NPM_CONFIG_"),
)


def is_unsafe_variable(name: str, allowed: Collection[str] = ()) -> bool:
    """Return True if the variable `name` decides what a process runs, loads or trusts, and is not in `allowed`.

    The case of letters makes no difference, because proxies and settings of npm work in lower case too.
    """
    if name in allowed:
        return False
    upper = name.upper()
    return upper in NAMES or upper.startswith(PREFIXES) or upper.endswith("_PROXY")


def refuse_unsafe_variables(resolved: Mapping[str, Resolved], allowed: Collection[str]) -> None:
    """Raise OutputError for every value from a store whose variable decides what a process runs, loads or trusts."""
    refused = {
        key: found.entry for key, found in resolved.items() if found.is_from_store and is_unsafe_variable(key, allowed)
    }
    if not refused:
        return
    from secretsync.core.problems.kinds import ProblemKind  # Imported only for a problem.

    raise OutputError(
        [
            Problem(
                kind=ProblemKind.OUTPUT,
                key=key,
                file=entry.file,
                line=entry.line,
                cause="a variable of this name decides what a process runs or loads, and its value came from a store",
                hint=f"rename it, or allow it: --allow-name {key}",
            )
            for key, entry in refused.items()
        ]
    )
