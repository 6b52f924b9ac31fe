"""Real servers, started on loopback, that the providers are tested against through their own SDKs."""
