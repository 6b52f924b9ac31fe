"""Limits of time that only a hang exceeds, however busy the machine is."""

HANG = 120  # seconds; the longest wait for a thread, a process or a request that ends by itself
STALL = 15.0  # seconds; how long after a deadline a busy machine may take to return an answer
