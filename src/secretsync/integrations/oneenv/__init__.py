"""Use SecretSync in a program that reads its configuration through OneEnv.

`load("production")` before the program's own code fills `oneenv.env()`, `oneenv.env("security")` and
`oneenv.env("database")` with resolved values.
"""

from secretsync.integrations.oneenv.environments import load
from secretsync.integrations.oneenv.templates import (
    Variable,
    own_variables,
    policy_text,
    requirements,
    template_text,
    variables,
)
from secretsync.integrations.oneenv.tools import ConfigAuditor, ConfigTracker, SecureConfig

__all__ = [
    "ConfigAuditor",
    "ConfigTracker",
    "SecureConfig",
    "Variable",
    "load",
    "own_variables",
    "policy_text",
    "requirements",
    "template_text",
    "variables",
]
