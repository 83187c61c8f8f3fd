"""Which repositories have text, and where it lies: read from the ledger when it moved, and from memory in between."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from uuid import UUID

from shared.errors import InvalidRequest, LedgerUnavailable, NotFound
from shared.ledger.repositories import Repository, RepositoryReader

#: Repositories that are read at a time.
_PAGE = 500
#: Repositories that one search may cover.
MOST = 500


@dataclass(frozen=True, kw_only=True)
class Pointer:
    """The published text of one repository."""

    repository_id: str
    repository: str
    #: The node that has it; ``None``: every worker reaches it.
    home: str | None
    collection: str
    generation: int
    passages: int
    commit: str
    model: str


@dataclass(frozen=True, kw_only=True)
class Directory:
    """A tenant's repositories as they were last read."""

    #: Names by id, also of those without text.
    names: dict[str, str]
    #: By id.
    pointers: dict[str, Pointer]
    #: Whether the ledger says so now: it was asked, or nothing has moved since.
    current: bool = True

    def targets(self, wanted: Sequence[str]) -> tuple[Pointer, ...]:
        """Return the text of the repositories that are named by id, name, or the end of a name; of all without any.

        Raises:
            NotFound: there is no such repository, or none that has text.
            InvalidRequest: a name means several, or more are meant than one search covers.
        """
        chosen = dict.fromkeys(self._find(one) for one in wanted) if wanted else self.pointers
        if not self.pointers:
            raise NotFound("No repository has text to search. Publish some: pharos submit REPO --content both")
        for one in chosen:
            if one not in self.pointers:
                name = self.names[one]
                raise NotFound(f"{name} has no text to search. Publish it: pharos submit {name} --content both")
        if len(chosen) > MOST:
            raise InvalidRequest(f"One search covers {MOST} repositories, and {len(chosen)} have text. Name some.")
        return tuple(self.pointers[one] for one in chosen)

    def _find(self, text: str) -> str:
        if text in self.names:
            return text
        low = text.strip("/").lower()
        exact = [one for one, name in self.names.items() if name in {text, low}]
        found = exact or [one for one, name in self.names.items() if low and name.lower().endswith(f"/{low}")]
        if len(found) > 1:
            named = ", ".join(self.names[one] for one in found[:5])
            raise InvalidRequest(f"'{text}' may mean {named}. Nothing was searched. Give the whole name.")
        if not found:
            raise NotFound(
                f"No repository '{text}' is indexed. Index it with its text: pharos submit REPO --content both"
            )
        return found[0]


class Pointers:
    """Reads them once for all who ask. Belongs on the server's loop, but for ``forget``."""

    def __init__(self, reader: RepositoryReader, *, moved: Callable[[], object]) -> None:
        """``moved`` returns something that differs once a job was seen to begin, end or change.

        Whatever is published or removed is so by a job; and when one moves, Postgres is awake anyway. So a search reads
        the ledger only when that costs no waking.
        """
        self._reader = reader
        self._moved = moved
        self._forgotten = 0
        self._known: dict[UUID, tuple[object, Directory]] = {}
        self._reading: dict[UUID, tuple[object, asyncio.Task[Directory]]] = {}

    def forget(self) -> None:
        """Have the next search read anew: a worker said that something ended. Safe on every thread."""
        self._forgotten += 1

    async def of(self, tenant: UUID, *, seconds: float, anew: bool = False) -> Directory:
        """Return a tenant's repositories; where the ledger does not answer in time, as they were last known.

        Raises:
            LedgerUnavailable: it does not answer, and nothing was known before.
        """
        known = self._known.get(tenant)
        if known is not None and not anew and known[0] == self._mark():
            return known[1]
        try:
            # The reading goes on for whoever asks next, when this one has no time left.
            return await asyncio.wait_for(asyncio.shield(self._read(tenant)), seconds)
        except TimeoutError:
            late = LedgerUnavailable("The ledger (Postgres) did not answer in time. It may be waking: try again.")
        except LedgerUnavailable as error:
            late = error
        if known is None:
            raise late
        return Directory(names=known[1].names, pointers=known[1].pointers, current=False)

    def _mark(self) -> object:
        return self._forgotten, self._moved()

    def _read(self, tenant: UUID) -> asyncio.Task[Directory]:
        mark = self._mark()
        under_way = self._reading.get(tenant)
        # What began before the last move may not have seen it.
        if under_way is None or under_way[0] != mark or under_way[1].done():
            under_way = self._reading[tenant] = mark, asyncio.create_task(self._load(tenant, mark))
            under_way[1].add_done_callback(_seen)
        return under_way[1]

    async def _load(self, tenant: UUID, mark: object) -> Directory:
        found = directory(await asyncio.to_thread(self._all, tenant))
        # One that began later may have ended before: it knows better.
        if self._reading[tenant][0] == mark:
            self._known[tenant] = (mark, found)
        return found

    def _all(self, tenant: UUID) -> list[Repository]:
        found = self._reader.page(tenant=tenant, after=None, limit=_PAGE)
        while len(found) % _PAGE == 0 and found:
            more = self._reader.page(tenant=tenant, after=found[-1].name, limit=_PAGE)
            if not more:
                break
            found += more
        return found


def directory(repositories: Iterable[Repository]) -> Directory:
    """Return repositories as searches look at them."""
    known = list(repositories)
    found = [pointer for pointer in map(_pointer, known) if pointer is not None]
    return Directory(
        names={one.id: one.name for one in known}, pointers={pointer.repository_id: pointer for pointer in found}
    )


def _pointer(one: Repository) -> Pointer | None:
    text = one.text
    if text is None:
        return None
    return Pointer(
        repository_id=one.id,
        repository=one.name,
        home=text.node if text.vector_store == "lancedb" else None,
        collection=text.collection,
        generation=text.generation,
        passages=text.passages,
        commit=text.commit,
        model=text.model,
    )


def _seen(reading: asyncio.Task[Directory]) -> None:
    # Nobody may be left who waits for it; an error that nobody takes would be told by the loop at some later time.
    if not reading.cancelled():
        reading.exception()
