"""Everything about a graph that is worked out once, when it is ingested, and only read from then on."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from edge_worker.structure.adjacency import Adjacency, adjacency, components
from edge_worker.structure.communities import Parts, communities
from edge_worker.structure.cutting import cut
from edge_worker.structure.orphans import is_entry
from edge_worker.structure.rank import ranks
from shared.knowledge import Analysis, Community, Cycle, EdgeRow, FileRow, Standing

_LEADERS = 5


def analyse(files: Sequence[FileRow], edges: Sequence[EdgeRow]) -> Analysis:
    """Return how the graph of these files, by number from 0, and of these edges is built.

    The same graph gives the same answer, in whatever order its edges come.
    """
    pairs = sorted({(edge.source, edge.target) for edge in edges if edge.source != edge.target})
    ends = np.array(pairs, dtype=np.int64).reshape(-1, 2)
    sources, targets = ends[:, 0].copy(), ends[:, 1].copy()
    rank = ranks(len(files), sources, targets)
    parts = communities(len(files), sources, targets)
    return Analysis(
        standings=_standings(files, sources, targets, rank, parts),
        cycles=_cycles(adjacency(len(files), pairs)),
        communities=_communities(sources, targets, rank, parts),
        modularity=parts.modularity,
    )


def _standings(
    files: Sequence[FileRow],
    sources: NDArray[np.int64],
    targets: NDArray[np.int64],
    rank: NDArray[np.float64],
    parts: Parts,
) -> tuple[Standing, ...]:
    importers = np.bincount(targets, minlength=len(files)).tolist()
    imports = np.bincount(sources, minlength=len(files)).tolist()
    weights, member = rank.tolist(), parts.member.tolist()
    return tuple(
        Standing(
            rank=weights[number],
            importers=importers[number],
            imports=imports[number],
            community=member[number] if member[number] >= 0 else None,
            orphan=not importers[number] and not file.flags and not is_entry(file.path),
        )
        for number, file in enumerate(files)
    )


def _cycles(following: Adjacency) -> tuple[Cycle, ...]:
    return tuple(_cycle(following, nodes) for nodes in components(following))


def _cycle(following: Adjacency, nodes: list[int]) -> Cycle:
    place = {node: index for index, node in enumerate(nodes)}
    found = cut([[place[after] for after in following[node] if after in place] for node in nodes])
    return Cycle(
        files=tuple(nodes),
        cut=tuple((nodes[start], nodes[end]) for start, end in found.edges),
        at_least=found.at_least,
    )


def _communities(
    sources: NDArray[np.int64], targets: NDArray[np.int64], rank: NDArray[np.float64], parts: Parts
) -> tuple[Community, ...]:
    starts, ends = parts.member[sources], parts.member[targets]
    inside = np.bincount(starts[starts == ends], minlength=parts.count)
    across = np.bincount(starts[starts != ends], minlength=parts.count)
    across += np.bincount(ends[starts != ends], minlength=parts.count)
    sizes = np.bincount(parts.member[parts.member >= 0], minlength=parts.count)
    # By community, then by rank downwards, then by number: each community's leaders stand first in its stretch.
    order = np.lexsort((np.arange(rank.size), -rank, parts.member))
    order = order[parts.member[order] >= 0]
    begins = np.concatenate([[0], np.cumsum(sizes)])
    return tuple(
        Community(
            size=int(sizes[number]),
            inside=int(inside[number]),
            across=int(across[number]),
            leaders=tuple(order[begins[number] : begins[number + 1]][:_LEADERS].tolist()),
        )
        for number in range(parts.count)
    )
