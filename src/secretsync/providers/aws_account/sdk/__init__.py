"""Requests to AWS through the SDK, boto3."""
