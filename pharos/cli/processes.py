"""``pharos cloud`` and ``pharos worker``: one process, with its settings from the environment."""

from __future__ import annotations

import os
import sys
from pathlib import Path

import typer

_CHECKOUT = Path(__file__).resolve().parents[2]


def cloud() -> None:
    """Run a control plane; its settings are PHAROS_* variables."""
    os.environ["MODE"] = "CLOUD"
    from cloud_api.__main__ import main

    raise typer.Exit(main())


def worker() -> None:
    """Run a worker; its settings are PHAROS_* variables."""
    os.environ["MODE"] = "EDGE"
    _lead_children_here()
    from edge_worker.__main__ import main

    raise typer.Exit(main())


def _lead_children_here() -> None:
    """Have every Python that this process starts find our packages, and nothing in the folder that it starts in."""
    given = "" if sys.flags.isolated else os.environ.get("PYTHONPATH", "")
    os.environ["PYTHONPATH"] = os.pathsep.join([str(_CHECKOUT), *filter(None, [given])])
    os.environ["PYTHONSAFEPATH"] = "1"
