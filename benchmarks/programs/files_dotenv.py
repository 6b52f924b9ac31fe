"""python-dotenv's library."""

import json
import sys

import dotenv

json.dump(dotenv.dotenv_values(".env", interpolate=False), sys.stdout)
