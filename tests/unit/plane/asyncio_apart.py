"""A place for an event loop of one's own."""

from __future__ import annotations

import asyncio
from collections.abc import Coroutine
from concurrent.futures import ThreadPoolExecutor
from typing import TypeVar

T = TypeVar("T")


def run_apart(work: Coroutine[object, object, T]) -> T:
    """Run ``work`` to its end on a thread of its own and return its result: a driver may keep a loop on this one."""
    with ThreadPoolExecutor(max_workers=1) as apart:
        return apart.submit(asyncio.run, work).result()
