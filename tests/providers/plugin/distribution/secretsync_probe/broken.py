"""A plug-in that cannot be imported, and says too much about it."""

import os

raise ImportError(os.environ.get("PROBE_TOKEN", "no token"))
