"""Points of two tenants and two repositories, for every test of a vector store."""

from __future__ import annotations

from typing import Any

from shared.stores.base import Point, VectorStore

TENANT = "00000000-0000-0000-0000-000000000001"
OTHER_TENANT = "00000000-0000-0000-0000-000000000002"
REPOSITORY = "repo_0123456789abcdefghjkmnpqrs"
OTHER_REPOSITORY = "repo_1123456789abcdefghjkmnpqrs"
COLLECTION = "files-node2vec-4"
MINE: dict[str, Any] = {"tenant_id": TENANT, "repository_id": REPOSITORY}
PUBLISHED: dict[str, Any] = {**MINE, "generation": 1}


def a_point(path: str = "a.py", vector: tuple[float, ...] = (1.0, 0.0, 0.0, 0.0), **changes: Any) -> Point:
    """Return a point of generation 1."""
    fields: dict[str, Any] = {
        "tenant_id": TENANT,
        "repository_id": REPOSITORY,
        "repository": "github.com/owner/name",
        "generation": 1,
        "language": "python",
        "isolated": False,
    }
    return Point(path=path, vector=vector, **(fields | changes))


def paths(store: VectorStore, generation: int = 1, **changes: Any) -> set[str]:
    """Return the paths that a generation sees."""
    asked = MINE | {"generation": generation} | changes
    return {hit.path for hit in store.nearest(COLLECTION, [1.0, 0.0, 0.0, 0.0], limit=100, **asked)}


def seen(store: VectorStore, generation: int) -> set[tuple[str, int]]:
    """Return the paths that a generation sees, each with the generation that wrote it."""
    hits = store.nearest(COLLECTION, [1.0, 0.0, 0.0, 0.0], limit=100, generation=generation, **MINE)
    found = {(hit.path, hit.generation) for hit in hits}
    # Neither is a path seen twice, nor does a count tell another story than a search.
    assert len(found) == len({path for path, _ in found}) == store.count(COLLECTION, generation=generation, **MINE)
    return found
