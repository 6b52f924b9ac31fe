"""Change the code a little, and see if a test fails: `python -m tests.mutation`."""
