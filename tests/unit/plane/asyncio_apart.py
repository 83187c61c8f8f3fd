"""A place for an event loop of one's own."""

from __future__ import annotations

import asyncio
from collections.abc import Coroutine
from concurrent.futures import ThreadPoolExecutor


def run_apart(work: Coroutine[object, object, None]) -> None:
    """Run ``work`` to its end on a thread of its own: a browser's driver may keep a loop on this one."""
    with ThreadPoolExecutor(max_workers=1) as apart:
        apart.submit(asyncio.run, work).result()
