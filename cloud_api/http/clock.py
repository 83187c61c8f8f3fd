"""The time of day, as answers show it."""

from __future__ import annotations

from datetime import UTC, datetime


def utc_now() -> datetime:
    """Return the time now, in UTC."""
    return datetime.now(UTC)
