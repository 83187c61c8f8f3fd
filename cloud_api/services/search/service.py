"""A search from the question to the answer: memory first, then the homes, then an older answer, then names."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace

from cloud_api.services.search.answers import Found, Hit, Kept
from cloud_api.services.search.asking import Asked, generations_of
from cloud_api.services.search.cache import Cache
from cloud_api.services.search.composing import joined, names_alone, older, what_is_wrong, with_names, without_ledger
from cloud_api.services.search.figures import Figures
from cloud_api.services.search.flights import Flights
from cloud_api.services.search.homes import Answers, Homes, homes_of
from cloud_api.services.search.names import Names
from cloud_api.services.search.pointers import Directory, Pointer, Pointers
from shared.errors import NotFound, Unavailable

#: What of the time is left for names when a home does not answer: a share, and seconds at most.
_RESERVE, _MOST_RESERVE = 0.15, 0.3


@dataclass(frozen=True, kw_only=True)
class _Flight:
    """One question under way, for all who ask it."""

    asked: Asked
    targets: tuple[Pointer, ...]
    key: bytes
    generations: bytes
    #: When nobody waits any more.
    until: float


class Search:
    """Answers questions about the text of a tenant's repositories. Belongs on the server's loop."""

    def __init__(
        self,
        *,
        pointers: Pointers,
        homes: Homes,
        names: Names,
        cache: Cache,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._pointers = pointers
        self._homes = homes
        self._names = names
        self._cache = cache
        self._clock = clock
        self._flights = Flights[Found]()
        self.figures = Figures(remembered=lambda: cache.size)

    async def ask(self, asked: Asked) -> Found:
        """Return what is found, within the milliseconds that ``asked`` gives; names are looked up even a moment later.

        Raises:
            NotFound: there is no such repository, or none with text.
            InvalidRequest: a name means several repositories, or more are meant than one search covers.
            Unavailable: there is nothing at all to say: no worker that has the text, and no ledger that has the names.
        """
        began = self._clock()
        until = began + asked.milliseconds / 1000
        directory, targets = await self._targets(asked, until)
        looked_up = self._clock() - began
        found = await self._found(asked, targets, until)
        if not directory.current:
            found = without_ledger(found)
        timings = {"repositories": looked_up * 1000, **found.timings, "total": (self._clock() - began) * 1000}
        found = replace(found, searched=targets, timings=timings)
        self.figures.count(found)
        return found

    async def _targets(self, asked: Asked, until: float) -> tuple[Directory, tuple[Pointer, ...]]:
        directory = await self._pointers.of(asked.tenant, seconds=until - self._clock())
        try:
            return directory, directory.targets(asked.repositories)
        except NotFound:
            # It may have been published a moment ago, and its worker's word of that be still under way.
            directory = await self._pointers.of(asked.tenant, seconds=until - self._clock(), anew=True)
            return directory, directory.targets(asked.repositories)

    async def _found(self, asked: Asked, targets: tuple[Pointer, ...], until: float) -> Found:
        flight = _Flight(
            asked=asked, targets=targets, key=asked.key(targets), generations=generations_of(targets), until=until
        )
        kept = self._cache.fresh(flight.key, flight.generations)
        if kept is not None:
            return Found(hits=kept.hits, source="cache", ranker=kept.ranker, model=kept.model)
        # Who has less time than those who ask already does not wait for them.
        same = (flight.key, flight.generations, asked.milliseconds)
        return await self._flights.join(same, lambda: self._fly(flight))

    async def _fly(self, flight: _Flight) -> Found:
        """Ask every home at once; where one is missing, do without as well as can be done."""
        left = flight.until - self._clock()
        seconds = left - min(left * _RESERVE, _MOST_RESERVE)
        homes = homes_of(flight.targets)
        answers = await asyncio.gather(*(self._homes.ask(flight.asked, home, seconds=seconds) for home in homes))
        if all(one.missing is None for one in answers):
            return self._whole(flight, answers)
        if any(one.missing is None for one in answers):
            return await self._in_part(flight, answers)
        kept = self._older(flight)
        if kept is not None:
            return older(kept, answers, flight.targets)
        names, took = await self._look_up(flight, flight.targets)
        if names is None:
            raise Unavailable(
                f"Nothing could be searched: {what_is_wrong(answers)}; and the ledger (Postgres), which has the names, "
                "does not answer either. Nothing is lost; try again in a moment."
            )
        found = names_alone(names, answers, flight.targets, limit=flight.asked.limit)
        return replace(found, timings={"names": took})

    def _whole(self, flight: _Flight, answers: Sequence[Answers]) -> Found:
        found = joined(answers, flight.targets, limit=flight.asked.limit)
        if found.degraded is None:
            kept = Kept(hits=found.hits, ranker=found.ranker, model=found.model)
            self._cache.keep(flight.key, flight.generations, kept)
        return found

    async def _in_part(self, flight: _Flight, answers: Sequence[Answers]) -> Found:
        found = joined(answers, flight.targets, limit=flight.asked.limit)
        without = [one for answer in answers if answer.missing is not None for one in answer.home.pointers]
        names, took = await self._look_up(flight, without)
        if names is not None:
            found = with_names(found, answers, names, limit=flight.asked.limit)
        return replace(found, timings={**found.timings, "names": took})

    def _older(self, flight: _Flight) -> Kept | None:
        """Return an older answer, without what is not there any more."""
        kept = self._cache.stale(flight.key)
        if kept is None:
            return None
        there = {one.repository_id for one in flight.targets}
        hits = tuple(hit for hit in kept.hits if hit.repository_id in there)
        return kept.model_copy(update={"hits": hits}) if hits else None

    async def _look_up(self, flight: _Flight, pointers: Sequence[Pointer]) -> tuple[Sequence[Hit] | None, float]:
        """Return names, and the milliseconds that they took."""
        began = self._clock()
        # A home that took all of the time must not take the names, too.
        seconds = max(flight.until - began, _MOST_RESERVE)
        names = await self._names.search(flight.asked, pointers, seconds=seconds)
        return names, (self._clock() - began) * 1000
