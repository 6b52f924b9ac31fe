"""Classes for libraries and frameworks, one module for each, which nothing in SecretSync imports."""
