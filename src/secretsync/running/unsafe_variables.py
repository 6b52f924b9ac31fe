"""The names of environment variables that decide what a process runs, loads or trusts."""

# Whoever may write a secret must not, by its name alone, be able to run code in the application that reads it. So a
# value that came from a store is refused under these names, unless the user allows the name.
from __future__ import annotations

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Collection

__all__ = ["NAMES", "PREFIXES", "is_unsafe_variable"]

NAMES = frozenset(
    [
        # who and where we are, and where commands are found
        *("PATH", "HOME", "SHELL", "USER", "LOGNAME", "PWD", "OLDPWD", "CDPATH", "TMPDIR", "TERMINFO", "TERMCAP"),
        # shells
        *("IFS", "ENV", "BASH_ENV", "BASHOPTS", "SHELLOPTS", "PS1", "PS2", "PS3", "PS4", "PROMPT_COMMAND"),
        *("OPTIND", "POSIXLY_CORRECT", "GLOBIGNORE", "ZDOTDIR", "FPATH", "MODULE_PATH"),
        # the C library and the dynamic linker
        *("GCONV_PATH", "LOCPATH", "NLSPATH", "HOSTALIASES", "RES_OPTIONS", "LOCALDOMAIN", "GLIBC_TUNABLES"),
        # programs that others start
        *("EDITOR", "VISUAL", "PAGER", "MANPAGER", "BROWSER", "LESSOPEN", "LESSCLOSE", "SSH_ASKPASS", "SUDO_ASKPASS"),
        # languages
        *("NODE_OPTIONS", "NODE_PATH", "NODE_EXTRA_CA_CERTS", "NODE_TLS_REJECT_UNAUTHORIZED", "PERLLIB", "CLASSPATH"),
        *("JAVA_TOOL_OPTIONS", "JDK_JAVA_OPTIONS", "JDK_JAVAC_OPTIONS", "_JAVA_OPTIONS", "PHPRC", "PHP_INI_SCAN_DIR"),
        *("LUA_INIT", "LUA_PATH", "LUA_CPATH", "GEM_HOME", "GEM_PATH", "BUNDLE_GEMFILE", "MAKEFLAGS", "GOFLAGS"),
        *("DOTNET_STARTUP_HOOKS", "CORECLR_PROFILER_PATH", "COR_PROFILER_PATH", "GTK_MODULES", "QT_PLUGIN_PATH"),
        # what is trusted
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
    """Whether a variable called `name` decides what a process runs, loads or trusts, and is not in `allowed`.

    Proxies and settings of npm work in lower case too, so case makes no difference.
    """
    if name in allowed:
        return False
    upper = name.upper()
    return upper in NAMES or upper.startswith(PREFIXES) or upper.endswith("_PROXY")
