"""Passages for every test of their stores, and such a store taken for one of vectors."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from typing import Any

import numpy as np
from vector_world import REPOSITORY, TENANT

from shared.stores.base import Hit, Point
from shared.stores.passages import Passage, PassageStore, Place

TEXTS = "text_tiny_4"


def a_passage(path: str = "a.py", start: int = 1, **changes: Any) -> Passage:
    """Return a passage of generation 1, of ten lines; what is of a ``Place`` changes that."""
    place: dict[str, Any] = {"language": "python", "kind": "function", "symbol": "f", "end": start + 9}
    fields: dict[str, Any] = {
        "tenant_id": TENANT,
        "repository_id": REPOSITORY,
        "repository": "github.com/owner/name",
        "generation": 1,
        "chunk": f"{path!a}:{start}",
        "blob": f"blob of {path!a}",
        "header": path,
        "text": f"def f():\n    return {start}",
        "words": f"def return {start}",
        "vector": np.array([1.0, 0.0, 0.0, 0.0], dtype=np.float32),
    }
    place |= {name: changes.pop(name) for name in tuple(changes) if name in place}
    return Passage(place=Place(path=path, start=start, **place), **(fields | changes))


class AsPoints:
    """A store of passages in which each point is a passage: what every store of vectors promises, it promises too."""

    def __init__(self, passages: PassageStore) -> None:
        self._passages = passages
        self.prepare = passages.prepare
        self.renew = passages.renew
        self.count = passages.count
        self.discard_below = passages.discard_below
        self.close = passages.close

    def upsert(self, collection: str, points: Sequence[Point]) -> None:
        """Write each point as its file's only passage."""
        self._passages.upsert(collection, [_passage(point) for point in points])

    def nearest(
        self,
        collection: str,
        vector: Sequence[float],
        *,
        tenant_id: str,
        repository_id: str,
        generation: int,
        limit: int,
    ) -> list[Hit]:
        """Read what a generation sees, and compare."""
        asked = {"tenant_id": tenant_id, "repository_id": repository_id, "generation": generation}
        hits = []
        for batch in self._passages.read(collection, **asked):  # type: ignore[arg-type]  # the names are of one kind each
            cosines = batch.vectors @ np.array(vector) / np.linalg.norm(batch.vectors, axis=1) / np.linalg.norm(vector)
            for place, text, cosine in zip(batch.places, batch.texts, cosines.tolist(), strict=True):
                written, isolated = text.split()
                hits.append(
                    Hit(
                        repository_id=repository_id,
                        path=place.path,
                        generation=int(written),
                        isolated=isolated == "True",
                        score=cosine,
                    )
                )
        return sorted(hits, key=lambda hit: -hit.score)[:limit]


def _passage(point: Point) -> Passage:
    named: Collection[str] = ("tenant_id", "repository_id", "repository", "generation", "language")
    return a_passage(
        point.path,
        **{name: getattr(point, name) for name in named},
        text=f"{point.generation} {point.isolated}",
        vector=np.array(point.vector, dtype=np.float32),
    )
