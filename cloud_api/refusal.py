"""Refusal: what a worker is told whose version does not fit the ledger, and what to run then."""

from __future__ import annotations

from shared.ledger.migrate import latest_version

#: What brings a machine up to date; run in its checkout.
UPDATE = "git pull && python bootstrap.py"


def refusal(schema_version: int) -> str | None:
    """Return why a worker that was written for that ledger schema is given nothing; ``None`` when it fits."""
    ours = latest_version()
    if schema_version < ours:
        return (
            f"This worker is too old: it was written for ledger schema {schema_version}, and the ledger has {ours}. It "
            f"is given no job, and nothing is lost. On its machine run: {UPDATE}; then start it again."
        )
    if schema_version > ours:
        return (
            f"The control plane is older than this worker: it was written for ledger schema {ours}, the worker for "
            f"{schema_version}. The worker is given no job, and nothing is lost. Deploy the newer control plane, and "
            "run pharos db init with the owner's URL."
        )
    return None
