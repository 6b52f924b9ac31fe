"""Print the CPU milliseconds of a library's first call in a process that has imported boto3, with the library's import.

The argument is the library: secretsync or dotenv.
"""

import sys
import time

import boto3  # noqa: F401 - the application uses it

begin = time.process_time()
if sys.argv[1] == "dotenv":
    import dotenv

    dotenv.load_dotenv(".env")
else:
    import secretsync

    secretsync.resolve_config("test")
print((time.process_time() - begin) * 1000)
