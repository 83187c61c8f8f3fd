"""Neighbouring lines of one owner: what is one chunk, unless it is too long."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from edge_worker.text.measure import MOST
from edge_worker.text.outline import Owner


@dataclass(frozen=True, kw_only=True, slots=True)
class Run:
    """Rows, the last one included; neither the first nor the last is blank."""

    first: int
    last: int
    owner: int


def runs_of(owner_of: Sequence[int], owners: Sequence[Owner], sizes: Sequence[int]) -> list[Run]:
    """Return the runs in order. Together they have every row that is not blank, each once."""
    taken = _settled(_found(owner_of, sizes), owners, sizes)
    return _found(_painted(taken, len(sizes)), sizes)


def _found(owner_of: Sequence[int], sizes: Sequence[int]) -> list[Run]:
    runs: list[Run] = []
    for row, size in enumerate(sizes):
        if not size:
            continue
        if runs and runs[-1].owner == owner_of[row]:
            runs[-1] = Run(first=runs[-1].first, last=row, owner=runs[-1].owner)
        else:
            runs.append(Run(first=row, last=row, owner=owner_of[row]))
    return runs


def _painted(runs: Sequence[Run], rows: int) -> list[int]:
    owner_of = [0] * rows
    for run in runs:
        owner_of[run.first : run.last + 1] = [run.owner] * (run.last + 1 - run.first)
    return owner_of


def _settled(runs: Sequence[Run], owners: Sequence[Owner], sizes: Sequence[int]) -> list[Run]:
    """Give stubs to the function that they declare if that makes one chunk, else to what encloses it.

    So that none of them is found in its place. Where nothing implements them (an interface) they are what there is.
    """
    implemented = {owner.symbol for owner in owners if owner.kind in {"function", "method"} and not owner.is_stub}
    settled = list(runs)
    later: dict[str, Run] = {}
    for index in range(len(settled) - 1, -1, -1):
        run, owner = settled[index], owners[settled[index].owner]
        if not owner.is_stub or owner.symbol not in implemented:
            later = {owner.symbol: run} if owner.kind in {"function", "method"} else {}
            continue
        follower = later.get(owner.symbol)
        if follower is not None and sum(sizes[run.first : follower.last + 1]) <= MOST:
            settled[index] = Run(first=run.first, last=run.last, owner=follower.owner)
            later = {owner.symbol: Run(first=run.first, last=follower.last, owner=follower.owner)}
        else:
            settled[index] = Run(first=run.first, last=run.last, owner=owner.parent)
            later = {}
    return settled
