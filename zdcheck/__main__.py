"""`python -m zdcheck`, and the `zdcheck` command."""

from __future__ import annotations

import sys


def main() -> None:
    """Run the command line and end the process with its exit status."""
    # Nothing heavy before this point: `zdcheck --version` must answer at once.
    from zdcheck.cli.app import run

    sys.exit(run(sys.argv[1:]))


if __name__ == "__main__":
    main()
