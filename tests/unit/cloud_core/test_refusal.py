"""Refusal: a worker whose version does not fit is told what to run."""

from __future__ import annotations

from cloud_api.refusal import refusal
from shared.ledger.migrate import latest_version


def test_fitting_worker_is_not_refused() -> None:
    """A worker of this schema is given jobs."""
    assert refusal(latest_version()) is None


def test_old_worker_is_told_how_it_is_updated() -> None:
    """One sentence names both schemas and the command for its machine, and says that nothing is lost."""
    said = refusal(latest_version() - 1) or ""

    assert f"schema {latest_version() - 1}, and the ledger has {latest_version()}" in said
    assert "nothing is lost" in said
    assert "git pull && python bootstrap.py" in said


def test_new_worker_is_told_how_the_plane_is_updated() -> None:
    """A worker that is ahead is not told to update: the control plane and its ledger are what is old."""
    said = refusal(latest_version() + 1) or ""

    assert "pharos db init" in said
    assert "git pull" not in said
