"""A question as it is asked: its words brought to one form, so that equal questions are one question."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Sequence
from dataclasses import dataclass, field
from unicodedata import normalize
from uuid import UUID

from cloud_api.services.search.pointers import Pointer
from shared.errors import InvalidRequest
from shared.nodes.search import MOST_QUERY, Filters, Kind

#: Milliseconds that somebody waits for an answer: what is taken for granted, and the bounds.
DEADLINE, SHORTEST, LONGEST = 2_000, 100, 30_000
#: Milliseconds that a person before a page has, whose worker may have to start its search first.
PATIENCE = 8_000


@dataclass(frozen=True, kw_only=True)
class Asked:
    """What somebody wants to find, where, and until when."""

    tenant: UUID
    #: NFC, trimmed, blanks collapsed.
    query: str
    #: Repositories by id or name; none: all of them.
    repositories: tuple[str, ...] = ()
    filters: Filters = field(default_factory=Filters)
    #: Hits at most.
    limit: int = 10
    milliseconds: int = DEADLINE

    def key(self, targets: Sequence[Pointer]) -> bytes:
        """Return what is equal for equal questions, whatever generation they are asked of."""
        where = sorted(one.repository_id for one in targets) if self.repositories else None
        parts = [str(self.tenant), where, self.filters.model_dump(mode="json"), self.limit, self.query]
        return _digest(parts)


def generations_of(targets: Sequence[Pointer]) -> bytes:
    """Return what changes whenever one of the targets is published anew, removed, or joined by another."""
    return _digest(sorted((one.repository_id, one.collection, one.generation) for one in targets))


def question(text: str) -> str:
    """Return a question's one form.

    Raises:
        InvalidRequest: nothing is left of it, or more than a question may have.
    """
    query = " ".join(normalize("NFC", text).split())
    if not 1 <= len(query) <= MOST_QUERY:
        raise InvalidRequest(f"A question has 1 to {MOST_QUERY:,} characters beside blanks. Nothing was searched.")
    return query


def filters(*, path: str = "", languages: Sequence[str] = (), kinds: Sequence[Kind] = ()) -> Filters:
    """Return filters in their one form: paths as git names them, each word once."""
    return Filters(
        path=path.removeprefix("./").removeprefix("/"),
        languages=tuple(sorted({one.strip().lower() for one in languages})),
        kinds=tuple(sorted(set(kinds))),
    )


def _digest(parts: object) -> bytes:
    return hashlib.blake2b(json.dumps(parts, separators=(",", ":")).encode(), digest_size=20).digest()
