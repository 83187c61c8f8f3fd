"""The kinds of job and how urgent one can be."""

from __future__ import annotations

from enum import IntEnum, StrEnum


class Kind(StrEnum):
    """What a job does. A new kind is a line here, a payload, and a handler."""

    INGEST = "ingest"
    #: Takes what a removed repository left in the vector store.
    REMOVE = "remove"


class Priority(IntEnum):
    """How urgent a job is; the smaller number goes first."""

    URGENT = 0
    HIGH = 1
    NORMAL = 2
    LOW = 3


#: Kinds whose jobs wait for as long as it takes and are never refused: a promise to delete does not expire.
NEVER_EXPIRES = frozenset({Kind.REMOVE})
