"""`run` where the kernel does not let it hide: it goes on, and says so."""

import platform
import sys

import pytest

from tests.support.canary import make_canary
from tests.support.processes import clean_environment, run_command, secretsync_argv
from tests.support.projects import MakeProject
from tests.support.tools import needs

pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="needs Linux, which is not here")

# Installs a seccomp filter that answers prctl(PR_SET_DUMPABLE, ...) with EPERM, and becomes the command.
_FILTERED = """
import ctypes, os, struct, sys
number, *command = sys.argv[1:]
def step(code, true, false, value):
    return struct.pack("HBBI", code, true, false, value)
program = b"".join([
    step(0x20, 0, 0, 0),                # the number of the system call
    step(0x15, 0, 3, int(number)),      # prctl?
    step(0x20, 0, 0, 16),               # its first argument
    step(0x15, 0, 1, 4),                # PR_SET_DUMPABLE?
    step(0x06, 0, 0, 0x00050001),       # EPERM
    step(0x06, 0, 0, 0x7FFF0000),       # allowed
])
class Filter(ctypes.Structure):
    _fields_ = [("length", ctypes.c_ushort), ("program", ctypes.c_char_p)]
libc = ctypes.CDLL(None, use_errno=True)
assert libc.prctl(38, 1, 0, 0, 0) == 0
assert libc.prctl(22, 2, ctypes.byref(Filter(6, program)), 0, 0) == 0, os.strerror(ctypes.get_errno())
os.execv(command[0], command)
"""
_PRCTL = {"x86_64": 157, "aarch64": 167}


def test_refused_prctl_is_a_warning(project: MakeProject) -> None:
    """The application starts with a warning on stderr if a seccomp profile refuses prctl."""
    number = _PRCTL.get(platform.machine())
    needs(number, "the number of prctl on this machine")
    made = project(
        {
            "env/production/security.env": "A=$<aws:prod/app#token:-none>\n",
            "providers/production.toml": 'timeout = "500ms"\n[stores.aws]\nregion = "eu-west-1"\n',
        }
    )
    env = {
        "AWS_ACCESS_KEY_ID": "AKIDEXAMPLE",
        "AWS_SECRET_ACCESS_KEY": make_canary(),
        "AWS_ENDPOINT_URL": "http://127.0.0.1:9",
    }
    argv = secretsync_argv(["run", "-e", "production", "--", "echo", "started"])
    filtered = [sys.executable, "-I", "-c", _FILTERED, str(number), *argv]
    environment = clean_environment(made.home, env)
    told = "processes of the same user can read the memory of SecretSync: Operation not permitted"
    assert told in run_command(filtered, cwd=made.root, env=environment, expect=5).stderr
    assert told not in run_command(argv, cwd=made.root, env=environment, expect=5).stderr
    # Nothing to hide where no credential is in use: nothing is asked of the kernel.
    made.write("env/production/security.env", "A=b\n")
    done = run_command(filtered, cwd=made.root, env=environment, expect=0)
    assert (done.stdout, done.stderr) == ("started\n", "")
