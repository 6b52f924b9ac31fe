"""A provider of another distribution, and the tests that install and use it."""
