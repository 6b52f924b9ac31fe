"""Rules for the names of environments, services, entries and stores, and for sensitive names."""

from __future__ import annotations

from secretsync.core.records import Record

# The names are checked without `re`, because importing it and compiling a pattern slow each start.
_LONGEST_ENVIRONMENT = 64

# Every other environment is strict, so that `prod` and `production-eu` keep all safeguards.
LENIENT_ENVIRONMENTS = ("development", "dev", "test", "testing", "ci", "local")


def _set(words: str) -> frozenset[str]:
    return frozenset(words.split())


def _by_last_word(text: str) -> dict[str, list[list[str]]]:
    """Return the phrases of `text`, which commas separate, as lists of words under their last words."""
    phrases: dict[str, list[list[str]]] = {}
    for phrase in map(str.split, text.split(",")):
        phrases.setdefault(phrase[-1], []).append(phrase)
    return phrases


# The rule for sensitive names, in five points:
# 1. A name is read as words in capitals; words at its end that tell several secrets apart (PROD, EU) are dropped.
# 2. A name is sensitive if a strong word or phrase is in it (PASSWORD, API KEY) or a weak one ends it (KEY, AUTH).
# 3. It is a setting if a later word is about the secret (NAME, FILE, LENGTH), not an owner of it (USER, STORE).
# 4. It is a setting if a verb is directly before the sensitive words: USE_TOKEN, ENABLE_PASSWORD_LOGIN. A word that is
#    never a noun can be anywhere before: DISABLE_ADMIN_TOKEN.
# 5. It is a setting if the sensitive word is counted, public, or a key of data: MAX_TOKENS, PUBLIC_KEY, SORT_KEY.
# If the rule is unsure about a strong word, the name is sensitive, because a setting that is masked harms less.
_STRONG = _set(
    "ACCESSKEY APIKEY AUTHKEY AUTHTOKEN CONTRASENA CREDENTIAL CREDENTIALS CREDS ENCRYPTIONKEY HASLO HESLO JELSZO "
    "KENNWORT LOSENORD MNEMONIC MOTDEPASSE PASSCODE PASSPHRASE PASSPHRASES PASSWD PASSWORD PASSWORDS PASSWORT PASSWRD "
    "PRIVATEKEY PRIVKEY PSWD SALASANA SECRET SECRETKEY SECRETS SENHA SIGNINGKEY TOKEN TOKENS WACHTWOORD"
)
_WEAK = _set(
    "AUTH AUTHORIZATION BEARER CONNECTIONSTRING CONNSTR COOKIE DEK DSN HMAC HMACENCODED HTPASSWD JWT KEK KEY KEYS "
    "LICENSE OTP PASS PASSW PAT PEPPER PIN PINS PSK PSW PW PWD SALT SALTS SAS SK TOTP WEBHOOK WEBHOOKS"
)
_SENSITIVE = _STRONG | _WEAK | _set("ACCESS REFRESH")
# Ends of a last word: DBPASSWORD.
_JOINED = (
    *("PASSWORD", "PASSWD", "PASSPHRASE", "PASSCODE", "PASSWORT", "KENNWORT", "SECRET", "SECRETS", "TOKEN"),
    *("CREDENTIAL", "CREDS", "CREDENTIALS"),
    *("APIKEYS", "SECRETKEYS", "KEY", "CONNECTIONSTRING", "CONNSTRING", "PASS", "PWD", "PW", "DSN", "JWT"),
)
# Words that only end as a joined form does.
_ORDINARY = _set(
    "ASKPASS BYPASS COMPASS DONKEY ENCOMPASS HOCKEY HOTKEY JOCKEY KEEPASS LACKEY LASTPASS MAXPW MICKEY MINPW MONKEY "
    "OLDPWD OVERPASS PASSKEY SURPASS TRESPASS TURKEY VALKEY WHISKEY YUBIKEY"
)
# Several words that make a name sensitive only together.
_PHRASES = _by_last_word(
    """
        ACCESS KEY, API KEY, AUTH KEY, BASIC AUTH, CONN STR, CONN STRING, CONNECTION STRING, CONNECTION STRINGS,
        DOCKER AUTH CONFIG, ENCRYPTION KEY, ERLANG COOKIE, MASTER KEY, MOT DE PASSE, PIN CODE, PRIVATE KEY, RECOVERY
        PHRASE, SECRET KEY, SEED PHRASE, SIGNING KEY
    """
)
# The same, but only at the end of a name. The ids are credentials.
_ENDS = _by_last_word(
    """
        ALCHEMY CONN, SQLALCHEMY CONN, AUTH HEADER, AUTHORIZATION HEADER, AUTH IDENT, BASIC AUTH USER INFO, HOOK
        URL, WEBHOOK URI, WEBHOOK URL, WEBHOOK URLS, SAS URI, SAS URL, JAAS CONFIG, SNMP COMMUNITY, COMMUNITY
        STRING, SERVICE ACCOUNT JSON, KUBECONFIG B64, KUBECONFIG BASE64, KUBECONFIG CONTENT, KUBECONFIG DATA, KUBE
        CONFIG DATA, ACCESS CODE, BACKUP CODES, PAIRING CODE, RECOVERY CODES, SECURITY CODE, SECRET ID, ROOT TOKEN
        ID, HD SEED, MASTER SEED, MFA SEED, OTP SEED, PRIVATE SEED, RECOVERY SEED, SECRET SEED, TOTP SEED, WALLET
        SEED, KEY API, KEY ENCRYPTION, KEY MASTER, KEY PRIVATE, KEY SIGNING
    """
)
# Behind a sensitive word: names of settings about a secret, such as TOKEN_ENDPOINT, PASSWORD_MIN_LENGTH.
_ABOUT = _set(
    "ACCESSOR ACTIVE ADDRESS AGE ALG ALGO ALGORITHM ALGORITHMS ALIAS ALLOWED ALLOWLIST ARN ATTEMPTS ATTR ATTRIBUTE "
    "ATTRIBUTES ATTRS AUDIENCE AUTH AUTHENTICATION AUTHENTICATOR BITS BLACKLIST BLOCKLIST BUDGET BUFFER BURST BUTTON "
    "BYTES CALLBACK CAP CHANGE CHARS CHARSET CHECK CHECKER CHECKING CHECKS CLAIM CLAIMS CLASS CLEANUP CMD COLUMN "
    "COLUMNS COMMAND COMPLEXITY CONFIGURATION CONFIRMATION CONTRACT CONVERTER COOKIE COST COUNT COUNTER CREDITS CRON "
    "DATE DAYS DECIMALS DELAY DENYLIST DESCRIPTION DIALECT DIGIT DIGITS DIR DIRECTORY DIRS DISABLED DRIVER DURATION "
    "ENABLE ENABLED ENCODING ENDPOINT ENDPOINTS ENFORCEMENT ENGINE ENV EP EXCHANGE EXP EXPIRATION EXPIRE EXPIRED "
    "EXPIRES EXPIRING EXPIRY EXTRACTOR FACTORY FALLBACK FIELD FIELDS FILE FILENAME FILES FINGERPRINT FLOW FOLDER "
    "FORMAT FORMATS GENERATION GENERATOR GRACE GRANT HANDLER HASHER HASHERS HASHING HEADER HEADERS HELP HELPER HINT "
    "HISTORY HOUR HOURS HREF HTTPONLY ICON ID IDENTIFIER IDLE IDS IN INDEX INFO INTERVAL INTROSPECTION ISSUER "
    "ITERATIONS KDF KIND LABEL LEEWAY LEN LENGTH LEVEL LIFESPAN LIFETIME LIMIT LINK LINKS LOCATION LOGGING LOWERCASE "
    "MANAGER MAPPING MAX MAXLENGTH MESSAGE METHOD METHODS MIN MINLENGTH MINUTES MISMATCH MODE MODULE MOUNT MS "
    "MULTIPLIER NAME NAMES NAMESPACE NORMALIZE NUMBERS OFFSET OPTIONAL ORIGIN ORIGINS PARAM PARAMETER PARAMS PARSER "
    "PATH PATHS PATTERN PER PERCENT PERIOD PERMISSION PERMISSIONS PLACEHOLDER PLUGIN POLICIES POLICY PORT PREFIX "
    "PREFIXES PRICE PROCESSOR PROGRAM PROMPT PROTECTION PROVIDER PROVIDERS PROVISIONING QUOTA RATE RATIO REALM "
    "RECOVERY REDIRECT REFRESHED REGEX RENEWAL REQUIRE REQUIRED REQUIREMENTS REQUIRES RESET RESOLVER RETRIES "
    "REVOCATION ROTATION ROUNDS RULES SAMESITE SCHEDULE SCHEMA SCHEME SCOPE SCOPES SCORE SCRIPT SEC SECONDS SECS "
    "SELECTOR SEPARATOR SERIALIZER SID SIZE SKEW SPLITTER STATUS STRATEGY STRENGTH SUFFIX SUPPORT SUPPORTED SYMBOL "
    "SYMBOLS TABLE TEMPLATE THRESHOLD THROTTLE THUMBPRINT TIME TIMEOUT TITLE TTL TYPE TYPES UNTIL UPPERCASE URI URIS "
    "URL URLS USAGE USERNAME VALIDATION VALIDATOR VALIDATORS VALIDITY VARIABLE VERIFICATION VERSION VIA VIEW "
    "VIOLATION VISIBILITY WARNING WHITELIST WINDOW WITHIN"
)
# Behind a sensitive word: who has the secret, or for what it is. They are about a secret only behind SECRETS, and
# behind SECRET, TOKEN and such at the start of the name or behind that of a store: AWS_SECRET_REGION, but
# DB_PASSWORD_REGION.
_OWNERS = _set(
    "AUTHORITY BACKEND BACKENDS BUCKET CACHE CONTEXT DOMAIN HOST HOSTNAME LIMITS LOGIN MODEL PROCESS PROJECT PROXY "
    "REGION ROLE SCANNING SERVER SOURCE SPACE STORAGE STORE SUBJECT SUPPLY USER VAULT"
)
_GOOGLE = _set("GCLOUD GCP GOOGLE")
_STORES = _set("AWS AZURE GCP GOOGLE K8S KUBERNETES VAULT")
_KINDS_OF_TOKENS = _set("ACCESS AUTH BEARER REFRESH")
_BARE = _set("CREDENTIAL CREDENTIALS SECRET SECRETS TOKEN TOKENS")
# PASS_DB: a system behind a word that is otherwise sensitive only at the end.
_PASSES = _set("PASS PSW PW PWD")
_SYSTEMS = _set("ADMIN API APP DATABASE DB EMAIL FTP LDAP MAIL MONGO MYSQL PG POSTGRES REDIS ROOT SMTP SSH USER")
# Behind a sensitive word: which of several it is, or how it is written; the word before it counts.
_QUALIFIERS = _set(
    "A ALT APAC ASCII B B64 BACKUP BASE64 CONTENT CONTENTS CURRENT DEV ENCODED EU FALLBACK FALLBACKS HEX JSON LIVE NEW "
    "NEXT OLD PEM PLAIN PREV PREVIOUS PROD PRODUCTION RAW RO RW STAGING TEST US VALUE"
)
# A name with none of these words is a setting, unless its last word is a joined form or ends with a number.
_TRIGGERS = _STRONG | _WEAK | _PHRASES.keys() | _ENDS.keys() | _PASSES | _QUALIFIERS | {"CONN", "SEED"}
# Directly before a sensitive word: a switch.
_VERBS = _set(
    "ACCEPT ALLOW ASK CHANGE DISABLE ENABLE HAS HIDE IS NO REDACT REQUIRE REQUIRES SHOW SKIP SUPPORTS USE USES WITH "
    "WITHOUT"
)
# Anywhere before a sensitive word: words that are never the name of a service or the owner of a secret.
_SWITCHES = _set(
    "DISABLE DISABLED DISABLES EXPOSE FORGOT GENERATE IGNORE INVALIDATE PERMISSIONS PERMIT PURGE REGENERATE RESTRICT "
    "REUSE REVOKE VALIDATE"
)
# Words with which these are a switch, and are not with others: VERIFY_JWT, but VERIFY_TOKEN.
_VERIFIERS = _set("CHECK VERIFY")
_VERIFIED = _set("AUTH COOKIE CREDENTIALS JWT KEYS PASSWORD PASSWORDS TOKENS")
# Words that are nouns too (LOG_TOKEN is the token of a log service): a switch only before several, LOG_PASSWORDS.
_NOUN_VERBS = _set(
    "DEBUG DISPLAY DUMP ENCRYPT FORCE INCLUDE LOG MASK PERSIST PRINT ROTATE SANITIZE SAVE SCRUB SEND TRACE"
)
_NUMBERS = _set(
    "BATCH BUDGET CACHED CHUNK COMPLETION CONTEXT COUNT DAILY GENERATED HISTORY INPUT LIMIT MAX MAXIMUM MIN MINIMUM "
    "NUM NUMBER OUTPUT OVERLAP PROMPT REASONING RESPONSE SIZE SPECIAL STOP SUMMARY THINKING TOTAL"
)
_BOUNDS = _set("COUNT MAX MAXIMUM MIN MINIMUM NUM NUMBER TOTAL")
_PUBLIC = _set("ANONYMOUS PUB PUBLIC PUBLISHABLE")
# The first words of variables that build tools copy into the pages of a site, so that every visitor can read them.
_IN_PAGES = (
    *(["NEXT", "PUBLIC"], ["NUXT", "PUBLIC"], ["EXPO", "PUBLIC"], ["REACT", "APP"], ["VUE", "APP"], ["NG", "APP"]),
    *(["VITE"], ["GATSBY"], ["STORYBOOK"]),
)
# The kind of a key, token, pass or pin that is not a secret, by the last word.
_OPEN_KEYS = _set(
    "ALLOWED ANNOTATION ATTRIBUTE AUTHORIZED BINDING BUCKET CACHE COLUMN COMPOSITE CONTEXT DEDUP DEDUPE "
    "DEDUPLICATION DICT ERROR FIELD FLAG FOREIGN GROUPING HEADER HOT ID IDEMPOTENCY IDENTIFIER INDEX ISSUE KMS KNOWN "
    "LABEL LIMIT LOCATION LOOKUP MESSAGE METADATA NAME NATURAL NICKNAME OBJECT ORDER ORDERING PARAM PARTITION "
    "PROJECT PROPERTY RANGE ROUTING SHARD SHORTCUT SITE SORT SORTING SPACE TAG THROTTLE TIMESTAMP TOPIC TRANSLATION "
    "TRUSTED UID UNIQUE USERNAME VERSION"
)
# What a login service sends about a person. A KEY of these is the name of a field, if the service is in the name.
_PERSON = _set("AVATAR EMAIL GROUP GROUPS IMAGE MAIL PHONE PICTURE ROLE ROLES")
_LOGINS = _set("ATTRIBUTE AUTH CAS CLAIM CLAIMS LDAP OIDC OPENID PROFILE SAML SSO USERINFO")
_OPEN_KINDS = {
    "KEY": _OPEN_KEYS,
    "JWT": _set("HEADER"),
    "LICENSE": _set("CODE CONTENT DATA DEFAULT DOCS IMAGE MODEL OPEN PACKAGE PROJECT SOURCE SPDX"),
    "TOKEN": _set("BOS CLS EOS FIM MASK PAD SEP STOP UNK HEADER"),
    "CREDENTIAL": _set("CORS"),
    "COOKIE": _set("CSRF HTTPONLY JWT ONLY PARTITIONED PERSISTENT SAMESITE SECURE SITE TOKEN XSRF"),
    "PASS": _set("BAND FIRST HIGH LOW MULTI RENDER SECOND SINGLE TWO"),
    "PIN": _set(
        "BUTTON CE CLK CLOCK CS DATA DC ECHO GPIO INPUT INT IRQ LED MISO MOSI OUTPUT RELAY RESET RX SCL SDA SENSOR "
        "TRIGGER TX"
    ),
}
# Before AUTH: how somebody logs in, not with what.
_AUTH_METHODS = (
    _STRONG
    | _VERBS
    | _NOUN_VERBS
    | _set(
        "ANONYMOUS CLIENT COOKIE DASHBOARD EXTERNAL GRAPHQL GRPC GSSAPI IMAP JWT KERBEROS KEY LDAP LOCAL MFA MTLS "
        "MUTUAL NTLM OAUTH OIDC OTP PASS PASSKEY REGISTRY REMOTE REST SAML SASL SESSION SET SMTP SOCIAL SPNEGO SSO "
        "TLS TOTP UI WEBAUTHN WEBSOCKET WEBSOCKETS WEBUI"
    )
)
# Before an AUTH HEADER: what the software does with the header, not the header's content.
_HEADER_VERBS = _VERBS | _set("ADD FORWARD PASS REMOTE SEND SET STRIP TRUST")
# Variables of shells, platforms and images that hold a path or a switch.
_SETTINGS = _set(
    "AUTH_PASSWORD_BROKER GOOGLE_APPLICATION_CREDENTIALS MYSQL_ONETIME_PASSWORD OAUTH2_PROXY_PASS_ACCESS_TOKEN OLDPWD "
    "PGSSLKEY PWD REGISTRY_AUTH_TOKEN_ROOTCERTBUNDLE REGISTRY_AUTH_TOKEN_SERVICE"
)


class SensitiveNames(Record, kw_only=True):
    """The names of secrets: the built-in rule, and the globs with which a policy changes its answers."""

    __slots__ = ("_sensitive", "_settings")

    sensitive: tuple[str, ...] = ()  # names of secrets in addition to those of the rule
    not_sensitive: tuple[str, ...] = ()  # names of settings; they win over `sensitive` and over the rule

    def is_sensitive(self, name: str) -> bool:
        """Return True if a value with this name is a secret."""
        if self.not_sensitive and self._matches(name, "_settings", self.not_sensitive):
            return False
        return is_sensitive(name) or (bool(self.sensitive) and self._matches(name, "_sensitive", self.sensitive))

    def _matches(self, name: str, slot: str, globs: tuple[str, ...]) -> bool:
        from secretsync.core.globs import Globs, remembered  # Imported only if a policy has globs.

        index: Globs = remembered(self, slot, lambda: Globs(glob.upper() for glob in globs))
        return bool(index.matching(name.upper()))


def is_entry_name(name: str) -> bool:
    """Return True if `name` may name an entry, a binding or a variable: `[A-Za-z_][A-Za-z0-9_]*`."""
    return name.isascii() and name.isidentifier()


def is_key(name: str) -> bool:
    """Return True if `name` may be the key of an entry: `[A-Za-z_][A-Za-z0-9_.-]*`.

    With `.` or `-` no placeholder or variable can name it.
    """
    return is_entry_name(name) or (
        name[:1] not in (".", "-") and is_entry_name(name.replace(".", "_").replace("-", "_"))
    )


def is_environment_name(name: str) -> bool:
    """Return True if `name` may name an environment or a service: `[A-Za-z0-9][A-Za-z0-9_-]{0,63}`.

    Paths are built only from such names.
    """
    is_short = len(name) <= _LONGEST_ENVIRONMENT and name[:1].isalnum()
    return is_short and name.isascii() and name.replace("_", "0").replace("-", "0").isalnum()


def is_store_name(name: str) -> bool:
    """Return True if `name` may name a store or a provider: `[a-z][a-z0-9-]*`."""
    return name.isascii() and name[:1].isalpha() and name.islower() and name.replace("-", "0").isalnum()


def is_lenient(environment: str) -> bool:
    """Return True if an environment of this name is lenient unless its bindings set `strict`."""
    return environment.lower() in LENIENT_ENVIRONMENTS


def is_sensitive(name: str) -> bool:
    """Return True if the built-in rule takes `name` for the name of a secret."""
    if name in _SETTINGS:
        return False
    words = _words(name)
    if not words or _is_plain(words):
        return False
    for end in _ENDS.get(words[-1], ()):  # Before a qualifier is dropped: SERVICE_ACCOUNT_JSON.
        if words[-len(end) :] == end:
            return not _is_other_end(words[: -len(end)], end)
    if words[-2:] == ["APPLICATION", "CREDENTIALS"] and not _GOOGLE.isdisjoint(words):  # a path, by Google's convention
        return False
    if words == ["SEED"] or (words[:2] == ["AIRFLOW", "CONN"] and len(words) > 2):
        return True
    _drop_qualifiers(words)
    start, end_of_term = _sensitive_term(words)
    return end_of_term > 0 and not _is_about(words, start, end_of_term) and not _is_open(words[:end_of_term], start)


def _is_plain(words: list[str]) -> bool:
    """Return True if no word is of any interest to the rule. Nearly every setting ends here, so this is fast."""
    if not _TRIGGERS.isdisjoint(words):
        return False
    last = words[-1].rstrip("0123456789")
    # Nothing or V is left of a number, which the rule drops. Without its digits, a word may be a trigger: PASSWORD2.
    return last not in _TRIGGERS and last not in ("", "V") and not last.endswith(_JOINED)


def _is_other_end(before: list[str], end: list[str]) -> bool:
    """Return True for SET_AUTH_HEADER, a switch, and for AWS_SECRET_ID, the name of a secret."""
    if not before:
        return False
    if end[-1] == "HEADER":
        return before[-1] in _HEADER_VERBS
    if end[-1] == "ID" and (before[-1] in ("AWS", "GCP", "GOOGLE") or before[-1].endswith("CLOUD")):
        return True
    return before[-1] in _VERBS or before[-1] == "SET"


def _drop_qualifiers(words: list[str]) -> None:
    is_content = words[-1] in ("CONTENT", "CONTENTS")
    while len(words) > 1 and (words[-1] in _QUALIFIERS or _is_number(words[-1])):
        if words[-1] == "FALLBACK" and words[-2] in _OWNERS:  # TOKEN_LOGIN_FALLBACK: another way to log in, no token
            break
        words.pop()
    if len(words) > 1 and ((is_content and words[-1] == "FILE") or (words[-1] in _SYSTEMS and words[-2] in _PASSES)):
        words.pop()
    words[-1] = words[-1].rstrip("0123456789") or words[-1]


def _sensitive_term(words: list[str]) -> tuple[int, int]:
    """Return where the last sensitive word or phrase begins and ends; 0 and 0 without such a word."""
    last = words[-1]
    is_end = last in _WEAK or (last.endswith(_JOINED) and last not in _ORDINARY)
    for end in range(len(words), 0, -1):
        for phrase in _PHRASES.get(words[end - 1], ()):
            if words[max(end - len(phrase), 0) : end] == phrase:
                return end - len(phrase), end
        if words[end - 1] in _STRONG or (is_end and end == len(words)):
            return end - 1, end
    return 0, 0


def _is_about(words: list[str], start: int, end: int) -> bool:
    """Return True if the words around the sensitive ones say that the name is a setting about a secret."""
    after = words[end:]
    is_first = _STORES.issuperset(words[:start])
    is_bare = end - start == 1 and words[start] in _BARE and (is_first or words[start] == "SECRETS")
    if not _ABOUT.isdisjoint(after) or (is_bare and not _OWNERS.isdisjoint(after)):
        return True
    before, last = words[:start], words[end - 1]
    if not before:
        return False
    if "OF" in before and not _ABOUT.isdisjoint(before[: before.index("OF")]):  # LENGTH_OF_GENERATED_KEY
        return True
    if not _SWITCHES.isdisjoint(before) or (before[-1] in _VERIFIERS and last in _VERIFIED):
        return True
    if last == "AUTH":
        return not _AUTH_METHODS.isdisjoint(before)
    return _is_used(words, start, end)


def _is_used(words: list[str], start: int, end: int) -> bool:
    """Return True if the words before the sensitive ones say what the software does with the secret."""
    before, last, after = words[:start], words[end - 1], words[end:]
    # SKIP_JWT_BEARER_TOKENS, USE_AUTH_TOKEN: the verb is before all sensitive words
    kinds = _SENSITIVE if after or last.endswith("S") else _KINDS_OF_TOKENS if last == "TOKEN" else frozenset[str]()
    while len(before) > 1 and before[-1] in kinds:
        before.pop()
    if last == "PASSWORD" and "RANDOM" in before:  # MYSQL_RANDOM_ROOT_PASSWORD makes one.
        return True
    if words == ["ENABLE", "API", "KEY"]:
        return True
    if before[-1] in _VERBS:
        # A network device has an "enable password" and an "enable secret". One word more is a noun: USE_SECRET_KEY.
        is_device = before[-1] == "ENABLE" and words[start:] in (["PASSWORD"], ["SECRET"])
        return bool(after) or (end - start == 1 and not is_device)
    if "ALLOW" in before and "EMPTY" in before:
        return True
    return last.endswith("S") and not (_VERBS | _NOUN_VERBS).isdisjoint(before[-2:])


def _words(name: str) -> list[str]:
    """Split `name` into its words, in capitals."""
    if name.isupper() and name.isidentifier():  # nearly every name
        words = name.split("_")
        return [word for word in words if word] if "" in words else words
    text = "".join(
        f"_{char}" if char.isupper() and before.islower() else char if char.isalnum() else "_"
        for before, char in zip(f" {name}", name, strict=False)
    )
    return [word for word in text.upper().split("_") if word]


def _is_number(word: str) -> bool:
    """Return True for 2, V2 and 2024."""
    return word.removeprefix("V").isdigit()


def _is_open(words: list[str], start: int) -> bool:
    """Return True if what the last word names is counted or public: MAX_TOKENS, STRIPE_PUBLIC_KEY, CACHE_KEY."""
    last, before = words[-1], words[:-1]
    if last.endswith("S") and not (_NUMBERS if last == "TOKENS" else _BOUNDS).isdisjoint(before):
        return before[-2:] != ["MIN", "IO"]
    if last.endswith(("KEY", "KEYS", "TOKEN", "DSN")) and (not _PUBLIC.isdisjoint(before) or _is_in_pages(before)):
        return "SECRET" not in before and "PRIVATE" not in before
    if last.endswith("KEY") and last != "KEY":
        words = [*before, last.removesuffix("KEY"), "KEY"]  # CACHEKEY is CACHE_KEY.
        return words[-2].endswith(("PUB", "PUBLIC", "PUBLISHABLE")) or _is_open(words, len(before) + 1)
    if not before:
        return False
    if last in ("TOKEN", "TOKENS") and "PER" in before:  # PRICE_PER_TOKEN
        return True
    if last == "KEY" and before[-1] in _PERSON and not _LOGINS.isdisjoint(before):
        return True
    if words == ["PRIMARY", "KEY"]:  # Of a table; COSMOS_PRIMARY_KEY is a secret.
        return True
    kind = last if last in _OPEN_KINDS else last.removesuffix("S")
    return start == len(before) and before[-1] in _OPEN_KINDS.get(kind, frozenset())


def _is_in_pages(before: list[str]) -> bool:
    return any(before[: len(start)] == start for start in _IN_PAGES)
