"""Requests to an account of AWS, for the providers of its services: identity, region, endpoints, signatures, errors."""
