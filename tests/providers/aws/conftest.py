"""Both ways to AWS, for tests of what they have in common."""

import pytest

from tests.providers.aws import helpers


@pytest.fixture(params=["auto", "sdk"])
def way(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> str:
    """Return the way of each provider that the helpers make: SecretSync's own requests, or the SDK."""
    monkeypatch.setattr(helpers, "TRANSPORT", request.param)
    chosen: str = request.param
    return chosen
