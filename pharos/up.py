"""``pharos up``: the whole product on this machine, until it is asked to stop or cannot go on."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

from pharos.local import REDIS, WORKER, LocalStack, Part
from pharos.stack.folder import Instance
from pharos.stack.processes import CHECKOUT
from shared.errors import Unavailable

#: Seconds between two looks at the processes.
_EVERY = 0.5
#: A worker is started again so often within so many seconds; one that still ends has something to say.
_REVIVALS = 3
_WITHIN = 600.0


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
        Unavailable: a part did not start, or one that cannot be replaced ended by itself; everything else was stopped.
        ConfigurationError: the folder or the machine does not allow it.
    """
    roots = [CHECKOUT, *(path.absolute() for path in allow_local)]
    with Instance.claim(base) as instance:
        if instance.folder != base.absolute():
            tell("folder", 0.0, f"{base} is another stack's; this one has {instance.folder}, with data of its own")
        _keep_running(instance, roots=roots, tell=tell, show=show)


def _keep_running(
    instance: Instance,
    *,
    roots: Sequence[Path],
    tell: Callable[[str, float, str], None],
    show: Callable[[Address], None],
) -> None:
    with LocalStack(instance, local_roots=roots, tell=tell) as stack:
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
        _watch(stack, tell)


def _watch(stack: LocalStack, tell: Callable[[str, float, str], None]) -> None:
    revived: list[float] = []
    while True:
        time.sleep(_EVERY)
        dead = stack.dead()
        if dead is None:
            continue
        revived = [moment for moment in revived if time.monotonic() - moment < _WITHIN]
        if dead.name == REDIS:
            stack.forget(dead)
            tell(REDIS, 0.0, "ended by itself; jobs go on without it until the next start")
        elif dead.name == WORKER and len(revived) < _REVIVALS:
            revived.append(time.monotonic())
            tell(WORKER, 0.0, "ended by itself; it is started again")
            stack.revive_worker(dead)
        else:
            raise _ended(dead)


def _ended(dead: Part) -> Unavailable:
    lines = "\n".join(f"    {line}" for line in dead.last_lines())
    return Unavailable(
        f"The {dead.name} ended by itself, so everything else was stopped. What was recorded is kept. "
        f"Start again with: pharos up\nIts log {dead.log} ends with:\n{lines}"
    )
