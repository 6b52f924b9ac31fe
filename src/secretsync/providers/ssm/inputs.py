"""The inputs of a store of Parameter Store."""

from __future__ import annotations

from secretsync.providers.aws_account.inputs import inputs_of

INPUTS = inputs_of("ssm")
