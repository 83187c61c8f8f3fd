"""``pharos cloud`` and ``pharos worker``: one process, with its settings from the environment."""

from __future__ import annotations

import os

import typer


def cloud() -> None:
    """Run a control plane; its settings are PHAROS_* variables."""
    os.environ["MODE"] = "CLOUD"
    from cloud_api.__main__ import main

    raise typer.Exit(main())


def worker() -> None:
    """Run a worker; its settings are PHAROS_* variables."""
    os.environ["MODE"] = "EDGE"
    from edge_worker.__main__ import main

    raise typer.Exit(main())
