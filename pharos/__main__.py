"""``python -m pharos``: the command line."""

from __future__ import annotations

from pharos.cli.app import app


def main() -> None:
    """Run the command that the arguments name, and exit with its code."""
    app(prog_name="pharos")


if __name__ == "__main__":
    main()
