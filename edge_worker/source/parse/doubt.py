"""The word for a text that a scan cannot be certain about."""

from __future__ import annotations


class Doubt(Exception):
    """Only the grammar can tell what this text means. No error: it is caught where the scan begins."""
