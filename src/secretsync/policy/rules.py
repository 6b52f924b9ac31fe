"""The table of all rules of validation and audit."""

from __future__ import annotations

from enum import StrEnum

from secretsync.core.records import Record


class Severity(StrEnum):
    """The weight of a finding."""

    ERROR = "error"  # it fails a validation, and an audit ends with status 1
    WARNING = "warning"


class Scope(StrEnum):
    """The condition under which a rule applies, in the words of `audit --rules`."""

    ALWAYS = "always"
    LENIENT_WARNS = "always; a warning if lenient"
    URL_VALUES = "always; an error if strict and online, and the value changes how the URL is read"
    STRICT = "strict"
    POLICY = "if policy.toml says so"
    SHARED = "strict, and others that share with it; a warning if only names agree"
    OFFLINE = "offline"
    ONLINE = "online"
    ONLINE_LENIENT_WARNS = "online; a warning if lenient"


class Rule(Record, kw_only=True):
    """One thing that is checked."""

    id: str  # stable, because policies, suppressions and code scanning refer to it
    title: str
    hint: str
    severity: Severity
    scope: Scope

    def severity_in(self, *, is_strict: bool) -> Severity:
        """Return the severity in a strict or in a lenient environment."""
        warns_if_lenient = self.scope in (Scope.LENIENT_WARNS, Scope.ONLINE_LENIENT_WARNS)
        return Severity.WARNING if warns_if_lenient and not is_strict else self.severity


# Each member of `[checks.KEY]` in a policy, and the rule that a bad value breaks.
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

_ERROR, _WARNING = Severity.ERROR, Severity.WARNING

# Id, severity, scope, title, hint.
_ROWS = (
    # On values. `run`, `render` and `resolve_config` check these rules too.
    ("policy-required", _ERROR, Scope.POLICY, "a required key has a value", "define it, or take it out of [required]"),
    ("policy-is-true", _ERROR, Scope.POLICY, "a switch is on", "set it to true"),
    ("policy-is-false", _ERROR, Scope.POLICY, "a switch is off", "set it to false"),
    (
        "policy-equals",
        _ERROR,
        Scope.POLICY,
        "a value is the one that the policy names",
        "change the value, or the policy",
    ),
    ("policy-not-equals", _ERROR, Scope.POLICY, "a value is not the one that the policy excludes", "change the value"),
    ("policy-one-of", _ERROR, Scope.POLICY, "a value is one of a list", "change the value, or extend the list"),
    ("policy-matches", _ERROR, Scope.POLICY, "a value has a form", "change the value, or the pattern"),
    ("policy-min-length", _ERROR, Scope.POLICY, "a value is long enough", "make a longer value"),
    ("policy-max-length", _ERROR, Scope.POLICY, "a value is short enough", "make a shorter value"),
    ("policy-min", _ERROR, Scope.POLICY, "a number is large enough", "make it larger"),
    ("policy-max", _ERROR, Scope.POLICY, "a number is small enough", "make it smaller"),
    ("policy-url-scheme", _ERROR, Scope.POLICY, "a URL has one of the schemes named", "change the URL's scheme"),
    ("debug-off", _ERROR, Scope.STRICT, "DEBUG is off", "set DEBUG=False"),
    ("secret-key-length", _ERROR, Scope.STRICT, "SECRET_KEY has 32 characters or more", "make a longer random one"),
    ("force-https", _ERROR, Scope.STRICT, "FORCE_HTTPS is on", "set FORCE_HTTPS=True"),
    ("session-timeout", _WARNING, Scope.STRICT, "SESSION_TIMEOUT is 3600 seconds or less", "set it to 3600 or less"),
    (
        "example-value",
        _ERROR,
        Scope.STRICT,
        "no value is an example that had to be replaced",
        "put the real value there, or a placeholder that leads to it",
    ),
    (
        "empty-secret",
        _ERROR,
        Scope.ONLINE_LENIENT_WARNS,
        "no secret is empty",
        "store its value; if it may be empty, write an empty default: $<NAME:->",
    ),
    # On the files.
    (
        "plaintext-name",
        _ERROR,
        Scope.LENIENT_WARNS,
        "the value of a sensitive name is a placeholder, not the secret itself",
        "keep it in a store and write $<NAME> here; then rotate it, since the file's history has it",
    ),
    (
        "inline-comment",
        _WARNING,
        Scope.ALWAYS,
        "no unquoted value of a sensitive name ends at a comment",
        "if the rest belongs to the value, put the value in single quotes; otherwise move the comment above the line",
    ),
    (
        "plaintext-key",
        _ERROR,
        Scope.ALWAYS,
        "no file has a private key",
        "keep it in a store and write $<NAME> here; then make a new key, since the file's history has this one",
    ),
    (
        "plaintext-token",
        _ERROR,
        Scope.ALWAYS,
        "no file has a token of a known shape (AWS, GitHub, GitLab, Slack, Stripe, Google, JWT, ...)",
        "keep it in a store and write $<NAME> here; then revoke it, since the file's history has it",
    ),
    (
        "plaintext-url",
        _ERROR,
        Scope.LENIENT_WARNS,
        "no URL or connection string has a password",
        "write $<NAME> in its place; then rotate the password, since the file's history has it",
    ),
    (
        "plaintext-entropy",
        _WARNING,
        Scope.ALWAYS,
        "no value looks random, as secrets do",
        "if it is a secret, keep it in a store and write $<NAME> here; if it is not, ignore it with a reason",
    ),
    (
        "url-encoding",
        _WARNING,
        Scope.URL_VALUES,
        "every secret inside a URL is percent-encoded (as=url), or declared to be right as it is (as=text)",
        "write $<NAME?as=url>",
    ),
    (
        "default-on-secret",
        _ERROR,
        Scope.STRICT,
        "no secret has a default that would replace it",
        "remove the default, so that a missing secret is an error",
    ),
    (
        "file-readable",
        _ERROR,
        Scope.ALWAYS,
        "only its owner may read a file with plain secrets",
        "chmod 600, and take the secrets out of it",
    ),
    (
        "file-writable",
        _ERROR,
        Scope.ALWAYS,
        "only owner and group may write a file or a folder of the configuration",
        "chmod o-w",
    ),
    (
        "file-owner",
        _WARNING,
        Scope.ALWAYS,
        "files belong to root, to the user of the audit, or to the owner of the project",
        "chown it",
    ),
    (
        "git-tracked",
        _ERROR,
        Scope.ALWAYS,
        "git tracks no file that holds plain secrets (.secrets/, .env, secrets files, rendered env files)",
        "git rm --cached it, add it to .gitignore, and rotate what it holds",
    ),
    (
        "git-not-ignored",
        _WARNING,
        Scope.ALWAYS,
        "git ignores files with plain secrets in the project",
        "add it to .gitignore",
    ),
    (
        "git-ignores-env",
        _WARNING,
        Scope.ALWAYS,
        "git does not ignore env/ and providers/, which belong in the repository",
        "add !/env/ and !/env/** (or the same for providers/) to .gitignore",
    ),
    (
        "git-failed",
        _ERROR,
        Scope.LENIENT_WARNS,
        "git lists the files of the repository that the project is in",
        "find the reason with: git status",
    ),
    (
        "image-context",
        _WARNING,
        Scope.ALWAYS,
        "no Dockerfile copies .env, .git or files with plain secrets into an image",
        "exclude them in .dockerignore (secretsync init writes it), or copy only the files that the image needs",
    ),
    (
        "unknown-variable",
        _WARNING,
        Scope.OFFLINE,
        "every ${NAME} without a default is an entry, or a variable of this process",
        "define it, fix its name, give a default, or ignore it with a reason if the platform sets it",
    ),
    # On the bindings.
    (
        "shared-secret",
        _ERROR,
        Scope.SHARED,
        "a strict environment shares no secret with another one",
        "give each environment its own secret",
    ),
    (
        "development-store",
        _ERROR,
        Scope.STRICT,
        "no store or path is named as one of development",
        "name the environment's own store",
    ),
    (
        "plain-http",
        _ERROR,
        Scope.LENIENT_WARNS,
        "no store beyond this machine is reached over http://",
        "use https://",
    ),
    ("unused-binding", _WARNING, Scope.ALWAYS, "every binding is used by an entry", "remove it, or use it"),
    # On ages: offline from the declared dates of the bindings, online from the stores.
    (
        "rotation-overdue",
        _ERROR,
        Scope.LENIENT_WARNS,
        "no secret is older than its limit",
        "rotate it; if its binding declares a date, update the date",
    ),
    (
        "rotation-expired",
        _ERROR,
        Scope.LENIENT_WARNS,
        'no secret, and no exemption (max_age = "never"), is past its end',
        "rotate the secret, or extend the exemption: until = ...",
    ),
    ("rotation-due", _WARNING, Scope.ONLINE, "no secret is about to pass its limit or its end", "rotate it soon"),
    (
        "lease-ends",
        _WARNING,
        Scope.ONLINE,
        "no secret ends while the application uses it, because of its lease or of the login that made it",
        "restart the application before, or let it call refresh(); or use a static role, or a longer lease and login",
    ),
    (
        "rotation-undated",
        _WARNING,
        Scope.STRICT,
        "the age of every secret is known",
        "add rotated = YYYY-MM-DD to its binding",
    ),
    # On the policy.
    ("unused-ignore", _WARNING, Scope.POLICY, "every [[ignore]] of the policy ignores something", "remove it"),
)

RULES = {row[0]: Rule(id=row[0], severity=row[1], scope=row[2], title=row[3], hint=row[4]) for row in _ROWS}
