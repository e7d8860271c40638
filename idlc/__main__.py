"""`python -m idlc`, and the command `idlc`. A run that has nothing to do ends here, before the compiler is loaded."""

from __future__ import annotations

import sys

INTERRUPTED = 130
"""What a shell calls the status of a command that was stopped with ^C."""


def main() -> int:
    """Run the command with the arguments of this process; the exit status."""
    try:
        return _run()
    except KeyboardInterrupt:
        return INTERRUPTED


def _run() -> int:
    arguments = sys.argv[1:]
    if arguments and arguments[0] not in ("check", "dump"):
        from idlc.building import unchanged

        known = unchanged.recall(arguments)
        if known is not None and _say(*known):
            return 0
    from idlc import cli

    return cli.main(arguments)


def _say(said: str, warned: str) -> bool:
    """Say again what the run said; whether that was possible."""
    try:
        if said:
            sys.stdout.buffer.write(said.encode("utf-8", "backslashreplace"))
            sys.stdout.flush()
        if warned:
            sys.stderr.write(warned)
    except (OSError, AttributeError):
        return False
    return True


if __name__ == "__main__":
    sys.exit(main())
