"""Names in place of text: paths and symbols from the ledger, while who has the text is not there."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence

from cloud_api.services.search.answers import Hit
from cloud_api.services.search.asking import Asked
from cloud_api.services.search.pointers import Pointer
from shared.errors import LedgerUnavailable
from shared.ledger.names import NamedFile, NamesReader
from shared.logs import get_logger
from shared.nodes.search import Filters
from shared.words import words

log = get_logger(__name__)

#: How many times as many are read where some of them may be left out.
_SPARE = 5


class Names:
    """Looks names up, one indexed read a question."""

    def __init__(self, reader: NamesReader) -> None:
        self._reader = reader

    async def search(self, asked: Asked, pointers: Sequence[Pointer], *, seconds: float) -> tuple[Hit, ...] | None:
        """Return names that fit a question, best first; ``None`` when the ledger does not answer in time."""
        mine = {one.repository_id: one for one in pointers}
        chosen = bool(asked.filters.languages or asked.filters.kinds)
        try:
            found = await asyncio.wait_for(
                asyncio.to_thread(
                    self._reader.search,
                    words(asked.query),
                    tenant=asked.tenant,
                    repository_ids=list(mine),
                    path=asked.filters.path,
                    limit=asked.limit * (_SPARE if chosen else 1),
                ),
                seconds,
            )
        except (LedgerUnavailable, TimeoutError) as error:
            log.warning("names_not_read", cause=type(error).__name__)
            return None
        hits = (_hit(one, mine[one.repository_id], asked.filters) for one in found)
        return tuple(hit for hit in hits if hit is not None)[: asked.limit]


def _hit(found: NamedFile, pointer: Pointer, wanted: Filters) -> Hit | None:
    """Return a file by the name that fits best, or by its path alone; ``None`` where it is not what is wanted."""
    if wanted.languages and found.language not in wanted.languages:
        return None
    name = next((one for one in found.names if not wanted.kinds or one.kind in wanted.kinds), None)
    if name is None and wanted.kinds:
        return None
    return Hit(
        repository_id=pointer.repository_id,
        repository=pointer.repository,
        commit=pointer.commit,
        path=found.path,
        language=found.language,
        kind="file" if name is None else name.kind,
        symbol="" if name is None else name.symbol,
        start=0 if name is None else name.start,
        end=0 if name is None else name.end,
        score=found.score,
        snippet="",
        snippet_start=0,
        by="names",
    )
