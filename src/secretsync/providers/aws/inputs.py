"""The inputs of a store of Secrets Manager."""

from __future__ import annotations

from secretsync.providers.aws_account.inputs import inputs_of

INPUTS = inputs_of("secretsmanager")
