"""The fixtures of the tests of AWS."""

from tests.providers.aws.conftest import way

__all__ = ["way"]
