"""Waiting for a child process until it really answers, with a deadline."""

from __future__ import annotations

import time
from collections.abc import Callable

import httpx2

from pharos.stack.processes import Child
from shared.errors import Unavailable


def wait_until(ready: Callable[[], bool], child: Child, *, within: float) -> None:
    """Return as soon as ``ready`` says so.

    Raises:
        Unavailable: the child ended before, or was not ready ``within`` so many seconds.
    """
    deadline = time.monotonic() + within
    pause = 0.01
    while not ready():
        if child.exit_code is not None:
            raise Unavailable(
                f"{child.name} ended (exit code {child.exit_code}) before it was ready. No data was changed. "
                f"Its log {child.log} ends with: {child.last_words()}"
            )
        if time.monotonic() > deadline:
            raise Unavailable(
                f"{child.name} was not ready within {within:.0f} s. No data was changed. "
                f"Its log {child.log} ends with: {child.last_words()}"
            )
        time.sleep(pause)
        pause = min(pause * 1.5, 0.2)


def wait_for_http(url: str, child: Child, *, within: float = 30.0) -> None:
    """Return as soon as ``url`` answers 200. Raises Unavailable as ``wait_until`` does."""
    with httpx2.Client(timeout=2.0, trust_env=False) as client:

        def answers() -> bool:
            try:
                return client.get(url).status_code == 200
            except httpx2.TransportError:
                return False

        wait_until(answers, child, within=within)
