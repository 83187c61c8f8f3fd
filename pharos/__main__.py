"""``python -m pharos``: the command line."""

from __future__ import annotations

import sys


def main() -> None:
    """Run the command that the arguments name, and exit with its code."""
    if sys.argv[1:2] == ["graph"]:
        # One pass that leaves nothing behind: loaded without what the other commands need, and without looking for
        # garbage in it.
        import gc

        from pharos.cli.graph import run

        gc.disable()
        sys.exit(run(sys.argv[2:]))
    from pharos.cli.app import app

    app(prog_name="pharos")


if __name__ == "__main__":
    main()
