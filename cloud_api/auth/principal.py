"""Who is asking."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from uuid import UUID

from shared.ledger.records import DEFAULT_TENANT


class Audience(StrEnum):
    """Whom a route is for, and what a credential makes of its bearer."""

    PERSON = "person"
    WORKER = "worker"


@dataclass(frozen=True, kw_only=True)
class Principal:
    """Somebody whose credential was right."""

    tenant_id: UUID = DEFAULT_TENANT
    name: str
    kind: Audience


PERSON = Principal(name="admin", kind=Audience.PERSON)
WORKER = Principal(name="worker", kind=Audience.WORKER)
