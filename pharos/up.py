"""``pharos up``: the whole product on this machine, until it is asked to stop or a part of it dies."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

from pharos.local import LocalStack
from pharos.stack.folder import Instance
from pharos.stack.processes import CHECKOUT
from shared.errors import Unavailable

#: Seconds between two looks at the processes.
_EVERY = 0.5


@dataclass(frozen=True, kw_only=True)
class Address:
    """Where a running stack is found. ``page`` signs a browser in, once, within ``minutes``."""

    url: str
    page: str
    minutes: int
    folder: Path


def run_up(
    base: Path,
    *,
    allow_local: Sequence[Path],
    tell: Callable[[str, float, str], None],
    show: Callable[[Address], None],
) -> None:
    """Start a stack in the first free folder of ``base``, show where it is, and keep it until KeyboardInterrupt.

    Raises:
        Unavailable: a part did not start, or ended by itself; everything else was stopped.
        ConfigurationError: the folder or the machine does not allow it.
    """
    roots = [CHECKOUT, *(path.absolute() for path in allow_local)]
    with Instance.claim(base) as instance, LocalStack(instance, local_roots=roots, tell=tell) as stack:
        with stack.client() as client:
            link = client.sign_in()
        show(
            Address(
                url=stack.url,
                page=stack.url + link["path"],
                minutes=link["expires_in"] // 60,
                folder=stack.folder,
            )
        )
        _watch(stack)


def _watch(stack: LocalStack) -> None:
    while (dead := stack.dead()) is None:
        time.sleep(_EVERY)
    lines = "\n".join(f"    {line}" for line in dead.last_lines())
    raise Unavailable(
        f"The {dead.name} ended by itself, so everything else was stopped. What was recorded is kept. "
        f"Start again with: pharos up\nIts log {dead.log} ends with:\n{lines}"
    )
