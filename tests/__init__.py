"""Tests of SecretSync."""
