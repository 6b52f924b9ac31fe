"""Every rule of validation and audit, by id: its severity, what it asks for, and how to mend what it finds."""

from __future__ import annotations

from enum import StrEnum

from secretsync.core.errors import Problem, ProblemKind
from secretsync.core.records import Record

__all__ = ["CHECK_RULES", "RULES", "Finding", "Rule", "Severity", "found"]


class Severity(StrEnum):
    """How much a finding weighs."""

    ERROR = "error"  # it fails a validation, and an audit ends with status 1
    WARNING = "warning"


class Rule(Record, kw_only=True):
    """One thing that is looked at."""

    id: str  # stable: policies, suppressions and code scanning refer to it
    title: str
    hint: str
    severity: Severity = Severity.ERROR
    applies: str = "always"  # in which environments, in words


class Finding(Record, kw_only=True):
    """One place where a rule is not kept. It has no room for a value."""

    rule: str
    severity: Severity
    message: str
    hint: str
    key: str | None = None
    file: str | None = None
    line: int | None = None

    @property
    def problem(self) -> Problem:
        """The same, as errors carry it."""
        return Problem(
            kind=ProblemKind.CONFIGURATION,
            key=self.key,
            file=self.file,
            line=self.line,
            cause=f"{self.message} ({self.rule})",
            hint=self.hint,
        )


def found(
    rule: str,
    message: str,
    *,
    key: str | None = None,
    file: str | None = None,
    line: int | None = None,
    hint: str | None = None,
    severity: Severity | None = None,
) -> Finding:
    """A finding with the rule's own hint and severity where none is given."""
    of = RULES[rule]
    return Finding(
        rule=rule,
        severity=severity or of.severity,
        message=message,
        hint=hint or of.hint,
        key=key,
        file=file,
        line=line,
    )


_STRICT = "strict"
_POLICY = "where policy.toml says so"
_WEAK_IN_LENIENT = "always; a warning where lenient"
_ERROR, _WARNING = Severity.ERROR, Severity.WARNING

# What `[checks.KEY]` may say, and the rule that speaks where a value is not so.
CHECK_RULES = {
    "is_true": "policy-is-true",
    "is_false": "policy-is-false",
    "equals": "policy-equals",
    "not_equals": "policy-not-equals",
    "one_of": "policy-one-of",
    "matches": "policy-matches",
    "min_length": "policy-min-length",
    "max_length": "policy-max-length",
    "min": "policy-min",
    "max": "policy-max",
    "url_scheme": "policy-url-scheme",
}

# Id, title, hint, severity, where it applies.
_TABLE = (
    # On values: `run`, `render` and `resolve_config` ask for these too.
    ("policy-required", "a required key has a value", "define it, or take it out of [required]", _ERROR, _POLICY),
    ("policy-is-true", "a switch is on", "set it to true", _ERROR, _POLICY),
    ("policy-is-false", "a switch is off", "set it to false", _ERROR, _POLICY),
    ("policy-equals", "a value is the one that the policy names", "change the value, or the policy", _ERROR, _POLICY),
    ("policy-not-equals", "a value is not the one that the policy excludes", "change the value", _ERROR, _POLICY),
    ("policy-one-of", "a value is one of a list", "change the value, or extend the list", _ERROR, _POLICY),
    ("policy-matches", "a value has a form", "change the value, or the pattern", _ERROR, _POLICY),
    ("policy-min-length", "a value is long enough", "make a longer value", _ERROR, _POLICY),
    ("policy-max-length", "a value is short enough", "make a shorter value", _ERROR, _POLICY),
    ("policy-min", "a number is large enough", "make it larger", _ERROR, _POLICY),
    ("policy-max", "a number is small enough", "make it smaller", _ERROR, _POLICY),
    ("policy-url-scheme", "a URL has one of the schemes named", "change the URL's scheme", _ERROR, _POLICY),
    ("debug-off", "DEBUG is off", "set DEBUG=False", _ERROR, _STRICT),
    ("secret-key-length", "SECRET_KEY has 32 characters or more", "make a longer random one", _ERROR, _STRICT),
    ("force-https", "FORCE_HTTPS is on", "set FORCE_HTTPS=True", _ERROR, _STRICT),
    ("session-timeout", "SESSION_TIMEOUT is 3600 seconds or less", "set it to 3600 or less", _WARNING, _STRICT),
    (
        "example-value",
        "no value is a stand-in that somebody was to replace",
        "put the real value there, or a placeholder that leads to it",
        _ERROR,
        _STRICT,
    ),
    (
        "empty-secret",
        "no secret is empty",
        "store its value; if it may be empty, write an empty default: $<NAME:->",
        _ERROR,
        "online; a warning where lenient",
    ),
    # On the files.
    (
        "plaintext-name",
        "what a sensitive name names is a placeholder, not the secret itself",
        "keep it in a store and write $<NAME> here; then rotate it, since the file's history has it",
        _ERROR,
        _WEAK_IN_LENIENT,
    ),
    (
        "plaintext-key",
        "no private key stands in a file",
        "keep it in a store and write $<NAME> here; then make a new key, since the file's history has this one",
        _ERROR,
        "always",
    ),
    (
        "plaintext-token",
        "no token of a known shape (AWS, GitHub, GitLab, Slack, Stripe, Google, JWT, ...) stands in a file",
        "keep it in a store and write $<NAME> here; then revoke it, since the file's history has it",
        _ERROR,
        "always",
    ),
    (
        "plaintext-url",
        "no password stands in a URL or a connection string",
        "write $<NAME> in its place; then rotate the password, since the file's history has it",
        _ERROR,
        _WEAK_IN_LENIENT,
    ),
    (
        "plaintext-entropy",
        "no value looks random, as secrets do",
        "if it is a secret, keep it in a store and write $<NAME> here; if it is none, ignore it with a reason",
        _WARNING,
        "always",
    ),
    (
        "url-encoding",
        "every secret inside a URL is percent-encoded (as=url), or declared to be right as it is (as=text)",
        "write $<NAME?as=url>",
        _WARNING,
        "always; an error online where strict, if the value changes how the URL is read",
    ),
    (
        "default-on-secret",
        "no secret has a default that would stand in for it",
        "remove the default: a missing secret is to be an error here",
        _ERROR,
        _STRICT,
    ),
    (
        "file-readable",
        "only its owner may read a file with plain secrets",
        "chmod 600, and take the secrets out of it",
        _ERROR,
        "always",
    ),
    (
        "file-writable",
        "nobody but owner and group may write a file or a folder of the configuration",
        "chmod o-w",
        _ERROR,
        "always",
    ),
    (
        "file-owner",
        "files belong to root, to who runs the audit, or to who owns the project",
        "chown it",
        _WARNING,
        "always",
    ),
    (
        "git-tracked",
        "git tracks no file that holds plain secrets (.secrets/, .env, secrets files, rendered env files)",
        "git rm --cached it, add it to .gitignore, and rotate what it holds",
        _ERROR,
        "always",
    ),
    (
        "git-not-ignored",
        "git ignores files with plain secrets that lie in the project",
        "add it to .gitignore",
        _WARNING,
        "always",
    ),
    (
        "git-ignores-env",
        "git does not ignore env/ and providers/, which belong into the repository",
        "add !/env/ and !/env/** (or the same for providers/) to .gitignore",
        _WARNING,
        "always",
    ),
    (
        "unknown-variable",
        "every ${NAME} without a default is an entry, or a variable of this process",
        "define it, mend its name, give a default, or ignore it with a reason where the platform sets it",
        _WARNING,
        "offline",
    ),
    # On the bindings.
    (
        "shared-secret",
        "a strict environment shares no secret with another one",
        "give each environment its own secret",
        _ERROR,
        "strict, and others that share with it; a warning where only names agree",
    ),
    (
        "development-store",
        "no store or path of development is named",
        "name the environment's own store",
        _ERROR,
        _STRICT,
    ),
    (
        "plain-http",
        "no store is spoken to over http:// beyond this machine",
        "use https://",
        _ERROR,
        _WEAK_IN_LENIENT,
    ),
    ("unused-binding", "every binding is used by an entry", "remove it, or use it", _WARNING, "always"),
    # On ages: offline as far as the bindings alone say, online as the stores do.
    (
        "rotation-overdue",
        "no secret is older than its limit",
        "rotate it; where its binding declares a date, write the new one",
        _ERROR,
        _WEAK_IN_LENIENT,
    ),
    (
        "rotation-expired",
        'no secret, and no exemption (max_age = "never"), is past its end',
        "rotate the secret, or decide anew: until = ...",
        _ERROR,
        _WEAK_IN_LENIENT,
    ),
    ("rotation-due", "no secret is about to pass its limit or its end", "rotate it soon", _WARNING, "online"),
    (
        "rotation-undated",
        "the age of every secret is known",
        "add rotated = YYYY-MM-DD to its binding",
        _WARNING,
        _STRICT,
    ),
    # On the policy itself.
    ("unused-ignore", "every [[ignore]] of the policy ignores something", "remove it", _WARNING, _POLICY),
)

RULES = {
    rule: Rule(id=rule, title=title, hint=hint, severity=severity, applies=applies)
    for rule, title, hint, severity, applies in _TABLE
}
