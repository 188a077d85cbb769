"""`python -m zdcheck`, and the `zdcheck` command."""

from __future__ import annotations

import gc
import signal
import sys

from zdcheck.base.interrupts import keep_interrupts


def main() -> None:
    """Run the command line and end the process with its exit status."""
    # Most of what is made here stays until the end: models, modules, systems. Looking through it for
    # garbage as often as Python does by itself is a tenth of the time of a small check.
    gc.set_threshold(50_000, 20, 20)
    keep_interrupts()
    # Nothing heavy before this point: `zdcheck --version` must answer at once.
    from zdcheck.cli.app import run

    status = run(sys.argv[1:])
    # All is said, and the status stands: an interrupt while Python ends must not become another one.
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    sys.exit(status)


if __name__ == "__main__":
    main()
