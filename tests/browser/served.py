"""A control plane and where it answers."""

from __future__ import annotations

from dataclasses import dataclass

from plane_twins import House


@dataclass(frozen=True, kw_only=True)
class Served:
    """A control plane that listens on loopback."""

    house: House
    url: str
