"""A control plane that listens, and how a test asks for one."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from dataclasses import dataclass

from plane_twins import House

from shared.timing import Timing


@dataclass(frozen=True, kw_only=True)
class Served:
    """A control plane, where it answers, and the loop that it lives on."""

    house: House
    url: str
    loop: asyncio.AbstractEventLoop


Serve = Callable[[Timing], Served]
