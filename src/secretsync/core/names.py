"""Rules for the names of environments, services, entries and stores, and for sensitive names."""

from __future__ import annotations

import re

from secretsync.core.records import Record

__all__ = ["LENIENT_ENVIRONMENTS", "SensitiveNames", "is_entry_name", "is_environment_name", "is_lenient"]
__all__ += ["is_sensitive", "is_store_name"]

_ENTRY = re.compile(r"[A-Za-z_][A-Za-z0-9_]*")
_ENVIRONMENT = re.compile(r"[A-Za-z0-9][A-Za-z0-9_-]{0,63}")
_STORE = re.compile(r"[a-z][a-z0-9-]*")

# Every other environment is strict, so that `prod` and `production-eu` keep all safeguards.
LENIENT_ENVIRONMENTS = ("development", "dev", "test", "testing", "ci", "local")


def _set(words: str) -> frozenset[str]:
    return frozenset(words.split())


# The rule for sensitive names. A name is read as words in capitals, separated by signs and by small-to-capital steps.
# `_STRONG` words make a name sensitive wherever they are: PASSWORD_DB. `_WEAK` words do so only as the last word,
# because KEY_VAULT_NAME and PIN_MESSAGES are settings. `_JOINED` are ends of a last word: DBPASSWORD.
_STRONG = _set(
    "ACCESSKEY APIKEY AUTHKEY AUTHTOKEN CREDENTIAL CREDENTIALS CREDS ENCRYPTIONKEY MNEMONIC PASSCODE PASSPHRASE "
    "PASSPHRASES PASSWD PASSWORD PASSWORDS PASSWRD PRIVATEKEY PRIVKEY PSWD SECRET SECRETKEY SECRETS SIGNINGKEY TOKEN "
    "TOKENS"
)
_WEAK = _set(
    "BEARER CONNECTIONSTRING CONNSTR DSN HTPASSWD JWT KEY KEYS OTP PASS PAT PEPPER PIN PINS PSK PW PWD SALT SALTS TOTP"
)
_JOINED = (
    *("PASSWORD", "PASSWD", "PASSPHRASE", "PASSCODE", "SECRET", "SECRETS", "TOKEN", "CREDENTIAL", "CREDS"),
    "CREDENTIALS",
    *("APIKEY", "APIKEYS", "SECRETKEY", "SECRETKEYS", "ACCESSKEY", "PRIVATEKEY", "PRIVKEY", "SIGNINGKEY", "MASTERKEY"),
    *("ENCRYPTIONKEY", "AUTHKEY", "LICENSEKEY", "ACCOUNTKEY", "STORAGEKEY", "SHAREDKEY", "HMACKEY", "AESKEY", "RSAKEY"),
    *("SSHKEY", "JWTKEY", "SSLKEY", "TLSKEY", "SESSIONKEY", "APPKEY", "DEPLOYKEY", "CRYPTKEY", "SERVICEKEY"),
    *("CONNECTIONSTRING", "CONNSTRING", "PASS", "PWD", "PW", "DSN", "JWT"),
)
# Words of English that only end as a joined form does.
_ORDINARY = _set("ASKPASS BYPASS COMPASS ENCOMPASS KEEPASS LASTPASS OLDPWD OVERPASS SURPASS TRESPASS")
# Several words that make a name sensitive only together.
_PHRASES = (
    *(("CONNECTION", "STRING"), ("CONN", "STRING"), ("CONN", "STR"), ("CONNECTION", "STRINGS"), ("BASIC", "AUTH")),
    *(("API", "KEY"), ("ACCESS", "KEY"), ("SECRET", "KEY"), ("PRIVATE", "KEY"), ("SIGNING", "KEY"), ("AUTH", "KEY")),
    *(("ENCRYPTION", "KEY"), ("MASTER", "KEY"), ("SEED", "PHRASE"), ("RECOVERY", "PHRASE"), ("ERLANG", "COOKIE")),
    *(("DOCKER", "AUTH", "CONFIG"), ("PIN", "CODE")),
)
# The id of an AppRole's secret is itself a credential.
_CREDENTIAL_IDS = (("VAULT", "SECRET", "ID"), ("BAO", "SECRET", "ID"), ("APPROLE", "SECRET", "ID"))
# Behind a sensitive word: names of settings about a secret, such as TOKEN_ENDPOINT, PASSWORD_MIN_LENGTH.
_ABOUT = _set(
    "ACCESSOR ADDRESS AGE ALG ALGO ALGORITHM ALGORITHMS ALIAS ALLOWED ARN ATTEMPTS AUDIENCE AUTH AUTHENTICATION "
    "AUTHORITY BACKEND BACKENDS BUCKET BUDGET BYTES CACHE CHANGE CHARS CHARSET CLAIM CLAIMS CLASS CMD COMMAND "
    "COMPLEXITY CONFIGURATION CONTEXT CONTRACT COOKIE COUNT COUNTER DAYS DECIMALS DIALECT DIGIT DIGITS DIR DIRECTORY "
    "DISABLED DOMAIN DRIVER DURATION ENABLE ENABLED ENCODING ENDPOINT ENDPOINTS ENGINE EXCHANGE EXPIRATION EXPIRE "
    "EXPIRED EXPIRES EXPIRY FIELD FIELDS FILE FILENAME FILES FINGERPRINT FOLDER FORMAT FORMATS GRACE HANDLER HASHER "
    "HASHERS HEADER HEADERS HELP HELPER HINT HISTORY HOST HOSTNAME HOUR HOURS ID IDENTIFIER IDLE IDS IN INDEX "
    "INTERVAL ISSUER ITERATIONS KIND LABEL LEEWAY LEN LENGTH LEVEL LIFESPAN LIFETIME LIMIT LIMITS LOCATION LOGIN "
    "LOWERCASE MANAGER MAX MAXLENGTH METHOD METHODS MIN MINLENGTH MINUTES MODE MODEL MODULE MOUNT MS NAME NAMES "
    "NAMESPACE NUMBERS OPTIONAL PARAM PARAMETER PARAMS PATH PATHS PATTERN PER PERIOD PLACEHOLDER PLUGIN POLICIES "
    "POLICY PORT PREFIX PREFIXES PROCESS PROGRAM PROJECT PROMPT PROTECTION PROVIDER PROVIDERS RATE REALM REFRESHED "
    "REGEX REGION REQUIRE REQUIRED REQUIREMENTS REQUIRES RESET RETRIES ROLE ROTATION ROUNDS RULES SCANNING SCHEMA "
    "SCHEME SCOPE SCOPES SCRIPT SEC SECONDS SECS SEPARATOR SERIALIZER SERVER SIZE SOURCE SPACE STORAGE STORE STRATEGY "
    "STRENGTH SUBJECT SUFFIX SUPPLY SYMBOL SYMBOLS TABLE TEMPLATE THRESHOLD TIME TIMEOUT TTL TYPE TYPES UPPERCASE URI "
    "URIS URL URLS USAGE USER USERNAME VALIDATION VALIDATOR VALIDATORS VALIDITY VAULT VERSION VIEW WARNING WINDOW"
)
# Behind a sensitive word: which of several it is, or how it is written; the word before it counts.
_QUALIFIERS = _set(
    "A ALT ASCII B B64 BACKUP BASE64 CURRENT DEV ENCODED FALLBACK FALLBACKS HEX JSON LIVE NEW NEXT OLD PEM PLAIN PREV "
    "PREVIOUS PROD PRODUCTION RAW RO RW STAGING TEST VALUE"
)
# Before a sensitive word: what is counted, switched or public, and no secret.
_SWITCHES = _set(
    "ALLOW DISABLE ENABLE FORCE HAS HIDE IS LOG MASK NO REDACT REQUIRE REQUIRES ROTATE SHOW SKIP SUPPORTS USE USES"
)
_INNER_SWITCHES = _set("ALLOW CORS DISABLE ENABLE REQUIRE USE WITH WITHOUT")
_NUMBERS = _set(
    "BUDGET CACHED CHUNK COMPLETION CONTEXT COUNT DAILY INPUT LIMIT MAX MAXIMUM MIN MINIMUM NUM NUMBER OUTPUT OVERLAP "
    "PROMPT REASONING SPECIAL STOP THINKING TOTAL"
)
_BOUNDS = _set("COUNT MAX MAXIMUM MIN MINIMUM NUM NUMBER TOTAL")
_PUBLIC = _set("ANONYMOUS PUB PUBLIC PUBLISHABLE")
# The kind of a key, token, pass or pin that is not a secret, by the last word.
_OPEN_KEYS = _set(
    "ANNOTATION ATTRIBUTE AUTHORIZED BINDING BUCKET CACHE COLUMN COMPOSITE CONFIG CONTEXT DEDUP DEDUPE DEDUPLICATION "
    "DICT ERROR EVENT FIELD FILE FOREIGN GROUP GROUPING HASH HEADER HOST HOT IDEMPOTENCY INDEX ISSUE JSON KMS KNOWN "
    "LABEL LOCK LOG LOOKUP MAP MESSAGE METRIC NATURAL OBJECT PARAM PARTITION PRIMARY PROJECT PROPERTY QUERY QUEUE "
    "RANGE REGISTRY ROUTING S3 SHARD SHORTCUT SITE SORT SORTING STATE STATUS TAG TOPIC TRANSLATION TRUSTED UNIQUE"
)
_OPEN_KINDS = {
    "KEY": _OPEN_KEYS,
    "TOKEN": _set("BOS CLS EOS FIM IMAGE MASK PAD SEP START STOP UNK"),
    "PASS": _set("BAND FIRST HIGH LOW MULTI RENDER SECOND SINGLE TWO"),
    "PIN": _set(
        "BUTTON CE CLK CLOCK CS DATA DC ECHO GPIO INPUT INT IRQ LED MISO MOSI OUTPUT RELAY RESET RX SCL SDA SENSOR "
        "TRIGGER TX"
    ),
}
# Variables of shells and platforms that hold a path or a switch.
_SETTINGS = _set("GOOGLE_APPLICATION_CREDENTIALS MARIADB_RANDOM_ROOT_PASSWORD MYSQL_RANDOM_ROOT_PASSWORD OLDPWD PWD")


class SensitiveNames(Record, kw_only=True):
    """Which names are names of secrets: the built-in rule, and the globs with which a policy changes its answers."""

    sensitive: tuple[str, ...] = ()  # names of secrets in addition to those of the rule
    not_sensitive: tuple[str, ...] = ()  # names of settings; they win over `sensitive` and over the rule

    def is_sensitive(self, name: str) -> bool:
        """Return True if a value with this name is a secret."""
        if _matches(name, self.not_sensitive):
            return False
        return is_sensitive(name) or _matches(name, self.sensitive)


def is_entry_name(name: str) -> bool:
    """Return True if `name` may name an entry, a binding or a variable."""
    return _ENTRY.fullmatch(name) is not None


def is_environment_name(name: str) -> bool:
    """Return True if `name` may name an environment or a service. Paths are built only from such names."""
    return _ENVIRONMENT.fullmatch(name) is not None


def is_store_name(name: str) -> bool:
    """Return True if `name` may name a store or a provider."""
    return _STORE.fullmatch(name) is not None


def is_lenient(environment: str) -> bool:
    """Return True if an environment of this name is lenient unless its bindings set `strict`."""
    return environment.lower() in LENIENT_ENVIRONMENTS


def is_sensitive(name: str) -> bool:
    """Return True if the built-in rule takes `name` for the name of a secret."""
    if name in _SETTINGS:
        return False
    words = _words(name)
    while len(words) > 1 and (words[-1] in _QUALIFIERS or _is_number(words[-1])):
        words.pop()
    if not words:
        return False
    words[-1] = words[-1].rstrip("0123456789") or words[-1]
    if words[0] in _SWITCHES or not _INNER_SWITCHES.isdisjoint(words[:-1]):
        return False
    last = words[-1]
    if last in _WEAK or _ends_joined(last) or last in _STRONG:
        return not _is_open(words)
    if any(tuple(words[-len(ids) :]) == ids for ids in _CREDENTIAL_IDS):
        return True
    end = _last_sensitive(words)
    return end > 0 and not any(word in _ABOUT for word in words[end:]) and not _is_open(words[:end])


def _words(name: str) -> list[str]:
    """Split `name` into its words, in capitals."""
    if name.isupper() and name.isidentifier():  # nearly every name
        return [word for word in name.split("_") if word]
    text = "".join(
        f"_{char}" if char.isupper() and before.islower() else char if char.isalnum() else "_"
        for before, char in zip(f" {name}", name, strict=False)
    )
    return [word for word in text.upper().split("_") if word]


def _is_number(word: str) -> bool:
    """Return True for 2, V2 and 2024."""
    return word.removeprefix("V").isdigit()


def _ends_joined(word: str) -> bool:
    return word.endswith(_JOINED) and word not in _ORDINARY


def _last_sensitive(words: list[str]) -> int:
    """Return the number of words up to and including the last sensitive word or phrase; 0 if there is none."""
    for end in range(len(words), 0, -1):
        if words[end - 1] in _STRONG or any(tuple(words[max(end - len(one), 0) : end]) == one for one in _PHRASES):
            return end
    return 0


def _is_open(words: list[str]) -> bool:
    """Return True if what the last word names is counted or public: MAX_TOKENS, STRIPE_PUBLIC_KEY, CACHE_KEY."""
    last, before = words[-1], words[:-1]
    if last.endswith("S") and not (_NUMBERS if last == "TOKENS" else _BOUNDS).isdisjoint(before):
        return True
    if last.endswith(("KEY", "KEYS", "TOKEN")) and not _PUBLIC.isdisjoint(before):
        return True
    if not before:
        return False
    kind = last if last in _OPEN_KINDS else last.removesuffix("S")
    return before[-1] in _OPEN_KINDS.get(kind, frozenset())


def _matches(name: str, globs: tuple[str, ...]) -> bool:
    if not globs:
        return False
    from fnmatch import fnmatchcase  # Imported only if a policy has globs.

    return any(fnmatchcase(name.upper(), glob.upper()) for glob in globs)
