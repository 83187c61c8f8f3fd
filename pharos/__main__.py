"""``python -m pharos``: the command line."""

from __future__ import annotations

import sys
from typing import NoReturn


def main() -> None:
    """Run the command that the arguments name, and exit with its code."""
    if sys.argv[1:2] == ["graph"]:
        # One pass that leaves nothing behind: loaded without what the other commands need, and without looking for
        # garbage in it.
        import gc

        gc.disable()
        from pharos.cli.graph import run

        _leave(run(sys.argv[2:]))
    from pharos.cli.app import app

    app(prog_name="pharos")


def _leave(code: int) -> NoReturn:
    """End the process without taking down what it built, object by object: everything is written and closed."""
    import atexit
    import os

    atexit._run_exitfuncs()
    sys.stdout.flush()
    sys.stderr.flush()
    os._exit(code)


if __name__ == "__main__":
    main()
