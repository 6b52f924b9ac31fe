"""Run one target under atheris in this process; the other arguments are those of libFuzzer."""

import sys

import atheris  # type: ignore[import-not-found,import-untyped,unused-ignore]

with atheris.instrument_imports(include=["secretsync"]):
    from tests.fuzz.targets import TARGETS, try_input


def main() -> None:
    """Run the target that the first argument names."""
    name, *arguments = sys.argv[1:]
    target = TARGETS[name]
    for data in target.corpus:  # imports the modules of the target with instrumentation
        with atheris.instrument_imports(include=["secretsync"]):
            try_input(target, data)
    atheris.Setup([sys.argv[0], *arguments], lambda data: try_input(target, data))
    atheris.Fuzz()


if __name__ == "__main__":
    main()
