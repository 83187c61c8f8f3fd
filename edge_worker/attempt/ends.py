"""Ends of attempts that broke, in words that the ledger can hold."""

from __future__ import annotations

from edge_worker.attempt.messages import Ended
from edge_worker.source import failures
from shared.text import plain


def broken(error: Exception) -> Ended:
    """Return the end for an error that nobody knows; it is transient until the attempts are spent."""
    if isinstance(error, OSError) and error.errno in failures.NO_SPACE:
        full = failures.disk_full()
        return Ended(signal="snooze", reason=full.reason, detail=full.message)
    return Ended(signal="transient", reason="unknown_error", detail=plain(f"{type(error).__name__}: {error}")[:400])
